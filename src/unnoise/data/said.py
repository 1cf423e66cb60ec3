"""What users say of columns, one by one: values, ranges, sets, and that cells are missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError, warn
from unnoise.data import arrays, holes
from unnoise.data._given import objects, values_of
from unnoise.data._numerics import Values
from unnoise.data.factors import CategoryFactor, Factor, OrderedFactor, SequenceFactor
from unnoise.data.factors.base import as_type, quoted
from unnoise.data.holes import Mask
from unnoise.data.parts import Parts
from unnoise.data.within import Among, Except, Range, Within

Held = dict[str, tuple[Values, Mask]]

_WIDE, _LOOKED_AT = 0.2, 1000  # of the range that was seen: how wide a gap is said; values that are looked at for it


class Said:
    """What is said of n rows, gathered column by column.

    Attributes:
        held: values in the user's columns, and in which rows there are any.
        within: ranges and sets.
        flags: whether the cells of a column are missing, and of which rows that is known.
    """

    def __init__(self, parts: Parts, n: int) -> None:
        self.parts, self.n = parts, n
        self.held: Held = {}
        self.within: dict[str, Within] = {}
        self.flags: dict[str, tuple[bool, Mask]] = {}
        self._everywhere = np.ones(n, dtype=bool)
        self._factor_of = {name: factor for factor in parts.factors.values() for name in factor.columns}
        self._factor_of |= {name: factor for factor in parts._valued.values() for name in factor.columns}

    def take(self, name: str, value: Any) -> None:
        """What is said of one column."""
        parts = self.parts
        if arrays.is_missing(value):
            if name not in parts.empty:
                _check_may_be_missing(parts, name)
                self.flags[name] = (True, self._everywhere)
        elif name in parts.constants and name not in parts.chart.by_target:
            self._take_constant(name, value)
        elif isinstance(value, set | frozenset) or (isinstance(value, tuple) and len(value) == 2):
            self._take_within(name, value)
        else:
            self._take_values(name, value)

    def _take_constant(self, name: str, value: Any) -> None:
        values, present = _constant(self.parts, name, value, self.n)
        self.flags[name] = (False, present)
        if (values != self.parts.constants[name].values(self.n)).any():  # as of identifiers, which would be made anew
            self.held[name] = values, present

    def _take_within(self, name: str, value: Any) -> None:
        factor = self._factor(name)
        one = _within(self.parts, factor, name, value, self.restore)
        joint = factor is not None and factor.joint
        if isinstance(one, Range) and one.low is not None and one.low == one.high and not joint:
            self._take_values(name, one.low)  # the only number in it
        else:
            self.within[name] = one
            self.flags |= dict.fromkeys((name, *self.parts.chart.closure([name])), (False, self._everywhere))

    def _take_values(self, name: str, value: Any) -> None:
        factor = self._factor(name)
        values, present = values_of(value, name, self.n, () if factor is None else factor.block)
        if present.any():
            self.held[name] = (self.restore(name, holes.filled(values, present)), present)
            _warn_if_far(self.parts, factor, name, self.held[name][0])
            self.flags[name] = (False, np.any(present.reshape(self.n, -1), axis=1))

    def restore(self, name: str, values: Values) -> Values:
        """Values in the type of their column."""
        steps = self.parts.chart.by_target
        return steps[name].restore(values) if name in steps else self._factor_of[name].restore(values, name)

    def _factor(self, name: str) -> Factor | None:
        """What models the column; None of those that follow from others, or are measured from them."""
        return None if name in self.parts.chart.by_target else self._factor_of[name]

    def solved(self) -> Held:
        """The values as they are modelled; what follows from them is held, too."""
        if not self.parts.chart:
            return self.held
        whole, parts = self._everywhere, self.parts
        fixed = {name: (kind.values(self.n), whole) for name, kind in parts.constants.items() if name not in self.held}
        found, among = parts.chart.solved(fixed | self.held, self.n, self.restore)
        for name, values in among.items():
            self.within[name] = Among(values)
            self.flags[name] = (False, whole)
        self.held = {name: one for name, one in found.items() if name not in fixed}
        self.flags |= {name: (False, there) for name, (_, there) in self.held.items() if name not in self.flags}
        everything = fixed | self.held
        columns = {name: values for name, (values, _) in everything.items()}
        states, _ = parts.chart.forward(columns, {name: there for name, (_, there) in everything.items()})
        return {name: (values, self.held[name][1]) for name, values in states.items() if name in self.held}

    def states(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Points of the factors, and where they are known; to be asked once, as it holds what follows from values."""
        held, parts = self.solved(), self.parts
        points = {
            key: _states(factor, held, self.n) for key, factor in parts.factors.items() if key not in parts._flags
        }
        x, known = ({key: pair[place] for key, pair in points.items()} for place in (0, 1))
        for key, factor in parts._flags.items():
            known[key] = torch.zeros((self.n, len(factor.columns)), dtype=torch.bool)
            x[key] = torch.zeros((self.n, len(factor.columns)), dtype=torch.int64)
            for place, name in enumerate(factor.columns):
                if name in self.flags:
                    missing, rows = self.flags[name]
                    known[key][:, place] = torch.from_numpy(rows)
                    x[key][:, place] = int(missing)
        return {key: x[key] for key in parts.factors}, {key: known[key] for key in parts.factors}


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
