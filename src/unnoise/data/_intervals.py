"""Levels of pandas.cut and qcut, which are intervals: texts in a model, as (0, 18], and intervals again."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any

from unnoise._errors import InputError
from unnoise.data._checked import check
from unnoise.data._numerics import Values

_TYPE = re.compile(r"interval\[(int64|float64|datetime64\[(?:s|ms|us|ns)\]), (right|left|both|neither)\]")
_LEVEL = re.compile(r"[(\[]([^,]+), ([^,]+)[)\]]")


def are_in(type_: str) -> bool:
    """Whether a type of pandas is one of intervals that have a text."""
    return _TYPE.fullmatch(type_) is not None


def level_of(value: Any) -> Any:
    """An interval as its text, whole numbers without a point; any other value as it is.

    >>> level_of(3)
    3
    """
    if type(value).__name__ != "Interval":
        return value
    ends = (int(end) if isinstance(end, float) and end.is_integer() else end for end in (value.left, value.right))
    return "[("[value.open_left] + ", ".join(map(str, ends)) + "])"[value.open_right]


def index_of(type_: str, texts: Sequence[str]) -> Any:
    """The intervals of these texts, as an index of pandas."""
    pd = importlib.import_module("pandas")
    found = _TYPE.fullmatch(type_)
    kind, closed = found.groups() if found else ("float64", "right")
    ends = zip(*(text[1:-1].split(", ") for text in texts), strict=True)
    left, right = (pd.Index(end, dtype=object).astype(kind) for end in ends)
    return pd.IntervalIndex.from_arrays(left, right, closed=closed)


def in_levels(texts: Values, type_: Any) -> Any:
    """Texts as levels of a categorical type of pandas; an InputError if it lacks one."""
    pd = importlib.import_module("pandas")
    places = {level_of(level): place for place, level in enumerate(type_.categories)}
    if lacking := {*texts.tolist()} - places.keys():
        raise InputError(
            f"A column of levels lacks {min(lacking)}; give it the levels of the training, as by cat.set_categories."
        )
    return pd.Series(pd.Categorical.from_codes([places[text] for text in texts], dtype=type_))


def check_column(type_: str | None, levels: Sequence[Any] | None) -> None:
    """Refuse a type that is none of intervals, and levels that are not written as such."""
    if type_ is None:
        return
    check(are_in(type_) and bool(levels), "intervals", type_, "the type of the levels of pandas.cut")
    fine = all(isinstance(level, str) and _LEVEL.fullmatch(level) for level in levels or ())
    check(fine, "categories", levels, "intervals, as (0, 18]")
