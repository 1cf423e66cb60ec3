"""What typed words mean among levels: in other capitals, and as true and false."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from unnoise.cli import given
from unnoise.cli.levels import Levels
from unnoise.data import Schema


def test_a_level_is_found_as_it_is_written_before_others() -> None:
    levels = Levels(["Yes", "yes", "Caf\u00e9", 1])
    assert [levels.find(word) for word in ("yes", "YES", "CAFE\u0301", "1", "x")] == [
        "yes",
        None,
        "Caf\u00e9",
        "1",
        None,
    ]
    assert [levels.value(word) for word in ("1", "x")] == [1, "x"]
    assert not Levels(())


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("yes", "no"),
        ("Y", "N"),
        ("T", "F"),
        ("ja", "nein"),
        ("oui", "non"),
        ("on", "off"),
        (1, 0),
        (1.0, 0.0),
        (True, False),
    ],
)
def test_true_and_false_are_known_by_any_words(yes: Any, no: Any) -> None:
    schema = Schema.infer(pl.DataFrame({"b": [yes, no, no, yes], "x": [1.5, 2.5, 3.0, 4.0]}))
    for words, wanted in (("yes YES y true TRUE T 1 ja oui on", yes), ("no No n false F 0 nein non off", no)):
        for word in words.split():
            values, _ = schema.given(given.told([f"b={word}"], schema), 1).columns["b"]
            assert values.tolist() == [wanted], word


def test_words_for_truth_are_none_among_other_levels() -> None:
    schema = Schema.infer(pl.DataFrame({"b": ["yes", "no", "perhaps"], "x": [0, 1, 2], "s": [0.0, 0.5, 1.0]}))
    assert given.told(["b=true", "x=yes", "s=1.0"], schema) == {"b": "true", "x": "yes", "s": "1.0"}
