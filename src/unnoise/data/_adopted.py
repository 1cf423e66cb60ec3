"""Later data in the types of the fitted columns: "2" where text was fitted, 2 where numbers were."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.data import holes
from unnoise.data._native import Column
from unnoise.data._numerics import Values
from unnoise.data.arrays import is_missing

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

HELD = TEXT_HELD, NUMBERS_HELD, TRUTH_HELD = "text", "numbers", "truth"
_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_EXACT = 2**53
_SHOWN = 3  # rows in a message


def holding(series: nw.Series[Any], column: Column) -> Column:
    """The column, with whether it holds text, numbers or truth values, where all its values are of one."""
    kind, held = type(series.dtype).__name__, None
    if column.counted is not None:
        return column
    if column.written is not None:
        return dataclasses.replace(column, holds=NUMBERS_HELD)
    if kind in ("String", "Categorical", "Enum"):
        levels = column.categories or ()
        held = TEXT_HELD if all(isinstance(level, str) for level in levels) else None
    elif kind == "Object":
        kinds = {type(value) for value in series.to_list() if not is_missing(value)}
        held = TEXT_HELD if kinds == {str} else TRUTH_HELD if kinds == {bool} else None
    elif kind == "Boolean":
        held = TRUTH_HELD
    elif series.dtype.is_numeric():
        held = NUMBERS_HELD
    return column if held is None else dataclasses.replace(column, holds=held)


def adopted(values: Values, column: Column) -> Values:
    """The values of a column in what it held when it was fitted, with holes.

    Raises:
        InputError: rows with what that cannot be, as words among numbers.
    """
    kind, held = values.dtype.kind, column.holds
    if held is None or ((held == TEXT_HELD) == (kind == "O") and (held == TRUTH_HELD) <= (kind == "b")):
        return values.astype(np.int64) if held == NUMBERS_HELD and kind == "b" else values
    plain, masks = holes.split({"": values})
    present = masks.get("", np.ones(len(values), dtype=bool))
    filled = plain[""][present]
    made = {TEXT_HELD: _texts, NUMBERS_HELD: _numbers, TRUTH_HELD: _truths}[held](filled)
    wrong = np.array([value is None for value in made], dtype=bool) if made.dtype == object else np.isnan(made)
    if held != TEXT_HELD and wrong.any():
        rows = np.flatnonzero(present)[wrong].tolist()
        more = ", ..." * (len(rows) > _SHOWN)
        shown = ", ".join(map(str, rows[:_SHOWN])) + more
        cells = ", ".join(dict.fromkeys(repr(str(values[row])[:40]) for row in rows[:_SHOWN])) + more
        one, was = len(rows) == 1, "numbers" if held == NUMBERS_HELD else "true and false"
        raise InputError(
            f"Column '{column.label}' held {was} when the model was fitted, but row{'s' * (not one)} {shown} "
            f"hold{'s' * one} {cells}."
        )
    made = made.astype(bool) if held == TRUTH_HELD else made
    return made if present.all() else holes.spread(made, present)


def _texts(values: Values) -> Values:
    if values.dtype.kind == "f" and (values == np.rint(values)).all() and (np.abs(values) <= _EXACT).all():
        values = values.astype(np.int64)  # as a hole made floats of whole numbers
    return values.astype(str).astype(object)


def _numbers(values: Values) -> Values:
    import polars as pl

    texts = pl.Series([str(value).strip() for value in values.tolist()], dtype=pl.String)
    whole = texts.cast(pl.Int64, strict=False)
    return (whole if whole.null_count() == 0 else texts.cast(pl.Float64, strict=False)).to_numpy()


def _truths(values: Values) -> Values:
    return np.array([_TRUTHS.get(str(value).strip().lower()) for value in values.tolist()], dtype=object)
