"""The conditions of a model: columns of the data or of y at fit, values by name at sampling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor, nn

from unnoise._errors import InputError
from unnoise.data import arrays, frames
from unnoise.data._numerics import Values
from unnoise.data.base import Feature
from unnoise.data.features import Block, is_block
from unnoise.data.features.base import as_values

ALONE = "y"  # the name of a condition that has none


def names_of(condition: Iterable[str] | str) -> list[str]:
    """The names of conditions, each once."""
    names = list(condition) if isinstance(condition, Iterable) and not isinstance(condition, str) else [condition]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"got condition = {condition!r:.100}; expected a name, or a list of names, which are texts.")
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise InputError(f"The condition '{twice}' is named twice; name it once.")
    return names


def named(y: Any) -> list[str]:
    """The names in y where no condition was named: of a dict, of a frame, or "y" for an array in each row.

    Plain labels, which scikit-learn hands to every estimator, are no conditions by themselves.
    """
    if y is None:
        return []
    if isinstance(y, Mapping):
        return names_of(list(y))
    frame = frames.opened(y)
    if frame is not None:
        return names_of([str(name) for name in frame.columns])
    return [ALONE] if is_block(as_values(y, ALONE)) else []


def check_none(y: Any) -> None:
    """Refuse conditions where a model has none; plain labels are passed over."""
    if names := named(y):
        raise InputError(f"y holds {_quoted(names)}, and the model has no conditions; leave y out.")


def taken(y: Any, rows: Any) -> Any:
    """Some rows of y; None of None."""
    if y is None:
        return None
    if isinstance(y, Mapping):
        return {name: taken(part, rows) for name, part in y.items()}
    if isinstance(y, list | tuple):
        return list(y[rows]) if isinstance(rows, slice) else [y[row] for row in rows]
    return y.iloc[rows] if hasattr(y, "iloc") else y[rows]


def beside(y: Any, names: Sequence[str], known: Sequence[str]) -> dict[str, Values]:
    """The values `names` of `y`: a dict or a DataFrame that has them, or an array with one column for each.

    An array in each row, as of pictures, is one condition.
    """
    if not names:
        return {}
    if y is None:
        raise InputError(
            f"The condition {_quoted(names)} is not a column of the data, and y was not given; the columns are "
            f"{_quoted(known)}."
        )
    frame = None if isinstance(y, Mapping) else frames.opened(y)
    if frame is not None or isinstance(y, Mapping):
        held = y if frame is None else dict(zip(map(str, frame.columns), frames.columns(frame), strict=True))
        if missing := [name for name in names if name not in held]:
            raise InputError(f"y has no column {_quoted(missing)}; its columns are {_quoted(list(held))}.")
        if frame is None and (unknown := [name for name in held if name not in names]):
            raise InputError(f"y holds {_quoted(unknown)}, but the conditions are {_quoted(names)}.")
        return {name: as_values(held[name], name) if frame is None else held[name] for name in names}
    array = as_values(y, names[0]) if len(names) == 1 else arrays.as_array(y)
    if len(names) == 1 and is_block(array) and (array.ndim != 2 or names == [ALONE]):
        return {names[0]: array}
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
    return {
        name: kind.given(held[name], name, n) if isinstance(kind, Block) else _repeated(held[name], name, n)
        for name, kind in wanted.items()
    }


def alike(parts: Sequence[Tensor], kinds: Sequence[Feature]) -> list[Tensor]:
    """The features of conditions, zeros after those of which any number may follow, so that all have as many."""
    ragged = [kind.ragged for kind in kinds]
    counts = [part.shape[1] // kind.layout[1] if kind.ragged else 0 for part, kind in zip(parts, kinds, strict=True)]
    most = max(counts, default=0)
    return [
        nn.functional.pad(part, (0, (most - count) * kind.layout[1])) if more else part
        for part, kind, count, more in zip(parts, kinds, counts, ragged, strict=True)
    ]


def told(y: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """What y says of conditions by name: a dict or a frame, values of the only one, or an array with a column each."""
    if isinstance(y, Mapping):
        return y
    if not names:
        raise InputError("The model has no conditions; leave out `y`.")
    if frames.opened(y) is not None or len(names) > 1:
        return beside(y, names, [])
    return {names[0]: y}


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
