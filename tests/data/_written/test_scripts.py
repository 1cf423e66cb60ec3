"""Numbers in the digits of other scripts are numbers, and come back in theirs."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data._written.forms import form
from unnoise.data._written.scripts import Scripted, scripted_of

TEXTS = {
    "۰٫۰": {"۱۲٫۵": 12.5, "-۳٫۰": -3.0, "۰٫۷": 0.7},
    "#٬##٠": {"١٬٢٣٤": 1234, "٥": 5},
    "०": {"१२": 12, "९०": 90},
    "０．０": {"３４．２": 34.2, "５．０": 5.0},
    "０.００": {"３４.２５": 34.25},
    "০%": {"৪৫%": 45, "৬%": 6},
}


@pytest.mark.parametrize("pattern", TEXTS)
def test_texts_are_their_numbers_and_come_back(pattern: str) -> None:
    texts = pl.Series([*TEXTS[pattern], None])
    found = scripted_of(texts)
    assert found is not None
    assert str(found) == pattern
    assert Scripted.of(pattern) == found == form(pattern)
    assert found.numbers(texts).to_list() == [*TEXTS[pattern].values(), None]
    assert found.texts(np.array(list(TEXTS[pattern].values()))).tolist() == list(TEXTS[pattern])


@pytest.mark.parametrize(
    "texts",
    [
        ["12", "13"],
        ["१२", "13"],  # of two scripts
        ["०१२३", "०४५६"],  # zeros that would be lost
        ["१२", "low"],
        ["low", "१२"],
        ["x²", "y³"],
        [],
    ],
)
def test_other_texts_are_none(texts: list[str]) -> None:
    assert scripted_of(pl.Series(texts, dtype=pl.String)) is None


@pytest.mark.parametrize("pattern", ["0.0", "٠٫۰", "x००"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected"):
        Scripted.of(pattern)


def test_a_column_comes_back_in_its_digits_and_takes_both() -> None:
    plain = [f"{i % 40 + 10}" for i in range(80)]
    frame = pl.DataFrame({"n": [text.translate(Scripted.of("۰")._own) for text in plain], "x": np.arange(80) / 7})
    schema = Schema.infer(frame)
    assert "whole numbers 10 to 49" in schema.describe()
    assert schema.decode(schema.encode(frame).x)["n"].to_list() == frame["n"].to_list()
    for value in ("۲۵", "25", 25):
        assert schema.given({"n": value}, 1).columns["n"][0].tolist() == [25]


def test_a_zero_may_have_a_sign() -> None:
    assert str(scripted_of(pl.Series(["-۰٫۰", "-۱٫۵", "۲٫۵"]))) == "۰٫۰"
