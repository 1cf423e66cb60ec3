r"""Numbers of a table as digits: which cell of the column's values, and where in it.

A column is cut into cells: a value that many rows share is a cell of its own, the others lie between quantiles. Few
cells are one digit; more are two, a coarse one and a fine one. Within its cell a value is uniform, on the column's own
grid (whole numbers, cents, quarter hours) or in between, so that margins are right whatever a network has learnt. No
cell reaches over a wide gap, such as from -999, which stands for missing, to ages. With c the cell of u

$$\log p(u) = \log P(\text{digits of } c) + \log p(u | c),$$

a probability where the values lie on a grid or repeat, a density elsewhere. A share of each cell, estimated by the
values that occurred once (Good 1953), is kept for values that were never seen: those in gaps between cells, and beyond
the ends, where they fall off exponentially.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError, warn
from unnoise.data import _cuts
from unnoise.data._checked import LATER, check, check_dtype
from unnoise.data._numerics import Floats, Values, row_of
from unnoise.data.base import Kind

FEW = 128  # cells that are one digit
MOST_DECIMALS = 6
_EXACT = 2**53
Whole = NDArray[np.uint64]


@dataclass(frozen=True)
class Resolution(Kind):
    """One column of numbers.

    Args:
        dtype: of the column.
        decimals: of its grid, or None where numbers are real.
        step: between values of the grid, in units of the last decimal.
        low: the least value, in units of the last decimal on a grid.
        starts: where cells begin, in steps above `low`, or real.
        ends: their last values, included.
        coarse: the first cell of every state of the first digit.
        unseen: the share kept for values that were never seen.
        shares: of the data, for every cell.
        less: how many of the first cells stand for words that say less than all numbers, as <0.5, and
        more: how many of the last ones for such that say more.

    >>> hours = Resolution.fit(np.array([40, 40, 35, 40, 20, 40, 35, 20]), "hours")
    >>> hours.sizes, hours.encode(np.array([35, 40]), "hours").tolist()
    ((3,), [[1], [2]])
    >>> str(hours)
    'whole numbers 20 to 40, in steps of 5: 3 values; 40 in 50 % of rows'
    """

    name: ClassVar[str] = "number"
    dtype: str
    decimals: int | None
    step: int
    low: float | int
    starts: tuple[float | int, ...]
    ends: tuple[float | int, ...]
    coarse: tuple[int, ...]
    unseen: float
    shares: tuple[float, ...]
    less: int = field(default=0, metadata={LATER: True})
    more: int = field(default=0, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_dtype(self.dtype)
        count = len(self.starts)
        check(count > 0 and len(self.ends) == len(self.shares) == count, "ends, shares", count, "one for each start")
        check(1 <= self.step < 2**64, "step", self.step, "1 or more")
        self._check_held()
        check(bool((self._starts[1:] > self._ends[:-1]).all()), "starts", "cells that overlap", "rising cells")
        check(bool((self._starts <= self._ends).all()), "ends", "a cell that ends before it starts", "rising cells")
        rising = all(a < b for a, b in zip(self.coarse, self.coarse[1:], strict=False))
        check(self.coarse[:1] == (0,) and rising and self.coarse[-1] < count, "coarse", self.coarse, "rising cells")
        check(0 < self.unseen < 1, "unseen", self.unseen, "a number between 0 and 1")
        check(all(0 <= share <= 1 for share in self.shares), "shares", self.shares, "numbers between 0 and 1")
        fine = min(self.less, self.more) >= 0 and self.less + self.more < count
        check(fine, "less, more", (self.less, self.more), "fewer than all cells")

    def _check_held(self) -> None:
        """Refuse cells whose values the column cannot hold."""
        edges = self.starts + self.ends
        if self.decimals is None:
            most = float(np.finfo(self.dtype).max) if np.dtype(self.dtype).kind == "f" else 0.0
            check(all(-most <= edge <= most for edge in edges), "starts, ends", edges, f"numbers of {self.dtype}")
            return
        check(0 <= self.decimals <= MOST_DECIMALS, "decimals", self.decimals, f"0 to {MOST_DECIMALS}")
        whole = all(isinstance(edge, int) and 0 <= edge < 2**64 for edge in edges)
        check(whole, "starts, ends", edges, "whole numbers of steps")
        kind = np.dtype(self.dtype)
        check(kind.kind == "f" or (kind.kind in "iu" and self.decimals == 0), "decimals", self.decimals, "0")
        bounds = np.iinfo(np.int64 if kind.kind == "f" else kind)
        top = self.low + self.step * max(edges)
        good = isinstance(self.low, int) and bounds.min <= self.low <= top <= bounds.max
        check(good, "low, step, ends", (self.low, self.step, max(edges)), f"whole numbers of {self.dtype}")

    @classmethod
    def fit(cls, values: Values, column: str, words: Collection[float] = ()) -> Self:
        """Cells from the values, all present; of `words`, which lie beyond all numbers, each is a cell of its own."""
        decimals = _decimals(values)
        points, low, step = _grid(values, decimals)
        seen, counts = np.unique(points, return_counts=True)
        less, more = _beyond(values, words)
        numbers = slice(less, len(seen) - more)
        firsts, wide, starts, ends = _cuts.cells(seen[numbers], counts[numbers], decimals is None)
        once = int(((counts[numbers][firsts] == 1) & ~wide).sum())
        firsts = np.concatenate([np.arange(less), firsts + less, np.arange(numbers.stop, len(seen))])
        starts, ends = (np.concatenate([seen[:less], part, seen[numbers.stop :]]) for part in (starts, ends))
        shares = np.add.reduceat(counts, firsts) / len(values)
        coarse = tuple(range(len(starts))) if len(starts) <= FEW else _cuts.coarse(shares)
        return cls(
            str(values.dtype),
            decimals,
            step,
            low,
            tuple(starts.tolist()),
            tuple(ends.tolist()),
            coarse,
            min(0.5, (0.5 + once) / (len(values) + 1)),
            tuple(float(f"{share:.6g}") for share in shares),
            less,
            more,
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of states of each digit."""
        if len(self.coarse) == len(self.starts):
            return (len(self.starts),)
        return len(self.coarse), max(self._fine_sizes.tolist())

    @cached_property
    def _starts(self) -> Values:
        return np.array(self.starts, dtype=self._held)

    @cached_property
    def _ends(self) -> Values:
        return np.array(self.ends, dtype=self._held)

    @property
    def _held(self) -> type[np.generic]:
        return np.float64 if self.decimals is None else np.uint64

    @cached_property
    def _first(self) -> NDArray[np.intp]:
        return np.array(self.coarse)

    @cached_property
    def _fine_sizes(self) -> NDArray[np.intp]:
        return np.diff(np.append(self._first, len(self.starts)))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest number that was seen."""
        ends = self._values(self._numbers)
        return float(ends[0]), float(ends[1])

    def gap(self, number: float) -> tuple[float, float] | None:
        """Where the cells around a number in none end and begin; None in a cell and beyond all of numbers."""
        ends = self._values(self._ends).astype(np.float64)
        starts = self._values(self._starts).astype(np.float64)
        cell = int(np.searchsorted(starts, number, "right")) - 1
        between = self.less <= cell < len(starts) - 1 - self.more and number > ends[cell]
        return (float(ends[cell]), float(starts[cell + 1])) if between else None

    @property
    def ordered(self) -> NDArray[np.bool_]:
        """Which states of the first digit follow on each other: no words, and no number far from all others."""
        middles, upto = self._middles, np.cumsum(self.shares)
        low, high = np.interp((0.1, 0.9), upto / upto[-1], middles)
        far = np.concatenate([[True], np.diff(middles) > max(high - low, 0.0), [True]])
        follows = ~(far[1:] & far[:-1])
        follows[: self.less], follows[len(follows) - self.more :] = False, False
        return np.logical_and.reduceat(follows, self._first)

    @property
    def _numbers(self) -> Values:
        """The first and the last number as a point, without words."""
        return np.array([self._starts[self.less], self._ends[len(self.ends) - 1 - self.more]])

    def encode(self, values: Values, column: str) -> NDArray[np.int64]:
        """The digits of every value, (n, digits)."""
        cells = self._cells(self._points(values, column)[0])
        return cells[:, None] if len(self.sizes) == 1 else np.stack(self._split(cells), 1)

    def decode(self, digits: NDArray[np.int64], position: Floats | float = 0.5) -> Values:
        """The values at these places of their cells, between 0 and 1; in the middle by default."""
        cells = digits[:, 0] if len(self.sizes) == 1 else self._joined(digits)
        start, end = self._starts[cells], self._ends[cells]
        if self.decimals is None:
            return self._values(start + position * (end - start))
        span = end - start
        steps = np.minimum(np.floor(position * (span.astype(np.float64) + 1)), span.astype(np.float64))
        return self._values(start + np.minimum(steps.astype(np.uint64), span))

    def log_detail(self, values: Values, column: str) -> Floats:
        r"""$\log p(u | c)$ of every value given its cell, (n,) in nats."""
        points, beyond = self._points(values, column)
        cells = self._cells(points)
        inside = (points >= self._starts[cells]) & (points <= self._ends[cells]) & (beyond == 0)
        gap = self._gaps[cells]
        spare = self.unseen * ((gap > 0) + 1.0 * (cells == 0) + (cells == len(self.starts) - 1))
        spare = np.minimum(spare, 0.75)
        pieces = np.maximum(spare / self.unseen, 1.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            within = np.log1p(-spare) - np.log(self._volumes[cells])
            between = np.log(spare / pieces) - np.log(gap)
            tail = np.log(spare / pieces) + self._log_tail(np.abs(beyond))
        return np.asarray(np.where(inside, within, np.where(beyond == 0, between, tail)))

    def mean_digits(self, laws: Sequence[Floats]) -> NDArray[np.int64]:
        """The digits of the mean, (n, digits), from the laws of the digits, (n, states) each, as if independent."""
        first, *rest = (law / law.sum(1, keepdims=True) for law in laws)
        middles = self._middles
        if not rest:
            mean = first @ middles
        else:
            states = np.stack(np.meshgrid(*map(np.arange, self.sizes), indexing="ij"), -1).reshape(-1, 2)
            mean = ((first @ middles[self._joined(states)].reshape(self.sizes)) * rest[0]).sum(1)
        cells = np.searchsorted((middles[1:] + middles[:-1]) / 2, mean)
        return np.stack(self._split(cells), 1) if rest else cells[:, None]

    @property
    def is_probability(self) -> bool:
        """Whether every value has a probability: on a grid, or where all cells are single values."""
        return self.decimals is not None or bool((self._starts == self._ends).all())

    @cached_property
    def _middles(self) -> Floats:
        """The middle of every cell; of words the nearest number, so that means are of what was measured."""
        cells = np.clip(np.arange(len(self.starts)), self.less, len(self.starts) - 1 - self.more)
        digits = cells[:, None] if len(self.sizes) == 1 else np.stack(self._split(cells), 1)
        return self.decode(digits).astype(np.float64)

    def _split(self, cells: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        first = np.searchsorted(self._first, cells, "right") - 1
        return first, cells - self._first[first]

    def _joined(self, digits: NDArray[np.int64]) -> NDArray[np.intp]:
        """Cells of two digits; a fine one that the coarse one does not have is its last."""
        first = digits[:, 0]
        return np.asarray(self._first[first] + np.minimum(digits[:, 1], self._fine_sizes[first] - 1))

    @cached_property
    def _volumes(self) -> Floats:
        """Of cells: how many values of the grid, or a length; 1 of an atom."""
        if self.decimals is not None:
            return (self._ends - self._starts).astype(np.float64) + 1
        return np.where(self._ends > self._starts, self._ends - self._starts, 1.0)

    @cached_property
    def _gaps(self) -> Floats:
        """After each cell: how many values of the grid to the next, or a length."""
        gaps = np.zeros(len(self.starts))
        gaps[:-1] = (self._starts[1:] - self._ends[:-1]).astype(np.float64)
        if self.decimals is not None:
            gaps[:-1] -= 1
        if self.decimals is None:  # most cells of real numbers meet
            gaps[:-1][self._starts[1:] <= np.nextafter(self._ends[:-1], np.inf)] = 0.0
        return gaps

    def _log_tail(self, distance: Floats) -> Floats:
        """Of values beyond the ends, by their distance: exponential, or geometric on a grid."""
        scale = max(float(self._ends[-1] - self._starts[0]) / 10, 1e-300)
        if self.decimals is None:
            return np.asarray(-distance / scale - math.log(scale))
        log_stay = -1 / max(scale, 1.0)
        return np.asarray((distance - 1) * log_stay + math.log(-math.expm1(log_stay)))

    def _cells(self, points: Values) -> NDArray[np.intp]:
        return np.clip(np.searchsorted(self._starts, points, "right") - 1, 0, len(self.starts) - 1)

    def _points(self, values: Values, column: str) -> tuple[Values, Floats]:
        """Steps above the least value, within the range; and how far beyond it values lie."""
        if self.decimals is None:
            points = values.astype(np.float64)
            low, high = float(self._starts[0]), float(self._ends[-1])
            return np.clip(points, low, high), points - np.clip(points, low, high)
        ticks, base = _ticks(values, self.decimals), self.low
        if self.decimals == 0 and values.dtype.kind == "f" and (odd := np.flatnonzero(values != np.rint(values))).size:
            raise InputError(
                f"Column '{column}' holds whole numbers, but row {row_of(odd[0], values)} holds "
                f"{values.flat[odd[0]]}; round it, or declare the column real."
            )
        below = ticks < base
        offset = np.where(below, 0, _above(ticks, int(base)))
        steps, rest = offset // np.uint64(self.step), offset % np.uint64(self.step)
        if rest.any():
            row = int(rest.nonzero()[0][0])
            warn(f"column '{column}' holds {values[row]} in row {row}, which is off its grid; it is taken as near by")
        high = self._ends[-1]
        beyond = np.where(steps > high, (steps - np.minimum(high, steps)).astype(np.float64), 0.0)
        under = np.where(below, float(base) - ticks.astype(np.float64), 0.0) / self.step
        return np.minimum(steps, high), np.where(below, -np.maximum(under, 1.0), beyond)

    def _values(self, points: Values) -> Values:
        if self.decimals is None:
            return points.astype(self.dtype)
        base = int(self.low) % 2**64
        whole = points * np.uint64(self.step) + np.uint64(base)
        if np.dtype(self.dtype).kind == "u":
            return whole.astype(self.dtype)
        signed = whole.astype(np.int64)
        return (signed / 10**self.decimals if self.decimals else signed).astype(self.dtype)

    def __str__(self) -> str:
        low, high = (self._worded(value) for value in self._values(self._numbers))
        kind = "numbers" if self.decimals is None else "whole numbers"
        if self.decimals:
            kind = f"numbers with {self.decimals} decimal{'s' * (self.decimals > 1)}"
        step = f", in steps of {self._worded(self.step / 10 ** (self.decimals or 0))}" if self.step > 1 else ""
        alone = self._starts == self._ends
        count = len(self.starts) - self.less - self.more
        how = f": {count} values" if alone.all() else f", in {count} parts of equal share"
        is_word = np.clip(np.arange(len(alone)), self.less, len(alone) - 1 - self.more) != np.arange(len(alone))
        top = int(np.argmax(np.where(alone & ~is_word, self.shares, 0.0)))
        often = ""
        if alone[top] and not is_word[top] and self.shares[top] >= 0.1:
            value = self._worded(self._values(self._starts[top : top + 1])[0])
            often = f"; {value} in {100 * self.shares[top]:.0f} % of rows"
        return f"{kind} {low} to {high}{step}{how}{often}"

    def _worded(self, value: Any) -> str:
        return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _beyond(values: Values, words: Collection[float]) -> tuple[int, int]:
    """How many words occur that lie below all numbers, and above."""
    there = np.unique(values[np.isin(values, list(words))]) if words else values[:0]
    rest = values[~np.isin(values, there)]
    return (int((there < rest.min()).sum()), int((there > rest.max()).sum())) if len(rest) else (0, 0)


def _decimals(values: Values) -> int | None:
    """The least decimals that all values have, up to a few; None for real numbers."""
    if values.dtype.kind != "f":
        return 0
    numbers = values.astype(np.float64)
    most = float(np.abs(numbers).max())
    for decimals in range(MOST_DECIMALS + 1):
        scale = 10**decimals
        if most * scale >= _EXACT:
            return None
        if np.array_equal((np.rint(numbers * scale) / scale).astype(values.dtype), values):
            return decimals
    return None


def _ticks(values: Values, decimals: int) -> Values:
    if values.dtype.kind == "u":
        return values.astype(np.uint64)
    if values.dtype.kind != "f":
        return values.astype(np.int64)
    ticks = np.rint(values.astype(np.float64) * 10**decimals)
    return np.asarray(np.clip(ticks, -(2.0**62), 2.0**62).astype(np.int64))


def _above(ticks: Values, low: int) -> Whole:
    """Exact also beyond 2**53, modulo 2**64."""
    return np.asarray(ticks.astype(np.uint64) - np.uint64(low % 2**64))


def _grid(values: Values, decimals: int | None) -> tuple[Values, float | int, int]:
    """Real values as they are; or steps above the least, it, and what a step is."""
    if decimals is None:
        return values.astype(np.float64), float(values.min()), 1
    ticks = _ticks(values, decimals)
    low = int(ticks.min())
    offset = _above(ticks, low)
    step = max(1, int(np.gcd.reduce(offset)))
    return offset // np.uint64(step), low, step
