"""Which kind a column gets at fit, when its type decides and when the user does."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from unnoise._errors import InputError
from unnoise.data import kinds
from unnoise.data._numerics import Values
from unnoise.data.base import Feature, Kind
from unnoise.data.checks import check_modelled
from unnoise.data.kinds import Category, Constant, Integer, Real

_FEW = 50  # whole-number labels with at most so many values are taken for classes


def checked(asked: Mapping[str, str], names: Sequence[str]) -> Mapping[str, str]:
    """The kinds that a user asked for, if there are such kinds and such columns."""
    for name, kind in asked.items():
        if name not in names:
            known = ", ".join(names)
            raise InputError(f"The kind of '{name}' is given, which is no column; the columns are {known}.")
        kinds.named(kind, name)
    return asked


def modelled(values: Values, name: str, asked: str | None, categorical: bool) -> Kind:
    """Whole numbers and truth values are integers, other numbers real, and a single value is a constant."""
    check_modelled(values, name, categorical)
    kind = kinds.named(asked, name) if asked else (Real if values.dtype.kind == "f" else Integer)
    if kind is Category:
        raise InputError(
            f"Column '{name}' is declared a category, and only numbers are modelled; make it a condition "
            f"(condition=['{name}'] or --condition {name}), or drop it."
        )
    return (Constant if values.min() == values.max() else kind).fit(values, name)


def condition(values: Values, name: str, asked: str | None, labels: bool) -> Feature:
    """Text, truth values and labels of few values are categories, other conditions real.

    A whole number needs no dequantisation where it is not modelled, so a condition is never an integer.
    """
    if asked is None:
        few = labels and values.dtype.kind in "iu" and len(np.unique(values)) <= _FEW
        asked = "category" if values.dtype.kind in "Ob" or few else "real"
    kind = kinds.named(asked, name)
    if kind is Category:
        return Category.fit(values, name)
    if kind not in (Real, Integer):
        raise InputError(f"The condition '{name}' is declared {asked}; a condition is real or category.")
    if values.dtype == object:
        raise InputError(f"The condition '{name}' is declared {asked}, but holds {values[0]!r}.")
    return Real.fit(values, name)


def check_varying(fields: Mapping[str, Kind]) -> None:
    """Refuse data without a column to model, and say which columns are not modelled."""
    if not fields:
        raise InputError("Every column is a condition, so nothing is left to model.")
    constant = [f"'{name}' = {kind.value}" for name, kind in fields.items() if isinstance(kind, Constant)]
    listed = ", ".join(constant[:5]) + (f", and {len(constant) - 5} more" if len(constant) > 5 else "")
    if len(constant) == len(fields):
        raise InputError(f"Every column holds a single value ({listed}), so there is nothing to model.")
    if constant:
        who = "1 column holds" if len(constant) == 1 else f"{len(constant)} columns hold"
        warnings.warn(
            f"{who} a single value and will be given back unchanged, not modelled: {listed}.",
            UserWarning,
            stacklevel=4,  # the line that called fit
        )
