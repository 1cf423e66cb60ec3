"""Levels: their order, and what they may be called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data.base import described, indices_of, levels_of


def column(*values: Any) -> np.ndarray:
    return np.array(values, dtype=object)


def test_levels_are_sorted_with_texts_last() -> None:
    assert levels_of(column("b", 2, "a", 1, "b"), "Column 'x'") == (1, 2, "a", "b")
    with pytest.raises(InputError, match="Column 'x' holds None; a level of a category is a text or a number"):
        levels_of(column("a", None), "Column 'x'")


def test_a_value_has_the_index_of_its_level() -> None:
    levels = (False, True, 2, "a")
    assert indices_of(column("a", True, 2), levels, "Column 'x'") == [3, 1, 2]
    assert indices_of(column("true", "2", False), levels, "Column 'x'", as_text=True) == [1, 2, 0]
    with pytest.raises(InputError, match="Column 'x' has no level '2'; the levels are False, True, 2, a"):
        indices_of(column("2"), levels, "Column 'x'")


def test_long_lists_are_cut() -> None:
    assert described(tuple("abc")) == "a, b, c"
    assert described(tuple("abcdefgh")) == "a, b, c, d, e, f, ..."
    with pytest.raises(InputError, match=r"the levels are 0, .*, 19, \.\.\."):
        indices_of(column(99), tuple(range(30)), "Column 'x'")


def test_a_long_level_is_cut_in_words() -> None:
    assert described(("x" * 5000, "y")) == f"{'x' * 37}..., y"
