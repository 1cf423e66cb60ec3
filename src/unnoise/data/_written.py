"""Columns of text that hold numbers in one form: numbers inside, and back as they were written."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.data import _cells, _counted, holes
from unnoise.data._checked import check
from unnoise.data._native import Column
from unnoise.data._notations import Notation, notation_of
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

_SHOWN = 3


def described(series: nw.Series[Any], column: Column, plain: bool) -> Column:
    """The column, with the form of its numbers if its texts are such; `plain` text stays text."""
    held = None if plain or column.counted or column.categorical else _counted.as_polars(series)
    found = (
        None if held is None or not _counted.holds_text(series) else notation_of(held, str(column.label), aloud=True)
    )
    if found is None and held is not None and _counted.holds_text(series):
        _cells.warn_of_digits(held, str(column.label))
    return column if found is None else dataclasses.replace(column, written=str(found))


def numbers(series: nw.Series[Any] | pl.Series, column: Column) -> Values:
    """The texts of a column as numbers, with holes; an InputError names rows that are none."""
    held: Any = series if hasattr(series, "to_physical") else _counted.as_polars(series)
    form = Notation.of(str(column.written))
    found = form.numbers(held)
    empty = held.is_null().to_numpy()
    wrong = np.flatnonzero(found.is_null().to_numpy() & ~empty).tolist()
    if wrong:
        rows = ", ".join(map(str, wrong[:_SHOWN])) + (", ..." if len(wrong) > _SHOWN else "")
        raise InputError(
            f"Column '{column.label}' held numbers written as {column.written} when the model was fitted, but row "
            f"{rows} holds {held[wrong[0]][:60]!r}; expected numbers as then."
        )
    values = found.drop_nulls().to_numpy()
    return holes.spread(values, ~empty) if empty.any() else values


def told(value: Any, column: Column) -> Any:
    """A value, list, range or set of a column, whose texts become numbers; all else stays."""
    import polars as pl

    if isinstance(value, str):
        return numbers(pl.Series([value]), column)[0].item()
    if isinstance(value, set | frozenset | tuple):
        return type(value)(told(one, column) for one in value)
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype.kind in "OU"):
        held = list(value)
        if any(isinstance(one, str) for one in held) and all(one is None or isinstance(one, str) for one in held):
            return numbers(pl.Series(held), column)
    return value


def texts(values: Values, column: Column) -> Values:
    """Numbers as the texts of a column."""
    return Notation.of(str(column.written)).texts(values)


def check_column(column: Column) -> None:
    """Refuse a form that no column has."""
    if column.written is not None:
        check(_counted.is_text(column) and column.counted is None, "written", column.written, "none of this column")
        Notation.of(column.written)
