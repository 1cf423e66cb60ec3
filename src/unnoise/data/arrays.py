"""Array-likes as dense arrays, with holes as of `holes`. Errors use scikit-learn's words."""

from __future__ import annotations

import numbers
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import holes
from unnoise.data._checked import check, check_dtype
from unnoise.data._numerics import Values, cast

NO_ROWS = "Found array with 0 sample(s) (shape={}) while a minimum of 1 is required."
NO_FEATURES = "Found array with 0 feature(s) (shape={}) while a minimum of 1 is required."
_FRAME = "pandas.DataFrame(data)"
_WHOLE = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_TENSORS = ("bool", *_WHOLE, "float16", "bfloat16", "float32", "float64")
_SPARSE = "Sparse data was passed for X, but dense data is required. Use '.toarray()' to convert it."


class _WrongType(InputError, TypeError):
    """Also a TypeError, which scikit-learn's checks of estimators expect here."""


def as_array(data: Any) -> Values:
    """A dense array of numbers, or of objects if there is text.

    >>> as_array([[1, 2.5], [3, 4]])
    array([[1. , 2.5],
           [3. , 4. ]])
    """
    if isinstance(data, Tensor):
        return _plain(tidy(_from_tensor(data), "The data"))
    if hasattr(data, "tocsr"):
        raise _WrongType(_SPARSE)
    rows = isinstance(data, Sequence) or hasattr(data, "__array__")
    if not rows or isinstance(data, str | bytes | bytearray | Mapping):
        kind = type(data).__name__
        how = f"; make one of it, as by {_FRAME}" if isinstance(data, Mapping) else ""
        how = "; read a file by unnoise.data.read(path)" if isinstance(data, str | os.PathLike) else how
        raise InputError(
            f"The data is of type {kind}; expected an array, a tensor, a DataFrame or a list of rows{how}."
        )
    if isinstance(data, Sequence) and len(data) and isinstance(data[0], Mapping):
        raise InputError(f"The data is a list of dicts; make a DataFrame of it, as by {_FRAME}.")
    parts = data if isinstance(data, list | tuple) else [data]
    if masked := sum(_count_masked(part) for part in parts if isinstance(part, np.ma.MaskedArray)):
        raise InputError(
            f"The data has {masked} masked values; make holes of them, as by data.astype(float).filled(numpy.nan), or "
            "drop their rows."
        )
    return _plain(tidy(_from_rows(data), "The data"))


def matrix_of(data: Any) -> Values:
    """An array (n, d) with at least one row and one column."""
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
    """The columns of (n, d), each contiguous."""
    return [tidy(column, f"Column x{i}") for i, column in enumerate(np.asfortranarray(matrix_of(data)).T)]


def check_rows(array: Values) -> None:
    """Refuse data without rows."""
    if array.shape[0] == 0:
        raise InputError(NO_ROWS.format(array.shape))


def tidy(values: Values, where: str) -> Values:
    """Booleans, integers or floats, or objects if there is text, with holes as `holes.spread` marks them.

    >>> tidy(np.array([1, None, 2.5], dtype=object), "Column 'a'")
    array([1. , nan, 2.5])
    """
    kind = values.dtype.kind
    if kind in "biuf":
        return values
    if kind == "c":
        raise InputError(f"Complex data not supported: {where} is of type {values.dtype}.")
    if kind not in "OUT":
        how = f", or a DataFrame, as by {_FRAME}" if values.dtype.names else ", or drop it"
        raise InputError(f"{where} is of type {values.dtype}; turn it into plain numbers or text{how}.")
    try:
        held = values.ravel().tolist()
        if set(map(type, held)) == {str}:  # millions of cells at once, of which none is missing
            return np.array(held, dtype=object).reshape(values.shape)
        held = [None if is_missing(value) else value for value in held]
    except (SystemError, ValueError):
        raise InputError(f"{where} of type {values.dtype} holds what is no text.") from None
    if any(isinstance(value, str) for value in held):
        held = [str.__str__(value) if isinstance(value, str) else value for value in held]  # members of enums are texts
        return np.array(held, dtype=object).reshape(values.shape)
    present = np.array([value is not None for value in held], dtype=bool)
    numbers = _numbers([value for value in held if value is not None], where)
    return (numbers if present.all() else holes.spread(numbers, present)).reshape(values.shape)


def is_missing(value: Any) -> bool:
    """Whether it is None, NaN, or a library's sign for a missing value."""
    nan = isinstance(value, float) and value != value
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def _numbers(held: list[Any], where: str) -> Values:
    for value in held:
        if not isinstance(value, numbers.Real | Decimal | np.bool_):
            raise _WrongType(
                f"{where} holds {value!r:.100}: an argument must be a string or a real number; turn it "
                "into one, as by astype(str)."
            )
    try:
        array = np.array(held)
        return array if array.dtype.kind in "biuf" else array.astype(np.float64)
    except (OverflowError, ValueError) as error:
        raise InputError(f"{where} holds a number beyond those of 64 bits ({error}).") from None


def _plain(array: Values) -> Values:
    """One array has one type: whole numbers with holes become floats, truth values with holes objects."""
    if not isinstance(array, np.ma.MaskedArray):
        return array
    truths = array.dtype.kind == "b"
    plain = np.ma.getdata(array).astype(object if truths else np.float64)
    plain[np.ma.getmaskarray(array)] = None if truths else np.nan
    return plain


def _from_rows(data: Any) -> Values:
    try:
        array = np.asarray(data)
    except (OverflowError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"The rows do not form an array, as when they differ in length: {error}") from None
    if array.dtype.kind in "US" and not isinstance(data, np.ndarray):
        return np.array(data, dtype=object)  # numbers beside text stay numbers
    return array


def _from_tensor(tensor: Tensor) -> Values:
    if tensor.layout != torch.strided:
        raise _WrongType(_SPARSE)
    try:
        tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
        return np.asarray(tensor.float() if tensor.dtype == torch.bfloat16 else tensor)
    except (RuntimeError, TypeError) as error:  # a meta, nested or quantised tensor, or one of 8 bit floats
        raise InputError(f"The data is a tensor that cannot be read as an array: {error}.") from error


def _count_masked(part: Any) -> int:
    return int(np.ravel(np.ma.getmaskarray(part)).view(bool).sum())


def typed(backend: str, dtype: str, array: Values, blank: Sequence[Any]) -> Any:
    """An array or tensor of the type `dtype`, with holes at some indices."""
    held = {"bfloat16": "float32"}.get(dtype, dtype)
    try:
        plain = array.dtype == object or np.dtype(held) in (object, array.dtype)
        array = array.astype(held, copy=False) if plain else cast(array, held)
    except (TypeError, ValueError) as error:
        raise InputError(f"The data of the model cannot be of type {dtype} ({error}); its schema is damaged.") from None
    if blank:
        if array.dtype.kind not in "fO":
            raise InputError(f"The data of the model are of type {dtype}, which has no holes; its schema is damaged.")
        array = array.copy()
        for index in blank:
            array[index] = None if array.dtype == object else np.nan
    if backend == "torch":
        return torch.from_numpy(np.ascontiguousarray(array)).to(getattr(torch, dtype))
    return array


def check_type(backend: str, dtype: str) -> None:
    """Refuse what makes no array or tensor."""
    check(backend in ("numpy", "torch"), "backend", backend, "numpy or torch")
    if backend == "torch":
        check(dtype in _TENSORS, "the type", dtype, f"one of {', '.join(_TENSORS)}")
    else:
        check_dtype(dtype, text=True)
