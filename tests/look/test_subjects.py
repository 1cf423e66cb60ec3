from __future__ import annotations

import pytest

from tests.look.conftest import LEVELS, ODD, fitted, small
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
