"""What is said of rows beforehand: values, ranges, sets, and that cells are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import arrays, conditions, frames
from unnoise.data._numerics import Values
from unnoise.data.holes import Mask
from unnoise.data.parts import Parts, unknown_column
from unnoise.data.said import Said
from unnoise.data.within import Within

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


@dataclass(frozen=True, eq=False)
class Given:
    """What is said of n rows.

    Attributes:
        x: states, whole numbers in the middle of their cells; where nothing is said, any.
        known: a tree like x of (n, *cells) bool: where a value was given, and the flags that are known by it. `None`
            sets the flag, and the value's cell is not known.
        cond: the features of the conditions.
        within: the ranges and sets, by column.
        columns: the values as they were given, in the type of the column, and where they were, both in the shape of
            the column; with the conditions among the columns.
    """

    x: Any
    known: Any
    cond: Tensor | None
    within: Mapping[str, Within]
    columns: Mapping[str, tuple[Values, Mask]]


def rows_told(values: Any) -> int:
    """Of how many rows a frame speaks; one for a dict, whose values may hold for all rows."""
    frame = _frame_of(values)
    return 1 if frame is None else len(frame)


def _frame_of(values: Any) -> nw.DataFrame[Any] | None:
    return None if isinstance(values, Mapping) or values is None else frames.opened(values)


def read(parts: Parts, values: Any, n: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the columns that are no conditions, and of those that are, by name."""
    frame = _frame_of(values)
    if frame is not None:
        if len(frame) not in (1, n):
            raise InputError(f"got a frame of {len(frame)} rows as given; expected 1, for all, or n = {n}")
        rows = np.zeros(n, dtype=int) if len(frame) == 1 else np.arange(n)
        told = {name: column[rows] for name, column in parts.container.columns_of(frame).items()}
    elif isinstance(values, Mapping) or values is None:
        told = parts.container.told(values or {})
    else:
        raise InputError(f"given is of type {type(values).__name__}; expected a dict or a DataFrame")
    known = (*parts.columns_of_state, *parts.constants, *parts.conditions, *parts.chart.computed)
    if unknown := [name for name in told if name not in known]:
        raise unknown_column(unknown[0], known)
    context = {name: told.pop(name) for name in list(told) if name in parts.conditions}
    for name, value in context.items():
        if arrays.is_missing(value) or isinstance(value, set | frozenset):
            raise InputError(
                f"Condition '{name}' is not modelled, so it cannot be missing or in a set; give it a value, or one for "
                "each row."
            )
    return told, context


def given(parts: Parts, told: Mapping[str, Any], context: Mapping[str, Any], n: int, cond: Tensor | None) -> Given:
    """What was read, as states of n rows."""
    said = Said(parts, n)
    for name, value in told.items():
        said.take(name, value)
    x, known = said.states()
    held = said.held
    inside = {name: kind for name, kind in parts.conditions.items() if name in parts.container.columns}
    if inside:
        restored = conditions.given_columns(context, n, parts.conditions)
        held |= {name: (kind.restore(restored[name], name), np.ones(n, dtype=bool)) for name, kind in inside.items()}
    return Given(parts._joined(x), parts._joined(known), cond, said.within, held)
