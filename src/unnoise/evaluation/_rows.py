"""Rows (n, d) of finite float64 numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import shown
from unnoise._errors import InputError
from unnoise._masks import unmasked

Array = NDArray[np.float64]
SIDES = ("the reference rows", "the samples")  # what is compared, in messages


def as_rows(values: Any, name: str, *, least: int = 1, holes: bool = False) -> Array:
    """An array or a tensor (n, *event) as rows (n, d); with `holes`, NaN stands for what is missing.

    Raises:
        InputError: one axis, fewer than `least` rows, or a number that is not finite.

    >>> as_rows([[1, 2], [3, 4]], "the samples").shape
    (2, 2)
    """
    try:
        if hasattr(values, "detach") and not isinstance(values, type):
            values = values.detach().cpu().numpy()
        array = np.asarray(unmasked(values), dtype=np.float64)
    except (TypeError, ValueError, OverflowError, NotImplementedError):  # the last of a tensor without numbers
        raise InputError(f"{name} are {shown(values)}; expected rows of numbers, all as long.") from None
    if array.ndim < 2:
        raise InputError(f"{name} have shape {array.shape}; expected one row per example, (rows, columns).")
    rows = array.reshape(len(array), math.prod(array.shape[1:]))
    if len(rows) < least:
        raise InputError(f"{name} have {len(rows)} rows; expected at least {least}.")
    bad = np.flatnonzero((np.isinf(rows) if holes else ~np.isfinite(rows)).any(axis=1))
    if bad.size:
        what = "infinity" if holes else "NaN or infinity"
        raise InputError(f"{name} hold {what} in {bad.size} rows, first in row {bad[0]}; drop or fill them.")
    return rows


def as_pair(
    first: Any, second: Any, names: tuple[str, str], *, least: int = 1, holes: bool = False
) -> tuple[Array, Array]:
    """Two sets of rows that must have the same columns."""
    x, y = as_rows(first, names[0], least=least, holes=holes), as_rows(second, names[1], least=least, holes=holes)
    if x.shape[1] != y.shape[1]:
        raise InputError(f"{names[0]} have {x.shape[1]} columns and {names[1]} {y.shape[1]}; expected equally many.")
    return x, y


def subsample(rows: Array, most: int, rng: np.random.Generator) -> Array:
    """At most `most` rows, without replacement, in order."""
    return rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]
