"""Holes: cells of the data that hold nothing.

Readers mark a hole by NaN among floats, by None among texts and levels, and by a mask among whole numbers and truth
values, which have no such sign. `split` turns all three into one: where each column is present.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.data._numerics import Values, row_of

Mask = NDArray[np.bool_]
Present = Mapping[str, Mask]  # of the columns with holes: True where there is a value, in the shape of the values

_SHOWN = 3  # columns and rows in a message


def spread(values: Values, present: Mask) -> Values:
    """A column with these values where it is present, and holes elsewhere.

    >>> spread(np.array([7, 9]), np.array([True, False, True]))
    masked_array(data=[7, --, 9],
                 mask=[False,  True, False],
           fill_value=999999)
    """
    if values.dtype.kind == "f":
        column = np.full(present.shape, np.nan, dtype=values.dtype)
    elif values.dtype == object:
        column = np.full(present.shape, None, dtype=object)
    else:
        column = np.ma.MaskedArray(np.zeros(present.shape, dtype=values.dtype), mask=True)
    column[present] = values
    return column


def split(columns: Mapping[str, Values]) -> tuple[dict[str, Values], dict[str, Mask]]:
    """The columns without a sign for holes, whatever stands there, and where those with holes are present."""
    plain: dict[str, Values] = {}
    masks: dict[str, Mask] = {}
    for name, values in columns.items():
        plain[name] = np.asarray(np.ma.getdata(values))
        if isinstance(values, np.ma.MaskedArray):
            present = ~np.ma.getmaskarray(values)
        elif values.dtype == object:
            present = np.array([value is not None for value in values.flat], dtype=bool).reshape(values.shape)
        elif values.dtype.kind == "f":
            present = ~np.isnan(values)
        else:
            continue
        if not present.all():
            masks[name] = present
    return plain, masks


def above(present: Mask) -> NDArray[np.intp]:
    """For each place the last one before it, or itself, that is present; the first of all where there is none.

    >>> above(np.array([False, True, False, True])).tolist()
    [1, 1, 1, 3]
    """
    places = np.where(present, np.arange(len(present)), present.argmax())
    return np.maximum.accumulate(places)


def filled(values: Values, present: Mask, example: Any = None) -> Values:
    """The column with each hole filled by the value above it, or by `example` where nothing is present."""
    if not present.any():
        return np.full(values.shape, example, dtype=getattr(example, "dtype", None))
    return np.asarray(values.ravel()[above(present.ravel())].reshape(values.shape))


def missing(present: Present) -> dict[str, Mask]:
    """Which rows have nothing of a column, for the columns of which that is so somewhere."""
    rows = {name: ~np.any(mask.reshape(len(mask), -1), axis=1) for name, mask in present.items()}
    return {name: row for name, row in rows.items() if row.any()}


def check_finite(columns: Mapping[str, Values]) -> None:
    """Refuse infinities, and say where they are."""
    floats = {name: np.isinf(values) for name, values in columns.items() if values.dtype.kind == "f"}
    if faults := {name: bad for name, bad in floats.items() if bad.any()}:
        shown = _located(faults, "column", "inf")
        raise InputError(f"Input X contains infinity: {shown}. Put a number there, or drop these rows.")


def check_whole(present: Present) -> None:
    """Refuse holes in conditions."""
    if present:
        shown = _located({name: ~mask for name, mask in present.items()}, "the condition", "NaN")
        raise InputError(
            f"Input X contains NaN where a model is conditional: {shown}. A condition is never modelled: fill these "
            "in, drop the rows, or do not declare it a condition."
        )


def check_not_empty(present: Present) -> None:
    """Refuse columns without any value."""
    if names := [name for name, mask in present.items() if not mask.any()]:
        listed = ", ".join(f"'{name}'" for name in names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
        what, it = ("Column", "it") if len(names) == 1 else ("Columns", "them")
        raise InputError(
            f"{what} {listed} had a value in no row, so there is nothing to learn; drop {it}, in a file by --query "
            "'select ... from data' (query=), which names the others."
        )


def _located(faults: Mapping[str, Mask], what: str, word: str) -> str:
    parts = []
    for name, bad in list(faults.items())[:_SHOWN]:
        rows = list(dict.fromkeys(row_of(index, bad) for index in np.flatnonzero(bad).tolist()))
        listed = ", ".join(map(str, rows[:_SHOWN])) + (", ..." if len(rows) > _SHOWN else "")
        parts.append(f"{what} '{name}' has {word} in {len(rows)} row{'s' * (len(rows) > 1)} ({listed})")
    left = len(faults) - _SHOWN
    more = f"; and {left} more column{'s' * (left > 1)}" if left > 0 else ""
    return "; ".join(parts) + more
