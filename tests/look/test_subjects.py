from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.look.conftest import LEVELS, ODD, fitted, small
from unnoise.data import Schema
from unnoise.data.factors import ResolvedFactor
from unnoise.look.subjects import subjects


def test_columns_say_how_they_can_be_fixed() -> None:
    about = subjects(fitted().schema_)
    assert list(about) == ["place", "age", "since", ODD]
    assert about["place"].levels == tuple(sorted(LEVELS))
    assert [one.numeric for one in about.values()] == [False, True, True, True]
    assert about["since"].words.startswith("date, 1970-01-0")
    assert [name for name, one in about.items() if one.may_be_missing] == [ODD]


@pytest.mark.parametrize(
    ("kind", "name", "fact", "value"),
    [
        ("images", "digit", "condition", True),
        ("images", "digit", "needed", False),
        ("images", "x", "whole", True),
        ("places", "lat", "together", ("lat", "lon")),
        ("letters", "dna", "text", True),
        ("angles", "phi", "numeric", True),
    ],
)
def test_other_kinds(kind: str, name: str, fact: str, value: object) -> None:
    assert getattr(subjects(small(kind).schema_)[name], fact) == value


def test_a_factor_is_decoded_once_for_all_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each would take seconds before the first page of 500 columns."""
    rng = np.random.default_rng(0)
    schema = Schema.infer(pl.DataFrame(rng.normal(size=(20, 12)), schema=[f"c{i}" for i in range(12)]))
    decode, asked = ResolvedFactor.decode, []

    def counted(self: ResolvedFactor, x: Any) -> dict[str, Any]:
        asked.append(self.columns)
        return decode(self, x)

    monkeypatch.setattr(ResolvedFactor, "decode", counted)
    assert len(subjects(schema)) == 12
    assert len(asked) == len(set(asked)) > 0
