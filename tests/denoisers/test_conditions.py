"""Conditions: one row each, or one for all, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import conditions

ROWS = torch.arange(6.0).reshape(3, 2)


def test_as_many_rows_as_there_are_stay_as_they_are():
    assert conditions.for_rows(ROWS, 3) is ROWS
    assert conditions.for_rows(None, 3) is None


@pytest.mark.parametrize("n", [0, 1, 5])
def test_one_row_holds_for_all(n):
    assert torch.equal(conditions.for_rows(ROWS[:1], n), ROWS[:1].repeat(n, 1))


def test_conditions_may_nest():
    found = conditions.for_rows({"a": ROWS, "b": ROWS[:1]}, 3)
    assert torch.equal(found["b"], ROWS[:1].repeat(3, 1))
    assert torch.equal(conditions.at(found, slice(1, 3))["a"], ROWS[1:])
    assert conditions.at(None, slice(1, 3)) is None


@pytest.mark.parametrize(
    ("cond", "match"),
    [
        (ROWS, "got a condition of 3 rows for 4 rows; expected 4 rows, or one for all"),
        (ROWS[:0], "got a condition of 0 rows for 4 rows"),
        (ROWS.tolist(), "got a list as the condition; expected a tensor of 4 rows"),
        (np.zeros((4, 2)), "got a ndarray as the condition"),
        (torch.tensor(1.0), "got a tensor without rows"),
    ],
)
def test_anything_else_is_refused(cond, match):
    with pytest.raises(InputError, match=match):
        conditions.for_rows(cond, 4)
