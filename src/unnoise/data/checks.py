"""What values must be before they are modelled: numbers or text, all of them there."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from unnoise._errors import InputError
from unnoise.data._numerics import Values, row_of

_SHOWN = 3  # how many rows and columns a message lists


def tidy(values: Values, where: str) -> Values:
    """Values as booleans, integers or floats; as objects if there is text among them. What is missing is NaN.

    >>> tidy(np.array([1, None, 2.5], dtype=object), "Column 'a'")
    array([1. , nan, 2.5])
    """
    kind = values.dtype.kind
    if kind in "biuf":
        return values
    if kind == "c":
        raise InputError(f"Complex data not supported: {where} is of type {values.dtype}.")
    if kind not in "OUT":
        raise InputError(f"{where} is of type {values.dtype}; turn it into plain numbers or text, or drop it.")
    held = [None if _is_missing(value) else value for value in values.ravel().tolist()]
    flat = np.array(held, dtype=object) if any(isinstance(v, str) for v in held) else _numbers(held, where)
    return flat.reshape(values.shape)


def check_present(columns: Mapping[str, Values]) -> None:
    """Refuse NaN, None and infinities, and say in which rows and columns they are."""
    faults = {}
    for name, values in columns.items():
        if values.dtype == object:
            bad = np.array([value is None for value in values.flat], dtype=bool).reshape(values.shape)
        elif values.dtype.kind == "f":
            bad = ~np.isfinite(values)
        else:
            continue
        if bad.any():
            faults[name] = _fault(values, bad)
    if faults:
        listed = "; ".join(f"column '{name}' {fault}" for name, fault in list(faults.items())[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more columns" if len(faults) > _SHOWN else ""
        raise InputError(f"Input X contains NaN or infinity: {listed}{more}. Fill these in, or drop them.")


def _fault(values: Values, bad: Values) -> str:
    rows = list(dict.fromkeys(row_of(index, values) for index in np.flatnonzero(bad).tolist()))
    infinite = values.dtype.kind == "f" and bool(np.isinf(values[bad]).all())
    shown = ", ".join(map(str, rows[:_SHOWN])) + (", ..." if len(rows) > _SHOWN else "")
    return f"has {'inf' if infinite else 'NaN'} in {len(rows)} row{'s' * (len(rows) > 1)} ({shown})"


def _is_missing(value: Any) -> bool:
    nan = isinstance(value, float) and value != value
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def _numbers(held: list[Any], where: str) -> Values:
    for value in held:
        if not isinstance(value, numbers.Real | Decimal | np.bool_ | None):
            raise TypeError(f"{where} holds {value!r}: an argument must be a string or a real number.")
    if None in held:
        return np.array([np.nan if value is None else float(value) for value in held])
    array = np.array(held)
    return array if array.dtype.kind in "biuf" else array.astype(np.float64)
