"""Levels that are probably one are said, and those that are not are not."""

from __future__ import annotations

import unicodedata
import warnings

import numpy as np
import polars as pl
import pytest

from unnoise import DenoisingMarkovModel
from unnoise._alike import alike

JOINED, APART = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        (["MALE", "Male", "female", "male"], [["MALE", "Male", "male"]]),
        (["New York", "New  York", "Rome"], [["New York", "New  York"]]),
        ([JOINED, APART, "Ana"], [[JOINED, APART]]),
        (["Y", "Yes", "N", "0"], [["Y", "Yes"], ["N", "0"]]),
        (["yes", "no", "unknown", "Yes"], [["yes", "Yes"]]),
        (["yes", "no", "unknown"], []),
        (["Y", "N"], []),
        (["1", "yes"], []),
        (["red", "green", "dark red"], []),
    ],
)
def test_levels_that_read_the_same_are_found(levels: list[str], found: list[list[str]]) -> None:
    assert alike(levels) == found


def test_fit_says_so_unless_they_are_declared() -> None:
    sex = np.tile(["f", "F", "m", "m"], 10)
    frame = pl.DataFrame({"sex": sex, "x": np.arange(40.0)})
    with pytest.warns(UserWarning, match=r"Column 'sex' holds levels that may be one \('F', 'f'\),"):
        model = DenoisingMarkovModel(quick=True).fit(frame)
    assert model.schema_.levels("sex") == ("F", "f", "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DenoisingMarkovModel(quick=True, kinds={"sex": "category"}).fit(frame)
