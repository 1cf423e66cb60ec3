"""JSON that someone else may have written, as the fields of frozen dataclasses: the types and the ranges of all."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from unnoise._checks import refuse
from unnoise._errors import InputError

T = TypeVar("T")
_NATIVE = [np.dtype(code) for code in "?bhilqBHILQefdg"]
DTYPES = frozenset(str(dtype) for one in _NATIVE for dtype in (one, one.newbyteorder()))  # of numbers
_MOST_NUMBERS = 2**31  # of one row
LATER = "later"  # in the metadata of a field with a default that earlier versions did not write
TEXT = "object"  # the type of columns with text


def built(cls: type[T], config: Mapping[str, Any]) -> T:
    """An object of the dataclass `cls`, after the types of all its fields were checked.

    >>> from unnoise.data.kinds import Real
    >>> built(Real, {"mean": 0.0, "scale": 1.0, "dtype": "float64"})
    Real(mean=0.0, scale=1.0, dtype='float64', low=None, high=None)

    Raises:
        InputError: a field is missing, unknown or of another type.
    """
    hints, optional = _hints(cls), _optional(cls)  # type: ignore[arg-type]  # a class is hashable
    if not hints.keys() - optional <= config.keys() <= hints.keys():
        raise InputError(f"got the fields {sorted(map(str, config))} of {cls.__name__}; expected {sorted(hints)}")
    return cls(**{name: _conformed(config[name], hint, name) for name, hint in hints.items() if name in config})


def check(ok: bool, what: str, got: object, expected: str) -> None:
    """An InputError unless `ok`: what was got, and what was expected.

    >>> check(False, "columns", 2, "one")
    Traceback (most recent call last):
    unnoise._errors.InputError: ...
    """
    if not ok:
        refuse(what, got, expected)


def check_dtype(dtype: str, *, text: bool = False) -> None:
    """Refuse types that no column of numbers has; `text` allows that of text."""
    check(dtype in DTYPES or (text and dtype == TEXT), "the type", dtype, "one of numbers, such as 'float64'")


def check_scale(scale: float, least: float) -> None:
    """Refuse what is no spread of data."""
    check(least <= scale < math.inf, "scale", scale, f"a finite number from {least:.3g}")


def check_distinct(names: Collection[Any], what: str) -> None:
    """Refuse repeated or no entries."""
    check(len(set(names)) == len(names) > 0, what, names, "one or more, all different")


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuse axes that no array in memory has."""
    check(all(size > 0 for size in shape) and math.prod(shape) <= _MOST_NUMBERS, "the shape", shape, "one of an array")


def is_held(value: Any, dtype: str) -> bool:
    """Whether a column of this type can hold exactly this value."""
    try:
        with np.errstate(over="ignore"):
            return bool(np.asarray(value, dtype=dtype) == value)
    except (OverflowError, ValueError):
        return False


def entries(configs: Any, what: str) -> list[dict[str, Any]]:
    """A list of JSON objects."""
    good = isinstance(configs, list | tuple) and all(isinstance(config, dict) for config in configs)
    check(good, what, configs, "a list of descriptions")
    return list(configs)


@functools.cache
def _hints(cls: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


@functools.cache
def _optional(cls: type[Any]) -> frozenset[str]:
    """Fields that descriptions by earlier versions lack."""
    return frozenset(field.name for field in dataclasses.fields(cls) if LATER in field.metadata)


def _conformed(value: Any, hint: Any, what: str) -> Any:
    """The value, lists as tuples, if it is what the annotation says; numbers are finite."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return _conformed(value, str | int | float | bool, what)
    if origin is tuple:
        check(isinstance(value, list | tuple), what, value, "a list")
        return tuple(_conformed(item, parts[0], what) for item in value)
    if origin in (types.UnionType, Union):
        fitting = [part for part in parts if _fits(value, part)]
        if fitting:
            return _conformed(value, fitting[0], what)
    elif _fits(value, hint):
        return value
    check(False, what, value, " or ".join(_words(part) for part in parts or [hint]))


def _fits(value: Any, hint: Any) -> bool:
    kind = get_origin(hint) or hint
    if kind is float:
        return type(value) in (int, float) and _is_finite(value)
    return isinstance(value, list | tuple) if kind is tuple else type(value) is kind or _is_part(value, kind)


def _is_part(value: Any, kind: type[Any]) -> bool:
    return dataclasses.is_dataclass(kind) and isinstance(value, kind)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond float64
        return False


def _words(hint: Any) -> str:
    words = {float: "a finite number", int: "a whole number", str: "a text", bool: "true or false", tuple: "a list"}
    return words.get(get_origin(hint) or hint, "nothing" if hint is types.NoneType else f"a {hint.__name__}")
