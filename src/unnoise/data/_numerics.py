"""Means, standardisation and casts without overflow in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]  # (n,), or (n, *event) of one kind
Floats = NDArray[np.float64]

_PIECE = 1 << 22  # elements held as float64 at once


def pieces(values: Values) -> list[Values]:
    """Consecutive rows, in float64 at most about 32 MB."""
    count = max(1, math.ceil(values.size / _PIECE))
    return np.array_split(values, min(count, max(1, len(values))))


def moments(values: Values) -> tuple[float, float]:
    """Mean and standard deviation, also if squares overflow.

    Dividing by a power of two is exact. Equal elements give deviation 0.

    >>> moments(np.array([1e300, 3e300]))
    (2e+300, 1e+300)
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return low, 0.0
    exponent = math.frexp(max(abs(low), abs(high)))[1]

    def average(f: Callable[[Floats], Floats]) -> float:
        parts = (f(np.ldexp(piece.astype(np.float64), -exponent)).sum() for piece in pieces(values))
        return float(sum(parts)) / values.size

    mean = average(lambda part: part)
    deviation = math.sqrt(average(lambda part: (part - mean) ** 2))
    smallest = float(np.finfo(np.float64).tiny)  # below it 1 / scale would be infinite
    return math.ldexp(mean, exponent), max(math.ldexp(deviation, exponent), smallest)


def standardise(values: Values, mean: float, scale: float) -> Floats:
    """(values - mean) / scale, without overflow of the difference.

    >>> standardise(np.array([1e308, -1e308]), 0.0, 1e308)
    array([ 1., -1.])
    """
    exponent = math.frexp(scale)[1]
    with np.errstate(over="ignore", invalid="ignore"):
        shifted = np.ldexp(values.astype(np.float64), -exponent) - np.ldexp(mean, -exponent)
        return np.asarray(shifted / math.ldexp(scale, -exponent))


def cast(numbers: Floats, dtype: str) -> Values:
    """The nearest numbers of the type `dtype`, clipped to its range."""
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.asarray(numbers >= 0.5)
    if kind == "f":
        limit = float(np.finfo(dtype).max)
        return np.clip(numbers.astype(np.float64, copy=False), -limit, limit).astype(dtype)
    info = np.iinfo(dtype)
    top = np.nextafter(float(info.max) + 1, 0)  # the greatest float64 that the type can hold
    return np.clip(np.rint(numbers), float(info.min), top).astype(dtype)


def above(values: Values, low: int) -> Floats:
    """Whole numbers less `low`, exact where near it, also beyond 2**53.

    >>> above(np.array([2**63 + 1, 2**63 + 3], dtype=np.uint64), 2**63)
    array([1., 3.])
    """
    if values.dtype.kind not in "iu":
        return np.asarray(values.astype(np.float64) - float(low))
    start, numbers = np.uint64(low % 2**64), values.astype(np.uint64)
    return np.where(values >= low, (numbers - start).astype(np.float64), -(start - numbers).astype(np.float64))


def risen(steps: Floats, low: int, high: int, dtype: str) -> Values:
    """Whole numbers `low` plus whole `steps`, at most `high`: the inverse of `above`."""
    top = np.nextafter(float(high - low) + 1, 0)
    values = (np.clip(steps, 0, top).astype(np.uint64) + np.uint64(low % 2**64)).astype(dtype)
    values[steps >= high - low] = high
    return values


def in_the_coarser_type(a: Values, b: Values) -> tuple[Values, Values]:
    """In the less precise of two float types, 0.1 in float32 equals 0.1 in float64."""
    coarser = min(a.dtype, b.dtype, key=lambda dtype: dtype.itemsize)
    with np.errstate(over="ignore"):
        return a.astype(coarser), b.astype(coarser)


def row_of(index: int, values: Values) -> int:
    """The row of an index into flattened values."""
    return int(index) // (values.size // len(values))
