"""Rows of numbers, or one sentence."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.evaluation import wasserstein
from unnoise.evaluation._rows import as_rows
from unnoise.evaluation.calibration import density_coverage

ROWS = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    "rows",
    [
        ROWS,
        np.array(ROWS, dtype=np.float32),
        np.array(ROWS)[:, :, None],
        torch.tensor(ROWS, requires_grad=True),
        torch.tensor(ROWS).long(),
        torch.tensor(ROWS).mT.contiguous().mT,
    ],
    ids=["lists", "float32", "deep", "grad", "whole", "strides"],
)
def test_they_are_read(rows: object) -> None:
    np.testing.assert_array_equal(as_rows(rows, "the rows"), ROWS)


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (torch.zeros(3, 2, device="meta"), r"the rows are a tensor of shape \(3, 2\); expected rows of numbers"),
        (np.zeros((0, 2)), "the rows have 0 rows; expected at least 1"),
        (torch.zeros(0, 2, 3), "the rows have 0 rows"),
        (np.zeros(3), r"the rows have shape \(3,\); expected one row per example"),
        (torch.tensor(1.0), r"the rows have shape \(\)"),
        ([[1.0, math.inf]], "the rows hold NaN or infinity in 1 rows, first in row 0"),
        ([[1.0], [1.0, 2.0]], "expected rows of numbers, all as long"),
        (None, "the rows have shape"),
    ],
    ids=["meta", "none", "no tensors", "one axis", "a number", "infinite", "ragged", "nothing"],
)
def test_what_is_none_is_refused(rows: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        as_rows(rows, "the rows")


def test_no_rows_have_no_distance_and_no_coverage() -> None:
    with pytest.raises(InputError, match="have 0 rows"):
        wasserstein(np.zeros((0, 2)), np.array(ROWS))
    for wrong in (torch.zeros(60, device="meta"), torch.zeros(0)):
        with pytest.raises(InputError, match="expected"):
            density_coverage(torch.zeros(60, 20), wrong)
