"""Sequences as conditions: letters or tokens, of any length up to the longest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data.features import Tokens
from unnoise.data.features.base import as_values

TEXTS = np.array(["GATTACA", "CAT"], dtype=object)


@pytest.mark.parametrize(
    "values",
    [
        [np.array([2, 0, 3]), np.array([1])],
        np.array([[2, 0, 3], [1, np.nan, np.nan]]),
        np.ma.masked_equal([[2, 0, 3], [1, 9, 9]], 9),
    ],
)
def test_tokens_may_come_in_any_form(values: Any) -> None:
    kind = Tokens.fit(as_values(values, "c"), "c")
    assert (kind.places, kind.states) == (3, 4)
    assert kind.features(as_values(values, "c"), "c").tolist() == [[3, 1, 4], [2, 0, 0]]


def test_one_sequence_is_for_all_rows() -> None:
    letters = Tokens.fit(TEXTS, "c")
    assert letters.given("CAT", "c", 2).tolist() == ["CAT", "CAT"]
    assert letters.given(["CAT", "G"], "c", 2).tolist() == ["CAT", "G"]
    tokens = Tokens.fit(np.array([[1, 2], [0, 1]]), "c")
    for value in ([1, 2], [[1, 2]] * 3, np.array([[1, 2]] * 3)):
        assert tokens.features(tokens.given(value, "c", 3), "c").tolist() == [[2, 3]] * 3
    with pytest.raises(InputError, match="'c' was given 2 values; give one, or one for each of 3 rows"):
        tokens.given([[1], [2]], "c", 3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("GATTACAT", "'c' has 8 places in row 0; the model was fitted on at most 7"),
        ("CAR", "'c' holds 'R' in row 0; the fitted letters are ACGT"),
        (3, "'c' holds 3 in row 0; expected a text"),
    ],
)
def test_unknown_texts_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Tokens.fit(TEXTS, "c").features(np.array([value], dtype=object), "c")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[5, 0]], "'c' holds the token 5 in row 0; expected whole numbers from 0 to 2"),
        ([[-1, 0]], "'c' holds what is no token in row 0"),
        ([[0.5, 0]], "'c' holds what is no token in row 0"),
        ([[[1]]], "expected a row of tokens"),
        ([3.0], "expected texts or rows of tokens"),
    ],
)
def test_unknown_tokens_are_refused(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Tokens.fit(np.array([[1, 2], [0, 1]]), "c").features(np.array(value), "c")
