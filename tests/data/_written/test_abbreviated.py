"""Numbers with letters for thousands and millions are numbers inside, and come back as they were written."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data._written.abbreviated import Abbreviated, abbreviated_of

MANY = [f"{i}K" for i in range(100, 130)]
FORMS = {
    "0.#[K|M]": {"1.5M": 1_500_000, "20M": 20_000_000, "2.1K": 2100},
    "0.#[|K|M]": {"999": 999, "0": 0, "1.5M": 1_500_000, "-3K": -3000},
    "€0.0[K|M]": {"€1.0M": 1_000_000, "-€2.5K": -2500},
    "$0.## [k|mn|bn]": {"$1.25 bn": 1_250_000_000, "$3 mn": 3_000_000},
}


@pytest.mark.parametrize("pattern", FORMS)
def test_texts_are_their_numbers_and_come_back(pattern: str) -> None:
    before, decimals = pattern[: pattern.index("0")], ".0" * ("0.0" in pattern)
    unit = pattern[pattern.index("]") - 1 :].rstrip("]") and ("k" if "k" in pattern else "K")
    blank = " " * (" [" in pattern)
    many = [f"{before}{i}{decimals}{blank}{unit}" for i in range(100, 130)]
    texts = pl.Series([*FORMS[pattern], None, *many])
    form = abbreviated_of(texts)
    assert str(form) == pattern
    assert Abbreviated.of(pattern) == form
    numbers = [*FORMS[pattern].values(), None, *range(100_000, 130_000, 1000)]
    assert form.numbers(texts).to_list() == numbers
    whole = np.array([number for number in numbers if number is not None])
    assert form.texts(whole).tolist() == texts.drop_nulls().to_list()


def test_numbers_between_are_rounded_to_the_greatest_letter() -> None:
    form = Abbreviated("", "", ("", "k", "M"), 0, 1)
    numbers = np.array([999.4, 999.96, 12_345, 999_949, 999_950, 7_654_321.0])
    assert form.texts(numbers).tolist() == ["999.4", "1k", "12.3k", "999.9k", "1M", "7.7M"]


@pytest.mark.parametrize(
    "texts",
    [
        MANY,  # of one unit, which is a notation
        [*MANY, "0.5M"],  # which would come back as 500K
        [*MANY, "1000K", "1M"],
        [*MANY, "1.2345M"],
        [*MANY, "5 km"],
        [*MANY, "€5M"],
        ["1K", "5K", "1M"],  # levels
    ],
)
def test_others_are_none(texts: list[str]) -> None:
    assert abbreviated_of(pl.Series(texts)) is None


@pytest.mark.parametrize("pattern", ["0.#", "0[x]", "[K|M]", "0.#[K|M]x"])
def test_patterns_that_no_text_has_are_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of numbers with letters"):
        Abbreviated.of(pattern)


def test_a_column_of_a_table_with_a_word_beside() -> None:
    size = [*MANY, *MANY, "1.5M", "20M", "1.5M", "20M"]
    schema = Schema.infer(pl.DataFrame({"size": size, "x": range(len(size))}))
    schema = Schema.from_config(schema.to_config())
    frame = pl.DataFrame({"size": size, "x": range(len(size))})
    assert schema.container.split(frame)["size"][-2:].tolist() == [1_500_000, 20_000_000]
    assert schema.decode(schema.encode(frame).x)["size"].to_list() == size
    assert schema.given({"size": "0.11M"}, 1).columns["size"][0].tolist() == [110_000]
    with pytest.warns(UserWarning, match="'size' holds numbers beside 'varies', a value of its own"):
        worded = Schema.infer(frame.with_columns(size=pl.Series(["varies", *size[1:]])))
    assert list(worded.container.words("size")) == ["varies"]
