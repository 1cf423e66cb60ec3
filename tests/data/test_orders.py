"""The order of levels that are declared ordered."""

from __future__ import annotations

import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data._orders import natural


@pytest.mark.parametrize(
    "levels",
    [
        ["0-9", "10-19", "20-29", "100+"],
        ["<1", "1-5", "5-10", ">10"],
        ["under 18", "18-24", "25-64", "65 and over"],
        ["under $5,000", "$5,000-$9,999", "$10,000+"],
        ["-10 - -5", "-5 - 0", "0 - 5"],
        ["(-2.5, -1.0]", "(-1.0, 0.5]", "(0.5, 2.0]"],
        ["grade-2", "grade-10"],
        ["2019Q4", "2020Q1"],
        ["S", "M", "L", "XL"],
        ["Jan", "Feb", "Dec"],
        ["Low", "Medium", "High"],
        ["Strongly disagree", "Disagree", "Agree"],
        ["A+", "A", "B-"],
        ["I", "IV", "V", "IX"],
    ],
)
def test_bands_and_known_words_have_an_order_of_their_own(levels: list[str]) -> None:
    assert list(natural(sorted(levels), "v")) == levels


def test_what_has_no_order_of_its_own_is_said() -> None:
    with pytest.warns(
        UserWarning, match=r"'v' are ordered by the alphabet, a1 < b2 < cold; .*--column 'v=low < middle"
    ):
        assert natural(("a1", "b2", "cold"), "v") == ("a1", "b2", "cold")
    assert natural(("a", "b", "c"), "v") == ("a", "b", "c")
    assert natural((1, 2, 10), "v") == (1, 2, 10)


def test_an_order_is_said_as_a_kind() -> None:
    frame = pl.DataFrame(
        {"v": ["cold", "hot", "warm", "hot"], "w": ["low", "high", "low", "medium"], "k": [3, 1, 2, 1]}
    )
    kinds = {"v": "cold < warm < hot < boiling", "w": "ordered", "k": "3 < 2 < 1"}
    schema = Schema.infer(frame, kinds=kinds)
    assert [schema.factors[name].levels for name in ("v", "w", "k")] == [  # type: ignore[attr-defined]
        (("cold", "warm", "hot"),),
        (("low", "medium", "high"),),
        ((3, 2, 1),),
    ]
    assert schema.encode(frame).x["v"].flatten().tolist() == [0, 2, 1, 2]
    assert schema.decode(schema.encode(frame).x).equals(frame)
    assert Schema.from_config(schema.to_config()) == schema
    with pytest.raises(InputError, match="The order of 'v', cold < hot, lacks the level 'warm'; expected all of them"):
        Schema.infer(frame, kinds={"v": "cold < hot"})
