"""Array-likes as dense numpy arrays, with scikit-learn's words for what cannot be one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.data.checks import tidy


def as_array(data: Any) -> Values:
    """An array-like as a dense array of numbers, or of objects where it holds text.

    >>> as_array([[1, 2.5], [3, 4]])
    array([[1. , 2.5],
           [3. , 4. ]])
    """
    if isinstance(data, Tensor):
        return tidy(_from_tensor(data), "The data")
    if hasattr(data, "tocsr"):
        raise TypeError(_SPARSE)
    if isinstance(data, str | Mapping) or not (isinstance(data, Sequence) or hasattr(data, "__array__")):
        raise InputError(
            f"The data is of type {type(data).__name__}; expected an array, a tensor, a DataFrame or a list of rows."
        )
    if isinstance(data, np.ma.MaskedArray) and (masked := int(np.sum(np.ma.getmaskarray(data)))):
        raise InputError(f"The data has {masked} masked values; fill them in, or drop their rows.")
    return tidy(_from_rows(data), "The data")


def matrix_of(data: Any) -> Values:
    """An array-like as an array (n, d) with at least one row and one column."""
    array = as_array(data)
    if array.ndim != 2:
        got = "scalar" if array.ndim == 0 else f"{array.ndim}D"
        raise InputError(
            f"Expected 2D array, got {got} array instead, of shape {array.shape}. Reshape your data either "
            "using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) if it "
            "contains a single sample."
        )
    check_rows(array)
    if array.shape[1] == 0:
        raise InputError(NO_FEATURES.format(array.shape))
    return array


def columns(data: Any) -> list[Values]:
    """The columns of an array-like (n, d), each contiguous in memory."""
    return [tidy(column, f"Column x{i}") for i, column in enumerate(np.asfortranarray(matrix_of(data)).T)]


def check_rows(array: Values) -> None:
    """Refuse data without rows."""
    if array.shape[0] == 0:
        raise InputError(NO_ROWS.format(array.shape))


NO_ROWS = "Found array with 0 sample(s) (shape={}) while a minimum of 1 is required."
NO_FEATURES = "Found array with 0 feature(s) (shape={}) while a minimum of 1 is required."
_SPARSE = "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert it."


def _from_rows(data: Any) -> Values:
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise InputError(f"The rows do not form an array, as when they differ in length: {error}") from None
    if array.dtype.kind in "US" and not isinstance(data, np.ndarray):
        return np.array(data, dtype=object)  # numbers beside text stay numbers
    return array


def _from_tensor(tensor: Tensor) -> Values:
    if tensor.layout != torch.strided:
        raise TypeError(_SPARSE)
    tensor = tensor.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
