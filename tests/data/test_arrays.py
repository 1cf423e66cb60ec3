"""Array-likes: what becomes an array, and scikit-learn's words for what cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.arrays import as_array, columns


class ArrayLike:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([[1.0, 2.0]])


@pytest.mark.parametrize(
    "data", [[[1.0, 2.0]], ((1.0, 2.0),), np.array([[1.0, 2.0]]), torch.tensor([[1.0, 2.0]]), ArrayLike()]
)
def test_array_likes_are_read(data: Any) -> None:
    assert as_array(data).tolist() == [[1, 2]]


def test_columns_are_contiguous() -> None:
    assert all(column.flags.c_contiguous for column in columns(np.zeros((5, 3))))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            np.zeros(5),
            r"Expected 2D array, got 1D array instead, of shape \(5,\)\. Reshape your data either",
        ),
        (torch.zeros(5), "Expected 2D array, got 1D array instead"),
        ([1, 2, 3], "Expected 2D array, got 1D array instead"),
        (np.array(3.0), "Expected 2D array, got scalar array instead"),
        (
            np.zeros((0, 2)),
            r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 1 is required",
        ),
        (np.zeros((0, 8, 8)), r"Found array with 0 sample\(s\)"),
        (np.zeros((12, 0)), r"0 feature\(s\) \(shape=\(12, 0\)\) while a minimum of 1 is required"),
        (np.ones((1, 2)), r"got 1 sample \(n_samples = 1\); at least 2 are needed to fit a density"),
        (np.ones((1, 8, 8)), "got 1 sample"),
        ([[1, 2], [3]], "rows do not form an array, as when they differ in length"),
        ("data.csv", "data is of type str; expected an array, a tensor, a DataFrame or a list of rows"),
        ({"a": [1, 2]}, "data is of type dict"),
        (None, "data is of type NoneType"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 3), "The data has 1 masked values"),
    ],
)
def test_what_is_no_table_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)


@pytest.mark.parametrize("data", [sparse.csr_matrix(np.eye(3)), sparse.coo_array(np.eye(3)), torch.eye(3).to_sparse()])
def test_sparse_data_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError, match=r"Sparse data was passed for X, but dense data is required\."):
        Schema.infer(data)
