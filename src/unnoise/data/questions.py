"""What is said of rows beforehand: values, ranges, sets, and that cells are missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from unnoise._checks import instance, real
from unnoise._errors import InputError, warn
from unnoise.data import arrays, conditions, frames, holes
from unnoise.data._checked import check_distinct
from unnoise.data._given import objects, values_of
from unnoise.data._numerics import Values
from unnoise.data.factors import CategoryFactor, Factor, OrderedFactor, SequenceFactor
from unnoise.data.factors.base import as_type, quoted
from unnoise.data.holes import Mask
from unnoise.data.parts import Parts, unknown_column

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

_WIDE, _LOOKED_AT = 0.2, 1000  # of the range that was seen: how wide a gap is said; values that are looked at for it


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, with both ends; None is open. Those `without` are none, but stand for words.

    Numbers that come round after a `turn` are also those that lie so many turns away: 350 to 10 is -10 to 10.

    >>> age = Range(30, None)
    >>> str(age), age.holds(np.array([29, 30, 31])).tolist()
    ('at least 30', [False, True, True])
    """

    low: float | None
    high: float | None
    without: tuple[float, ...] = ()
    turn: float | None = None

    def __post_init__(self) -> None:
        real(or_none=True, low=self.low, high=self.high)
        if self.low is not None and self.high is not None and self.low > self.high and self.turn is None:
            raise InputError(f"got the range {self.low} to {self.high}; expected low at most high")

    def holds(self, values: Values) -> Mask:
        """Which values of a column lie in it."""
        inside: Mask = ~np.isin(values, self.without)
        if self.turn is not None and self.low is not None and self.high is not None:
            width = self.high - self.low
            return inside & (np.mod(values - self.low, self.turn) <= (width if width >= 0 else width % self.turn))
        if self.low is not None:
            inside &= values >= self.low
        if self.high is not None:
            inside &= values <= self.high
        return inside

    def said(self, word: Callable[[Any], Any]) -> str:
        """In words, with the ends as `word` writes them."""
        low, high = (None if end is None else word(end) for end in (self.low, self.high))
        if low is None:
            return "any number" if high is None else f"at most {high}"
        return f"at least {low}" if high is None else f"{low} to {high}"

    def __str__(self) -> str:
        return self.said(str)


class Except(frozenset[Any]):
    """Any value but these, of a column that is given; any at all where there are none."""


@dataclass(frozen=True)
class Among:
    """Any of a few values, or any others.

    >>> sex = Among(("a", "b"))
    >>> str(sex), sex.holds(np.array(["c", "a"], dtype=object)).tolist()
    ('one of a, b', [False, True])
    >>> str(Among((0,), others=True)), Among((0,), others=True).holds(np.array([0, 1])).tolist()
    ('none of 0', [False, True])
    """

    values: tuple[Any, ...]
    others: bool = False

    def __post_init__(self) -> None:
        instance(tuple, values=self.values)
        if self.values or not self.others:
            check_distinct(self.values, "values")

    def holds(self, values: Values) -> Mask:
        """Which values of a column are among them."""
        if values.dtype == object:
            inside = np.array([value in self.values for value in values.tolist()], dtype=bool)
        else:
            inside = np.isin(values, np.array(self.values, dtype=values.dtype))
        found: Mask = ~inside if self.others else inside
        return found

    def said(self, word: Callable[[Any], Any]) -> str:
        """In words, with the values as `word` writes them."""
        return f"{'none' if self.others else 'one'} of {', '.join(str(word(value)) for value in self.values)}"

    def __str__(self) -> str:
        return self.said(str)


Within = Range | Among
Held = dict[str, tuple[Values, Mask]]


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
    factor_of = {name: factor for factor in parts.factors.values() for name in factor.columns}
    factor_of |= {name: factor for factor in parts._valued.values() for name in factor.columns}
    held: dict[str, tuple[Values, Mask]] = {}
    within: dict[str, Within] = {}
    flags: dict[str, tuple[bool, Mask]] = {}
    steps, everywhere = parts.chart.by_target, np.ones(n, dtype=bool)

    def restore(name: str, values: Values) -> Values:
        return steps[name].restore(values) if name in steps else factor_of[name].restore(values, name)

    for name, value in told.items():
        if arrays.is_missing(value) and name in parts.empty:
            continue
        if arrays.is_missing(value):
            _check_may_be_missing(parts, name)
            flags[name] = (True, everywhere)
        elif name in parts.constants and name not in steps:
            values, present = _constant(parts, name, value, n)
            flags[name] = (False, present)
            if (values != parts.constants[name].values(n)).any():  # as of identifiers, which would be made anew
                held[name] = values, present
        else:
            factor = None if name in steps else factor_of[name]
            if isinstance(value, set | frozenset) or (isinstance(value, tuple) and len(value) == 2):
                one = _within(parts, factor, name, value, restore)
                joint = factor is not None and factor.joint
                if joint or not isinstance(one, Range) or one.low is None or one.low != one.high:
                    within[name] = one
                    flags |= dict.fromkeys((name, *parts.chart.closure([name])), (False, everywhere))
                    continue
                value = one.low  # the only number in it
            values, present = values_of(value, name, n, () if factor is None else factor.block)
            if present.any():
                held[name] = (restore(name, holes.filled(values, present)), present)
                _warn_if_far(parts, factor, name, held[name][0])
                flags[name] = (False, np.any(present.reshape(n, -1), axis=1))
    states = held
    if parts.chart:
        held, states = _solved(parts, held, within, flags, n, restore)
    x, known = {}, {}
    for key, factor in parts._valued.items():
        x[key], known[key] = _states(factor, states, n)
    if parts.ties is not None:
        (key,) = (key for key, factor in parts.factors.items() if factor is parts.ties)
        x[key], known[key] = _states(parts.ties, states, n)
    for key, factor in parts._flags.items():
        known[key] = torch.zeros((n, len(factor.columns)), dtype=torch.bool)
        x[key] = torch.zeros((n, len(factor.columns)), dtype=torch.int64)
        for place, name in enumerate(factor.columns):
            if name in flags:
                missing, rows = flags[name]
                known[key][:, place] = torch.from_numpy(rows)
                x[key][:, place] = int(missing)
    x, known = ({key: told[key] for key in parts.factors} for told in (x, known))
    inside = {name: kind for name, kind in parts.conditions.items() if name in parts.container.columns}
    if inside:
        restored = conditions.given_columns(context, n, parts.conditions)
        held |= {name: (kind.restore(restored[name], name), np.ones(n, dtype=bool)) for name, kind in inside.items()}
    return Given(parts._joined(x), parts._joined(known), cond, within, held)


def _states(factor: Factor, held: Mapping[str, tuple[Values, Mask]], n: int) -> tuple[Tensor, Tensor]:
    """Points of a factor, and where they are known."""
    nothing = np.zeros((n, *factor.block)), np.zeros((n, *factor.block), dtype=bool)
    columns = {name: held.get(name, nothing) for name in factor.columns}
    present = {name: mask for name, (_, mask) in columns.items()}
    if factor.joint:
        factor.cells_of([name for name in factor.columns if name in held])
        masks = np.stack([mask.reshape(n, -1) for mask in present.values()])
        partial = masks.any((0, 2)) & ~masks.all((0, 2))
        if partial.any():
            raise InputError(
                f"got a part of {quoted(factor.columns)} in row {int(partial.argmax())}; together they are one "
                f"{factor.kind}: give all of them or none."
            )
    present = {name: mask for name, mask in present.items() if not mask.all()}
    x, width = factor.encode_known({name: v for name, (v, _) in columns.items()}, present), factor.jitter()
    middle = x if width is None else x + width / 2  # at an edge the network would mix two whole numbers
    return middle, factor.known(present, n)


def _solved(
    parts: Parts,
    held: Held,
    within: dict[str, Within],
    flags: dict[str, tuple[bool, Mask]],
    n: int,
    restore: Callable[[str, Values], Values],
) -> tuple[Held, Held]:
    """Given values with those that follow, in the user's columns and as they are modelled."""
    whole = np.ones(n, dtype=bool)
    fixed = {name: (kind.values(n), whole) for name, kind in parts.constants.items() if name not in held}
    found, among = parts.chart.solved(fixed | held, n, restore)
    for name, values in among.items():
        within[name] = Among(values)
        flags[name] = (False, whole)
    found = {name: one for name, one in found.items() if name not in fixed}
    flags |= {name: (False, there) for name, (_, there) in found.items() if name not in flags}
    everything = fixed | found
    columns = {name: values for name, (values, _) in everything.items()}
    states, _ = parts.chart.forward(columns, {name: there for name, (_, there) in everything.items()})
    return found, {name: (values, found[name][1]) for name, values in states.items() if name in found}


def _within(
    parts: Parts, factor: Factor | None, name: str, value: Any, restore: Callable[[str, Values], Values]
) -> Within:
    if factor is not None and factor.block:
        raise InputError(f"Column '{name}' holds an array in each row; a range or a set is of single values.")
    if isinstance(value, set | frozenset):
        others = isinstance(value, Except)
        if not value and others:
            return Range(None, None) if factor is None or _is_numeric(factor, name) else Among((), others)
        if not value or any(arrays.is_missing(one) for one in value):
            raise InputError(f"Column '{name}' was given {value!r:.100}; expected a set of one or more of its values.")
        listed = sorted(value, key=lambda one: (isinstance(one, str), one))
        kept = restore(name, arrays.tidy(objects(listed, name), f"Column '{name}'"))
        if not others:
            _warn_if_far(parts, factor, name, kept)
        return Among(tuple(dict.fromkeys(kept.tolist())), others)
    numeric = factor is None or _is_numeric(factor, name)
    if isinstance(factor, OrderedFactor) and not numeric:
        return _between(factor.levels[0], name, value, restore)
    if not numeric or isinstance(factor, SequenceFactor) or type(factor) is CategoryFactor:
        kind = getattr(factor, "kind", "others")
        raise InputError(
            f"Column '{name}' is modelled as {kind}, and a range (low, high) needs numbers or ordered levels; "
            "give a set of its values instead."
        )
    ends = [end for end in value if end is not None]
    fine = all(isinstance(end, Real) and not isinstance(end, bool | np.bool_) and math.isfinite(end) for end in ends)
    turn = parts.container.turn(name) if factor is None else factor.turn_of(name) or parts.container.turn(name)
    if not fine or (len(ends) == 2 and ends[0] > ends[1] and turn is None):
        expected = "low at most high" if fine else "both finite numbers or None"
        shown = f"({', '.join(map(word_of(parts, name), ends))})" if fine else f"{value!r:.100}"
        raise InputError(f"Column '{name}' was given the range {shown}; expected (low, high), {expected}.")
    _warn_if_far(parts, factor, name, np.array(ends, dtype=np.float64), ends=True)
    low, high = value
    return Range(low, high, parts.container.outside(name), turn)


def _between(levels: Sequence[Any], name: str, value: Any, restore: Callable[[str, Values], Values]) -> Among:
    """The levels from one to another, in their order; None is open."""
    ends = [None if end is None else restore(name, np.array([end], dtype=object))[0] for end in value]
    low = 0 if ends[0] is None else levels.index(ends[0])
    high = len(levels) - 1 if ends[1] is None else levels.index(ends[1])
    if low > high:
        raise InputError(
            f"Column '{name}' was given the range ({ends[0]}, {ends[1]}); expected (low, high) in the order of its "
            f"levels, {' < '.join(levels)}."
        )
    return Among(tuple(levels[low : high + 1]))


def word_of(parts: Parts, name: str) -> Callable[[Any], str]:
    """What writes a value of a column as its dates, times or forms are written."""

    def word(value: Any) -> str:
        found = parts.word(name, value) if isinstance(value, int | float) else None
        return str(value) if found is None else found

    return word


def _is_numeric(factor: Factor, name: str) -> bool:
    return factor.decode(factor.anywhere[None])[name].dtype.kind in "iuf"


def _warn_if_far(parts: Parts, factor: Factor | None, name: str, values: Values, ends: bool = False) -> None:
    """Say that values lie where none was seen: beyond all, or in a wide gap; of the `ends` of a range only far ones."""
    seen = None if factor is None else factor.seen(name)
    if factor is None or seen is None or not values.size:
        return
    low, high = seen
    values = values[~np.isin(values, list(parts.container.words(name).values()))]
    numbers, span = values.astype(np.float64), high - low
    beyond = np.maximum(low - numbers, numbers - high)
    odd = beyond > (span if ends else factor.reach * span)
    if odd.any():
        first, where = values[odd].flat[0], "far from" if beyond[odd].flat[0] > span else "beyond"
        how = f"{where} what was seen when the model was fitted, {{}} to {{}}"
    elif not ends and (gap := _wide_gap(factor, name, np.unique(numbers)[:_LOOKED_AT], _WIDE * span)) is not None:
        first, seen = values[(numbers > gap[0]) & (numbers < gap[1])].flat[0], gap
        how = "between {} and {}, where nothing was when the model was fitted"
    else:
        return
    shown = [parts.word(name, float(number)) or f"{number:g}" for number in seen]
    said = parts.word(name, float(first)) or first
    warn(f"Column '{name}' was given {said}, {how.format(*shown)}; what the model says there is a guess.")


def _wide_gap(factor: Factor, name: str, numbers: Values, width: float) -> tuple[float, float] | None:
    """The first gap wider than this with one of the numbers in it."""
    gaps = (factor.gap(name, number) for number in numbers.tolist())
    return next((gap for gap in gaps if gap is not None and gap[1] - gap[0] > width), None)


def _check_may_be_missing(parts: Parts, name: str) -> None:
    if name in parts.chart.computed:
        raise InputError(f"got None for '{name}', which follows ({parts.chart.by_target[name]}); give None for those.")
    if name not in parts.missing:
        raise InputError(
            f"Column '{name}' was there in every row when the model was fitted, so it cannot be given as missing "
            "(None); leave it out."
        )


def _constant(parts: Parts, name: str, value: Any, n: int) -> tuple[Values, Mask]:
    """The value of a column that is not modelled, which tells nothing of the others, and where it was given."""
    kind = parts.constants[name]
    if isinstance(value, set | frozenset | tuple):
        raise InputError(f"Column '{name}' {kind.why}, so it can be given no range and no set; leave it out.")
    values, present = values_of(value, name, n, ())
    values = holes.filled(values, present, kind.value)
    values = values if kind.dtype == "object" else as_type(values, kind.dtype, name)
    kind.check(values, name)
    return values, present
