"""Constraints as users write them, read against the columns of the data and fitted to them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from unnoise._errors import InputError
from unnoise.data import holes
from unnoise.data._decimals import decimals_of
from unnoise.data._numerics import Values
from unnoise.data.charts import MOST_LEVELS, Gap, Limit, Lookup, Step, Sum
from unnoise.data.constraints import Chart, warn_of_holes
from unnoise.data.holes import Present

_NUMBER = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+")
_OPERATOR = re.compile(r"<=|>=|==|->|[<>=+-]")
_ORDER = {"<": (True, True), "<=": (False, True), ">": (True, False), ">=": (False, False)}  # strict, rising
_EXAMPLES = "as 'low <= high', 'total = a + b', 'price > 0' or 'code -> place'"
Term = tuple[int, str | float | int]


def chart_of(
    texts: Sequence[str] | str | None,
    columns: Mapping[str, Values],
    present: Present,
    conditions: Collection[str],
    units: Mapping[str, str | None] | None = None,
) -> Chart:
    """The chart of constraints, which all rows of the data keep; `units` of columns whose numbers count something.

    Raises:
        InputError: words that are no constraint, columns that there are not, or two constraints on one column that
            cannot be kept together.
    """
    if texts is None:
        return Chart()
    lines = [texts] if isinstance(texts, str) else texts
    if not isinstance(lines, Sequence) or not all(isinstance(line, str) for line in lines):
        raise InputError(f"got constraints = {texts!r:.100}; expected a list of texts, {_EXAMPLES}")
    builder = _Builder(columns, present, conditions, units or {})
    for line in lines:
        builder.add(line)
    chart = builder.chart()
    warn_of_holes(chart, columns, present)
    return chart


def share_broken(text: str, columns: Mapping[str, Values], drawn: Mapping[str, Values]) -> float:
    """The share of new rows, among those without holes, that break a constraint which the data keep.

    >>> data = {"a": np.arange(9), "b": np.arange(9) + np.arange(9) % 3}
    >>> drawn = {"a": np.array([3, 1]), "b": np.array([1, 3])}
    >>> share_broken("a <= b", data, drawn)
    0.5
    """
    builder = _Builder(*holes.split(columns), (), {})  # of holes that would be filled `chart_of` tells, once it is kept
    builder.add(text)
    (step,) = builder.chart().steps
    new, present = holes.split({name: drawn[name] for name in (step.target, *step.sources)})
    whole = np.logical_and.reduce([np.ones(len(new[step.target]), dtype=bool), *present.values()])
    kept = step.holds({name: values[whole] for name, values in new.items()})
    return float(1 - kept.mean()) if len(kept) else 0.0


class _Builder:
    """Steps for one constraint after the other; the sides of orders are chosen when all are known."""

    def __init__(
        self,
        columns: Mapping[str, Values],
        present: Present,
        conditions: Collection[str],
        units: Mapping[str, str | None],
    ) -> None:
        self.columns, self.present, self.conditions, self.units = columns, present, conditions, units
        self.steps: dict[str, Step] = {}
        self.bounds: list[Limit] = []
        self.orders: list[tuple[str, str, bool]] = []

    def add(self, text: str) -> None:
        """One constraint, or a chain of them."""
        sides, signs = _sides(text, self.columns)
        for name in (part for side in sides for _, part in side if isinstance(part, str)):
            self._check_column(name, text)
        if signs == ["->"]:
            self._lookup(_name(sides[0], text), _name(sides[1], text), text)
        elif signs in (["="], ["=="]):
            self._equal(sides[0], sides[1], text)
        elif signs and all(sign in _ORDER for sign in signs):
            for left, sign, right in zip(sides, signs, sides[1:], strict=False):
                self._order(left, right, *_ORDER[sign], text)
        else:
            raise InputError(f"got the constraint {text!r}; expected one comparison or a chain of them, {_EXAMPLES}")

    def chart(self) -> Chart:
        """All of them."""
        for low, high, strict in self.orders:
            self._place(low, high, strict)
        self._spread_bounds()
        return Chart(tuple(self._sorted()), tuple(dict.fromkeys(self.bounds)))

    def _check_column(self, name: str, text: str) -> None:
        if name in self.conditions:
            raise InputError(f"got the constraint {text!r}, but '{name}' is a condition, which is never modelled")
        if self.columns[name].ndim > 1:
            raise InputError(f"got the constraint {text!r}, but '{name}' holds an array in each row")

    def _numbers(self, names: Sequence[str], text: str) -> list[Values]:
        parts = [self.columns[name] for name in names]
        for name, values in zip(names, parts, strict=True):
            if values.dtype.kind not in "iuf":
                raise InputError(f"got the constraint {text!r}, but '{name}' holds no numbers")
        masks = [self.present[name] for name in names if name in self.present]
        whole = np.logical_and.reduce(masks) if masks else slice(None)
        return [values[whole] for values in parts]

    def _order(self, left: list[Term], right: list[Term], strict: bool, rising: bool, text: str) -> None:
        low, high = (_single(side, text) for side in ((left, right) if rising else (right, left)))
        if isinstance(low, str) and isinstance(high, str):
            self._numbers((low, high), text)
            self._check_units((low, high), 0, text)
            if low == high:
                raise InputError(f"got the constraint {text!r} of '{low}' with itself; name two columns")
            self.orders.append((low, high, strict))
        elif isinstance(low, str) or isinstance(high, str):
            name, bound = (high, low) if isinstance(high, str) else (low, high)
            self._numbers((str(name),), text)
            self._check_units((str(name),), bound, text)
            self.bounds.append(Limit(str(name), bound, isinstance(high, str), strict))  # type: ignore[arg-type]
        else:
            raise InputError(f"got the constraint {text!r} without a column; name one, {_EXAMPLES}")

    def _equal(self, left: list[Term], right: list[Term], text: str) -> None:
        if not (len(left) == 1 and isinstance(left[0][1], str) and left[0][0] > 0):
            left, right = right, left
        target = _name(left, text)
        names = [part for _, part in right if isinstance(part, str)]
        if not names or target in names or len(set(names)) < len(names):
            raise InputError(f"got the constraint {text!r}; expected a column and a sum of others, {_EXAMPLES}")
        if len(right) == 1 and right[0][0] > 0 and not self._same(target, names[0]):
            self._lookup(target, names[0], text)
            return
        decimals = decimals_of(*self._numbers((target, *names), text))
        signs = tuple(sign for sign, part in right if isinstance(part, str))
        offset = sum(sign * part for sign, part in right if not isinstance(part, str))
        self._check_units((target, *names), offset, text)
        self._put(Sum(target, tuple(names), signs, offset, str(self.columns[target].dtype), decimals), text)

    def _check_units(self, names: Sequence[str], number: Any, text: str) -> None:
        """Columns that count other things, such as days and seconds, cannot be compared, nor with a number but 0."""
        found = {name: self.units.get(name) for name in names}
        counted = next((name for name in names if found[name] is not None), None)
        if counted is None or (len(set(found.values())) == 1 and not number):
            return
        other = next((name for name in names if found[name] != found[counted]), None)
        beside = f"{number} is a plain number" if other is None else f"'{other}' of {found[other] or 'plain numbers'}"
        raise InputError(
            f"got the constraint {text!r}, but '{counted}' holds values of the type {found[counted]}, and {beside}; "
            "make floats of all"
        )

    def _same(self, one: str, other: str) -> bool:
        """Whether both hold the same numbers."""
        a, b = self.columns[one], self.columns[other]
        if a.dtype.kind not in "iuf" or b.dtype.kind not in "iuf":
            return False
        a, b = self._numbers((one, other), "")
        return bool((a == b).all())

    def _lookup(self, source: str, target: str, text: str) -> None:
        keys, values = self.columns[source], self.columns[target]
        masks = [self.present[name] for name in (source, target) if name in self.present]
        whole = np.logical_and.reduce(masks) if masks else np.ones(len(keys), dtype=bool)
        found = dict(zip(keys[whole].tolist(), values[whole].tolist(), strict=True))
        numeric = keys.dtype.kind in "iuf"
        if len(found) > MOST_LEVELS or (numeric and 2 * len(found) > len(keys)):
            raise InputError(
                f"got the constraint {text!r}, but '{source}' has {len(found)} values in {len(keys)} rows, too many to "
                "look others up"
            )
        self._put(Lookup(target, source, tuple(found), tuple(found.values()), str(values.dtype)), text)

    def _put(self, step: Step, text: str) -> None:
        if step.target in self.steps:
            raise InputError(
                f"got the constraint {text!r}, but '{step.target}' follows from another constraint already "
                f"({self.steps[step.target]}); leave out one of them"
            )
        self.steps[step.target] = step

    def _place(self, low: str, high: str, strict: bool) -> None:
        """A step about the greater column, or about the lesser one where that is taken."""
        text = f"{low} {'<' if strict else '<='} {high}"
        for target, base, above in ((high, low, True), (low, high, False)):
            own, other = self._numbers((target, base), text)
            decimals = decimals_of(own, other)
            finer = self.columns[target].dtype.kind in "iu" and decimals != 0
            if target in self.steps or self._needs(base, target) or finer:
                continue
            gap = Gap(target, base, above, strict, str(self.columns[target].dtype), decimals)
            self.steps[target] = self._constant(gap, {target: own, base: other}) or gap
            return
        raise InputError(
            f"got the constraint {text!r}, whose columns are measured from others already; leave out a constraint, as "
            "one column can be measured from one other"
        )

    def _constant(self, gap: Gap, columns: Mapping[str, Values]) -> Sum | None:
        """A sum where the distance never varies."""
        if not gap.holds(columns).all():
            return None  # the rows are named later
        steps = gap.forward(columns)
        if not len(steps) or (steps != steps[0]).any() or any(bound.target == gap.target for bound in self.bounds):
            return None
        return Sum(gap.target, (gap.base,), (1,), steps[0].item() * (1 if gap.above else -1), gap.dtype, gap.decimals)

    def _needs(self, name: str, target: str) -> bool:
        """Whether a column is measured from the target."""
        if name == target:
            return True
        return any(self._needs(source, target) for source in (self.steps[name].sources if name in self.steps else ()))

    def _spread_bounds(self) -> None:
        """What bounds a column also bounds those on its inner side."""
        for _ in self.orders:
            for low, high, strict in self.orders:
                for bound in list(self.bounds):
                    inner = high if bound.above and bound.target == low else low
                    if bound.target == (low if bound.above else high):
                        new = Limit(inner, bound.bound, bound.above, bound.strict or strict)
                        known = {(one.target, one.above, one.bound) for one in self.bounds}
                        if (inner, bound.above, bound.bound) not in known:
                            self.bounds.append(new)

    def _sorted(self) -> Iterator[Step]:
        left = dict(self.steps)
        while left:
            ready = [name for name, step in left.items() if not set(step.sources) & left.keys()]
            if not ready:
                raise InputError(f"got constraints that go round in a circle: {', '.join(map(str, left.values()))}")
            yield from (left.pop(name) for name in ready)


def _sides(text: str, columns: Collection[str]) -> tuple[list[list[Term]], list[str]]:
    """The terms between comparisons, and the comparisons."""
    sides: list[list[Term]] = [[]]
    signs: list[str] = []
    sign, wants = 1, True
    for token in _tokens(text, columns):
        kind, value = token
        if kind == "operator" and value in "+-":
            sign, wants = (sign if wants else 1) * (-1 if value == "-" else 1), True
        elif kind == "operator":
            signs.append(str(value))
            sides.append([])
            sign, wants = 1, True
        elif not wants:
            raise InputError(f"got the constraint {text!r}; expected + or - before {value!r}")
        else:
            sides[-1].append((sign, value))
            sign, wants = 1, False
    if wants or not all(sides):
        raise InputError(f"got the constraint {text!r}; expected a column or a number on each side, {_EXAMPLES}")
    return sides, signs


def _tokens(text: str, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Names of columns first, the longest that fits, as they may hold blanks and signs."""
    names, place = sorted(columns, key=len, reverse=True), 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        rest = text[place:]
        name = next((one for one in names if rest.startswith(one) and not _goes_on(one, rest)), None)
        quoted = re.match(r"[`\"']([^`\"']+)[`\"']", rest)
        if name is not None:
            yield "name", name
            place += len(name)
        elif quoted and quoted[1] in columns:
            yield "name", quoted[1]
            place += quoted.end()
        elif number := _NUMBER.match(rest):
            yield "number", float(number[0]) if re.search(r"[.eE]", number[0]) else int(number[0])
            place += number.end()
        elif operator := _OPERATOR.match(rest):
            yield "operator", operator[0]
            place += operator.end()
        else:
            word = re.split(r"[\s<>=+]", rest)[0]
            known = ", ".join(list(columns)[:20]) + (", ..." if len(columns) > 20 else "")
            raise InputError(f"got the constraint {text!r}, but there is no column '{word}'; the columns are {known}")


def _goes_on(name: str, rest: str) -> bool:
    """Whether the word does not end where the name does."""
    return name[-1:].isalnum() and (rest[len(name) : len(name) + 1].isalnum() or rest[len(name) :].startswith("_"))


def _single(side: list[Term], text: str) -> str | float | int:
    if len(side) != 1 or (side[0][0] < 0 and isinstance(side[0][1], str)):
        raise InputError(f"got the constraint {text!r} with a sum in a comparison; compare single columns and numbers")
    sign, part = side[0]
    return part if isinstance(part, str) else sign * part


def _name(side: list[Term], text: str) -> str:
    part = _single(side, text)
    if not isinstance(part, str):
        raise InputError(f"got the constraint {text!r}; expected the name of a column in place of {part}")
    return part
