"""Columns of text that hold numbers in one form: numbers inside, and back as they were written."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data import holes
from unnoise.data._checked import check
from unnoise.data._native import Column
from unnoise.data._numerics import Values
from unnoise.data._written import cells, counted, forms
from unnoise.data._written.abbreviated import abbreviated_of
from unnoise.data._written.blanks import blanks_of
from unnoise.data._written.degrees import degrees_of
from unnoise.data._written.limits import like, limits_of, said_apart
from unnoise.data._written.notations import notation_of
from unnoise.data._written.scripts import scripted_of
from unnoise.data._written.units import SeveralUnits, in_units_of
from unnoise.data.arrays import is_missing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals.stable.v2 as nw
    import polars as pl

_SHOWN = 3


def described(series: nw.Series[Any], column: Column, plain: bool, declared: bool = False) -> Column:
    """The column, with the form of its numbers if its texts are such, and the words beside them.

    Args:
        series: the values.
        column: its name and type.
        plain: whether text stays text.
        declared: whether the user says its kind, so that words are none of numbers.
    """
    held = None if plain or column.counted or column.categorical else counted.as_polars(series)
    if held is None or not counted.holds_text(series):
        return column
    plainly = notation_of(held, str(column.label), aloud=True)
    found = plainly or degrees_of(held) or abbreviated_of(held) or scripted_of(held)
    if found is not None:
        return dataclasses.replace(column, written=str(found))
    limits = None if declared else limits_of(held)
    if limits is None:
        return _of_units(held, column, declared)
    if isinstance(limits.form, SeveralUnits):
        _say_units(limits.form, column)
    numbers = limits.form.numbers(held).drop_nulls()
    places = limits.places(*(numbers.to_numpy()[[i]].item() for i in _ends(numbers)))
    if limits.guess is not None:
        warn(
            f"{limits.guess!r} in column '{column.label}' is taken to say that too little was there to be measured, "
            "less than all numbers; leave its cells empty if they are missing."
        )
    if limits.others:
        said_apart(column.label, limits.others)
    told: dict[str, Any] = {"apart": len(limits.others) or None, "objects": _objects(series, limits.words)}
    return dataclasses.replace(column, written=str(limits.form), words=limits.words, places=places, **told)


def _of_units(held: pl.Series, column: Column, declared: bool) -> Column:
    """The column, with its numbers of several units, if its texts are such; numbers in texts are said."""
    if declared:
        return column
    loose = None
    found = in_units_of(held) or (loose := blanks_of(held))
    if found is None:
        cells.warn_of_digits(held, str(column.label))
        return column
    if isinstance(found, SeveralUnits):
        _say_units(found, column)
    if loose is not None:
        example = found.texts(found.numbers(held.drop_nulls().head(1)).to_numpy())[0]
        warn(f"Column '{column.label}' holds units with and without a blank before them; new ones are as {example!r}.")
    return dataclasses.replace(column, written=str(found))


def _say_units(form: SeveralUnits, column: Column) -> None:
    warn(
        f"Column '{column.label}' holds {form.words()}, which are modelled as they are, each unit apart; write all in "
        "one unit if they are one quantity."
    )


def units_of(column: Column) -> SeveralUnits | None:
    """The form of a column of numbers of several units; None for any other."""
    found = None if column.written is None else forms.form(column.written)
    return found if isinstance(found, SeveralUnits) else None


def is_text_of(series: nw.Series[Any], column: Column) -> bool:
    """Whether a series holds texts, or plain numbers where such of several units are expected."""
    lacks_units = series.dtype.is_numeric() and not series.is_null().all() and units_of(column) is not None
    return lacks_units or counted.holds_text(series)


def _objects(series: nw.Series[Any], words: Sequence[str]) -> str | None:
    """The type of the numbers of a column of objects, if words alone are texts in it."""
    held = [value for value in series.to_list() if not is_missing(value)]
    kinds = {type(value) for value in held if not isinstance(value, str)}
    if not kinds or not kinds <= {int, float} or any(isinstance(one, str) and one not in words for one in held):
        return None
    return "int" if kinds == {int} else "float"


def _ends(numbers: pl.Series) -> tuple[int, int]:
    """Where the least and the greatest of them stand."""
    return int(numbers.arg_min() or 0), int(numbers.arg_max() or 0)


def numbers(series: nw.Series[Any] | pl.Series, column: Column) -> Values:
    """The texts of a column as numbers, with holes; an InputError names rows that are none."""
    held: Any = series if hasattr(series, "to_physical") else counted.as_polars(series)
    form = forms.form(str(column.written))
    held = _as_texts(series) if held is None else held
    found = form.numbers(held)
    empty = held.is_null().to_numpy()
    if column.words:
        known = dict(zip(column.words, column.places or (), strict=True))
        odd = held.filter(found.is_null() & held.is_not_null()).unique().to_list()
        meant = {text: known[word] for text in odd if (word := like(text, column.words)) is not None}
        said = held.replace_strict(meant, default=None, return_dtype=found.dtype) if meant else found
        found = found.zip_with(found.is_not_null(), said)
    wrong = np.flatnonzero(found.is_null().to_numpy() & ~empty).tolist()
    if wrong:
        rows = ", ".join(map(str, wrong[:_SHOWN])) + (", ..." if len(wrong) > _SHOWN else "")
        beside = f", or {' or '.join(column.words)}" if column.words else ""
        several = isinstance(form, SeveralUnits)
        was = form.words() if isinstance(form, SeveralUnits) else f"numbers written as {form}"
        raise InputError(
            f"Column '{column.label}' held {was} when the model was fitted, but row {rows} holds "
            f"{held[wrong[0]][:60]!r}; expected numbers as then{beside}{', with a unit, near those' * several}."
        )
    values = found.drop_nulls().to_numpy()
    return holes.spread(values, ~empty) if empty.any() else values


def _as_texts(series: Any) -> pl.Series:
    """Plain numbers, of which a unit may be missing, as texts."""
    import polars as pl

    held = series.to_list()
    return pl.Series([None if is_missing(value) else f"{value:.15g}" for value in held], dtype=pl.String)


def told(value: Any, column: Column) -> Any:
    """A value, list, range or set of a column, whose texts become numbers; all else stays."""
    import polars as pl

    units = units_of(column)
    if units is not None and isinstance(value, tuple) and len(value) == 2:
        low, high = (_with_unit(end) for end in value)
        return (low, high) if low is None and high is None else units.between(low, high)
    value = value if units is None else _with_unit(value)
    if isinstance(value, str):
        return numbers(pl.Series([value]), column)[0].item()
    if isinstance(value, set | frozenset | tuple):
        return type(value)(told(one, column) for one in value)
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype.kind in "OU"):
        held = list(value)
        if any(isinstance(one, str) for one in held) and all(one is None or isinstance(one, str) for one in held):
            return numbers(pl.Series(held), column)
    return value


def _with_unit(value: Any) -> Any:
    """A plain number as a text, which may lack a unit, also in a list; anything else as it is."""
    if isinstance(value, list):
        return [_with_unit(one) for one in value]
    plain = isinstance(value, int | float) and not isinstance(value, bool) and not is_missing(value)
    return f"{value:.15g}" if plain else value


def texts(values: Values, column: Column) -> Values:
    """Numbers as the texts of a column, or as the objects that they were, or the words that they stand for."""
    found = forms.form(str(column.written)).texts(values)
    if column.objects is not None:
        point = {"int": int, "float": float}[column.objects]
        found[:] = [point(text) for text in found.tolist()]
    for word, place in zip(column.words or (), column.places or (), strict=True):
        found[values == place] = word
    return found


def holds_words(values: Values, column: Column) -> bool:
    """Whether some of the numbers stand for words, which no column of numbers can hold."""
    return bool(np.isin(values, column.places or ()).any())


def check_column(column: Column) -> None:
    """Refuse a form that no column has."""
    if column.written is not None:
        check(counted.is_text(column) and column.counted is None, "written", column.written, "none of this column")
        forms.form(column.written)
    words, places = column.words or (), column.places or ()
    fitting = len(words) == len(places) == len(set(words)) == len(set(places))
    has_numbers = column.written is not None or (column.counted is not None and counted.is_text(column))
    check(fitting and (has_numbers or not words), "words, places", words, "as many places")
    known = (None, "UTC") if column.counted == "datetime" else (None, "int", "float")
    check(column.objects in known, "objects", column.objects, f"one of {known}")
    check(column.objects is None or column.type == "object", "objects", column.objects, "none of this column")
    check(0 <= (column.apart or 0) <= len(words), "apart", column.apart, "as many words, or fewer")
