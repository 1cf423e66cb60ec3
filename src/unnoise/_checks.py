"""What constructors ask of their arguments: each function names an argument that is wrong in one sentence.

>>> whole(least=1, steps=2.5)
Traceback (most recent call last):
unnoise._errors.InputError: got steps = 2.5; expected a whole number from 1 to 2,147,483,647
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Mapping, Sized
from numbers import Integral, Real
from typing import Any, NoReturn

import torch
from torch import Tensor

from unnoise._errors import InputError

MOST = 2**31 - 1  # of anything that is counted: beyond it memory ends, not mathematics
MOST_STATES = 2**24  # of one site
MOST_STEPS = 10**6  # of one run, whose times are held at once
ROUNDING = 1e-3  # by which a time may miss the ends of [0, 1]


def whole(*, least: int = 0, most: int = MOST, or_none: bool = False, **values: Any) -> None:
    """Raise InputError unless every value is a whole number within these bounds."""
    for name, value in values.items():
        is_whole = type(value) is int or (isinstance(value, Integral) and not isinstance(value, bool))
        if not (or_none and value is None) and not (is_whole and least <= int(value) <= most):
            refuse(name, value, f"a whole number from {least:,} to {most:,}{' or None' * or_none}")


def real(
    *,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    or_none: bool = False,
    **values: Any,
) -> None:
    """Raise InputError unless every value is a finite real number within these bounds."""
    for name, value in values.items():
        number = _float(value)
        if not (or_none and value is None) and not (least <= number <= most and above < number < below):
            bounds = {"at least": least, "above": above, "at most": most, "below": below}
            words = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound))
            refuse(name, value, f"a finite number {words}".rstrip() + " or None" * or_none)


def reals(name: str, values: Any, *, fewest: int = 1, **bounds: Any) -> None:
    """Raise InputError unless these are a sequence of real numbers within bounds, as of `real`."""
    if not _is_sequence(values) or len(values) < fewest:
        refuse(name, values, f"a sequence of {fewest} or more numbers")
    for index, value in enumerate(values):
        real(**bounds, **{f"{name}[{index}]": value})


def counts(name: str, given: Any, *, least: int = 2, most: int = MOST_STATES, axes: int = 1) -> tuple[int, ...]:
    """A tuple of whole numbers within bounds, `axes` of them or more; an int d means (d,). Else InputError."""
    alone = isinstance(given, Integral)
    sizes = (given,) if alone else given
    if not _is_sequence(sizes) or len(sizes) < axes:
        refuse(name, given, f"a whole number or a tuple of {axes} or more")
    whole(least=least, most=most, **{name if alone else f"{name}[{i}]": size for i, size in enumerate(sizes)})
    return tuple(map(int, sizes))


def shape(name: str, given: Any, *, axes: int = 0, least: int = 1) -> tuple[int, ...]:
    """A shape as a tuple, of `axes` or more; an int d means (d,). Else InputError."""
    sizes = counts(name, given, least=least, most=MOST, axes=axes)
    if math.prod(sizes) > MOST:
        refuse(name, given, f"at most {MOST:,} numbers in all")
    return sizes


def instance(*kinds: type, or_none: bool = False, **values: Any) -> None:
    """Raise InputError unless every value is an object of one of these kinds."""
    for name, value in values.items():
        if not isinstance(value, kinds) and not (or_none and value is None):
            expected = " or ".join(map(_kind, kinds)) + " or None" * or_none
            if isinstance(value, type) and issubclass(value, kinds):
                expected = f"an object of this class, as {value.__name__}(...) makes"
            refuse(name, value, expected)


def mapping(kind: type, **values: Any) -> None:
    """Raise InputError unless every value is a dict of objects of this kind by their names, at least one."""
    for name, value in values.items():
        if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) for key in value):
            refuse(name, value, f"a dict of {kind.__name__} objects by their names, at least one")
        instance(kind, **{f"{name}[{key!r}]": part for key, part in value.items()})


def function(*, or_none: bool = False, or_class: bool = False, **values: Any) -> None:
    """Raise InputError unless every value can be called, and is no class."""
    for name, value in values.items():
        wrong = not callable(value) or (isinstance(value, type) and not or_class)
        if wrong and not (or_none and value is None):
            refuse(name, value, "a function, or an object that is called like one" + " or None" * or_none)


def flag(*, or_none: bool = False, **values: Any) -> None:
    """Raise InputError unless every value is True or False."""
    for name, value in values.items():
        if type(value).__name__ not in ("bool", "bool_") and not (or_none and value is None):
            refuse(name, value, "True or False" + " or None" * or_none)


def tensor(*, above: float = -math.inf, least: float = -math.inf, **values: Any) -> None:
    """Raise InputError unless every value is a tensor, of finite numbers within bounds.

    Numbers on an accelerator, which would have to wait, are not read.
    """
    for name, value in values.items():
        instance(Tensor, **{name: value})
        if isinstance(value, Tensor) and value.device.type == "cpu" and value.numel() and value.dtype != torch.bool:
            low, high = (float(end) for end in torch.aminmax(value.detach()))
            if not (low > above and low >= least and high < math.inf):
                worst = low if low <= above or low < least else high
                bound = (
                    f" above {above:g}" if above > -math.inf else f" at least {least:g}" if least > -math.inf else ""
                )
                refuse(name, worst, f"a tensor of finite numbers{bound}")


def times(t: object, last: float = math.inf, name: str = "t") -> None:
    """Raise InputError unless t is a tensor of times from 0 to `last`, by value on the CPU alone."""
    if not isinstance(t, Tensor):
        refuse(name, t, "a tensor, as of torch.tensor(0.5)")
    elif t.device.type == "cpu" and t.numel():
        low, high = (t.item(),) * 2 if t.ndim == 0 else (end.item() for end in torch.aminmax(t.detach()))
        slack = ROUNDING if last < math.inf else 0.0
        if not (-slack <= low and high <= last + slack and high < math.inf):
            worst = low if low < -slack else high
            refuse(name, worst, "times from 0, data, to 1, noise" if slack else "finite times, 0 or later")


def ordered(s: Tensor, t: Tensor) -> None:
    """Raise InputError unless s and t are times from 0 to 1, s at or before t."""
    times(t, 1)
    times(s, 1, "s")
    if t.device.type == s.device.type == "cpu" and not (s <= t).all():
        raise InputError("got a step to s after its start t; expected s at or before t, towards data")


def refuse(name: str, value: Any, expected: str) -> NoReturn:
    """Raise the InputError that says what was got and what is expected."""
    raise InputError(f"got {name} = {shown(value)}; expected {expected}")


def shown(value: Any) -> str:
    """A short name of any object.

    >>> shown(int), shown(10**5000), shown("a" * 99)
    ('the class int', 'a number of 16610 bits', "'aaaaaaaaaaa...aaaaaaaaaaaa'")
    """
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, int) and abs(value) >= 10**40:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, Tensor) and value.numel() > 1:
        return f"a tensor of shape {tuple(value.shape)}"
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxother, _SHORT.maxlevel = 80, 2


def _kind(kind: type) -> str:
    """As `schedules.Schedule`, which says where it is found."""
    package, _, rest = kind.__module__.partition(".")
    folder = f"{rest.partition('.')[0]}." if package == "unnoise" and not rest.startswith("_") else ""
    return f"{'an' if kind.__name__[0] in 'AEIOU' and not folder else 'a'} {folder}{kind.__name__}"


def _float(value: Any) -> float:
    """NaN for what is no real number, or a whole one that torch cannot hold."""
    wrong = isinstance(value, bool) or not isinstance(value, Real)
    return math.nan if wrong or (isinstance(value, int) and abs(value) >= 2**63) else float(value)


def _is_sequence(values: Any) -> bool:
    sized = isinstance(values, Sized) and isinstance(values, Iterable)
    return sized and not isinstance(values, (str, bytes, Mapping, type)) and getattr(values, "ndim", 1) == 1
