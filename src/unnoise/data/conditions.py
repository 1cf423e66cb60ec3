"""The conditions of a model: columns of the data or of y at fit, values by name at sampling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import arrays, frames
from unnoise.data._numerics import Values
from unnoise.data.base import Feature


def names_of(condition: Iterable[str] | str) -> list[str]:
    """The names of conditions, each once."""
    names = list(condition) if isinstance(condition, Iterable) and not isinstance(condition, str) else [condition]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"got condition = {condition!r:.100}; expected a name, or a list of names, which are texts.")
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise InputError(f"The condition '{twice}' is named twice; name it once.")
    return names


def beside(y: Any, names: Sequence[str], known: Sequence[str]) -> dict[str, Values]:
    """The columns `names` of `y`: a DataFrame that has them, or an array with one column for each."""
    if not names:
        return {}
    if y is None:
        raise InputError(
            f"The condition {_quoted(names)} is not a column of the data, and y was not given; the columns are "
            f"{_quoted(known)}."
        )
    frame = frames.opened(y)
    if frame is not None:
        held = dict(zip(map(str, frame.columns), frames.columns(frame), strict=True))
        if missing := [name for name in names if name not in held]:
            raise InputError(f"y has no column {_quoted(missing)}; its columns are {_quoted(list(held))}.")
        return {name: held[name] for name in names}
    array = arrays.as_array(y)
    parts = arrays.columns(array[:, None] if array.ndim == 1 else array)
    if len(parts) != len(names):
        raise InputError(f"y has {len(parts)} columns, but the conditions are {_quoted(names)}.")
    return dict(zip(names, parts, strict=True))


def given_columns(given: Any, n: int, wanted: Mapping[str, Feature]) -> dict[str, Values]:
    """The values of the conditions for n rows, from names with one value or n, or from a DataFrame."""
    if not wanted:
        raise InputError("The model has no conditions; leave out `given`.")
    if given is None:
        raise InputError(f"The model is conditional on {_quoted(list(wanted))}: pass {_example(wanted)}.")
    held = _by_name(given, wanted)
    if missing := [name for name in wanted if name not in held]:
        raise InputError(f"The condition {_quoted(missing)} was not given: pass {_example(wanted)}.")
    return {name: _repeated(held[name], name, n) for name in wanted}


def _by_name(given: Any, wanted: Mapping[str, Feature]) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in wanted]:
            raise InputError(f"The model has no condition {_quoted(unknown)}: pass {_example(wanted)}.")
        return given
    frame = frames.opened(given)
    if frame is None:
        got = type(given).__name__
        raise InputError(f"given is of type {got}; expected a dict or a DataFrame, such as {_example(wanted)}.")
    return dict(zip(map(str, frame.columns), frames.columns(frame), strict=True))


def _repeated(value: Any, name: str, n: int) -> Values:
    single = isinstance(value, str) or not (isinstance(value, Sequence) or np.ndim(value))
    array = arrays.as_array([value] if single and not isinstance(value, Tensor) else value)
    if single:
        return np.repeat(array.reshape(1), n)
    if array.shape != (n,):
        got = f"{len(array)} values" if array.ndim == 1 else f"an array of shape {array.shape}"
        raise InputError(f"The condition '{name}' was given {got}; give one, or one for each of {n} rows.")
    return array


def _example(wanted: Mapping[str, Feature]) -> str:
    return f"given={ {name: kind.example for name, kind in wanted.items()} }"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
