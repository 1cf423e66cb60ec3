"""Units with and without blanks before them are read alike, and written as most are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from unnoise.data import Schema
from unnoise.data._written.blanks import blanks_of

TEENS = range(11, 40)


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ([*(f"{i} kg" for i in TEENS), "7kg"], "0 kg"),
        ([*(f"{i}%" for i in TEENS), "7 %", "-3 %"], "0%"),
        ([*(f"$ {i}.50" for i in TEENS), "$7.25"], "$ 0.00"),
        ([*(f"{i} kg" for i in TEENS), "7kg", "800 g", "850g"], "[0 g: 800 to 850][0 kg: 7 to 39]"),
        ([f"{i} kg" for i in TEENS], None),  # all have it
        ([*(f"{i} kg" for i in TEENS), "7lbs and more"], None),
        ([*(f"{i} kg" for i in TEENS), "heavy"], None),
        ([], None),
    ],
)
def test_blanks_are_those_of_most(texts: list[str], form: str | None) -> None:
    found = blanks_of(pl.Series(texts, dtype=pl.String))
    assert (None if found is None else str(found)) == form


def test_numbers_are_the_same_with_and_without() -> None:
    texts = [*(f"{i} kg" for i in TEENS), "7kg", "8kg"] * 2
    frame = pl.DataFrame({"w": texts, "x": np.arange(len(texts)) / 7})
    with pytest.warns(UserWarning, match="'w' holds units with and without a blank before them; new ones are as '11 k"):
        schema = Schema.infer(frame)
    back = schema.decode(schema.encode(frame).x)["w"].to_list()
    assert back == [f"{text[:-3] if ' kg' in text else text[:-2]} kg" for text in texts]
