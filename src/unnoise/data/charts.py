"""Steps between the columns of a table and what is modelled of them, by which every row keeps what must hold.

Each step is about one column, its target: a `Gap` puts the distance from another column in its place, and a `Sum` or a
`Lookup` computes it from others, so that it is not modelled at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from unnoise.data._checked import check, check_distinct, check_dtype
from unnoise.data._decimals import MOST_DECIMALS, ticks
from unnoise.data._numerics import Values, cast
from unnoise.data.base import Level, indices_of
from unnoise.data.factors.base import as_type

Columns = Mapping[str, Values]
MOST_LEVELS = 1024  # of a column from which another is looked up
_CLOSE = {2: 1e-2, 4: 1e-5}  # relative rounding of sums, by the bytes of a float


@dataclass(frozen=True)
class Gap:
    """A column as its distance from another, which is never negative.

    Args:
        target: the column.
        base: the other.
        above: whether the column is the greater one.
        strict: whether they are never equal.
        dtype: of the column.
        decimals: of the grid of both; None for real numbers.

    >>> gap = Gap("high", "low", above=True, strict=False, dtype="int64", decimals=0)
    >>> gap.forward({"low": np.array([1, 2]), "high": np.array([5, 2])})
    array([4, 0])
    >>> gap.back({"low": np.array([1, 2]), "high": np.array([4, 0])})
    array([5, 2])
    """

    name: ClassVar[str] = "gap"
    computed: ClassVar[bool] = False
    target: str
    base: str
    above: bool
    strict: bool
    dtype: str
    decimals: int | None

    def __post_init__(self) -> None:
        check_dtype(self.dtype)
        _check_decimals(self.decimals)

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return (self.base,)

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """In which rows of the user's columns it is so."""
        return self._holds(columns[self.target], columns[self.base])

    def forward(self, columns: Columns) -> Values:
        """The distance, from the user's columns."""
        low, high = self._ends(columns[self.target], columns[self.base])
        if self.decimals is None:
            return np.asarray(high.astype(np.float64) - low.astype(np.float64))
        steps = np.asarray(ticks(high, self.decimals).astype(np.uint64) - ticks(low, self.decimals).astype(np.uint64))
        whole = steps if steps.size and steps.max() >= 2**63 else steps.astype(np.int64)
        return np.asarray(whole / 10**self.decimals) if np.dtype(self.dtype).kind == "f" else whole

    def back(self, columns: Columns) -> Values:
        """The column, from the distance in its place and the user's other column."""
        gap, base = columns[self.target], columns[self.base]
        if self.decimals is None or np.dtype(self.dtype).kind == "f":
            found = self._floats(gap.astype(np.float64), base)
            return found if np.dtype(self.dtype).kind == "f" else cast(found, self.dtype)
        info = np.iinfo(self.dtype)
        start, end = ticks(base, 0).astype(np.uint64), np.uint64((info.max if self.above else info.min) % 2**64)
        steps = np.minimum(gap.astype(np.uint64), end - start if self.above else start - end)
        whole: Values = start + steps if self.above else start - steps
        return whole.astype(self.dtype)

    def _floats(self, gap: Values, base: Values) -> Values:
        sign = 1.0 if self.above else -1.0
        if self.decimals is None:
            found = base.astype(np.float64) + sign * gap
        else:
            steps = ticks(gap, self.decimals).astype(np.float64)
            found = (ticks(base, self.decimals).astype(np.float64) + sign * steps) / 10**self.decimals
        found, end = cast(found, self.dtype), cast(base.astype(np.float64), self.dtype)
        end = np.where(self._holds(end, base), end, np.nextafter(end, end.dtype.type(sign * math.inf)))
        return np.where(self._holds(found, base), found, end)

    def _holds(self, target: Values, base: Values) -> NDArray[np.bool_]:
        low, high = self._ends(target, base)
        return np.asarray(low < high if self.strict else low <= high)

    def _ends(self, target: Values, base: Values) -> tuple[Values, Values]:
        return (base, target) if self.above else (target, base)

    @property
    def measured(self) -> str:
        """What is modelled in place of the column."""
        return f"{self.target} - {self.base}" if self.above else f"{self.base} - {self.target}"

    def restore(self, values: Values) -> Values:
        """Values in the type of the column."""
        return as_type(values, self.dtype, self.target)

    def __str__(self) -> str:
        low, high = (self.base, self.target) if self.above else (self.target, self.base)
        return f"{low} {'<' if self.strict else '<='} {high}"


@dataclass(frozen=True)
class Sum:
    """A column that is others added and subtracted, and a number.

    Args:
        target: the column.
        sources: the others.
        signs: 1 or -1 for each.
        offset: the number.
        dtype: of the column.
        decimals: of the grid of all; None for real numbers.

    >>> total = Sum("total", ("a", "b"), (1, 1), 0, "int64", 0)
    >>> str(total), total.back({"a": np.array([1]), "b": np.array([2])})
    ('total = a + b', array([3]))
    """

    name: ClassVar[str] = "sum"
    computed: ClassVar[bool] = True
    target: str
    sources: tuple[str, ...]
    signs: tuple[int, ...]
    offset: float | int
    dtype: str
    decimals: int | None

    def __post_init__(self) -> None:
        check_dtype(self.dtype)
        check_distinct(self.sources, "sources")
        _check_decimals(self.decimals)
        check(len(self.signs) == len(self.sources), "signs", self.signs, "one for each source")
        check(set(self.signs) <= {1, -1}, "signs", self.signs, "1 or -1")

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """In which rows of the user's columns it is so, up to the rounding of real numbers."""
        found, kept = self.back(columns), columns[self.target]
        if self.decimals is not None:
            return np.asarray(ticks(found, self.decimals) == ticks(kept, self.decimals))
        parts = [np.abs(columns[name].astype(np.float64)) for name in (self.target, *self.sources)]
        bytes_ = min(columns[name].dtype.itemsize for name in self.sources if columns[name].dtype.kind == "f")
        close = _CLOSE.get(min(bytes_, np.dtype(self.dtype).itemsize), 1e-9) * np.maximum.reduce(parts)
        return np.asarray(np.abs(found.astype(np.float64) - kept.astype(np.float64)) <= close)

    def back(self, columns: Columns) -> Values:
        """The column, from the others."""
        return self._cast(self._summed(columns, self.sources), self.dtype)

    def solved(self, columns: Columns, missing: str, dtype: str) -> Values:
        """The only source that is not known."""
        rest = self._summed(columns, tuple(name for name in self.sources if name != missing))
        sign = self.signs[self.sources.index(missing)]
        target = columns[self.target]
        whole = target.astype(np.float64) if self.decimals is None else ticks(target, self.decimals)
        return self._cast(sign * (whole - rest), dtype)

    def _summed(self, columns: Columns, names: tuple[str, ...]) -> Values:
        """In float64, or in whole steps of the grid."""
        exact = self.decimals is not None
        n = len(next(iter(columns.values())))
        total: Values = np.full(n, round(self.offset * 10 ** (self.decimals or 0)) if exact else self.offset)
        for name, sign in zip(self.sources, self.signs, strict=True):
            if name in names:
                held = columns[name]
                part = ticks(held, self.decimals or 0).astype(np.int64) if exact else held.astype(np.float64)
                total = total + sign * part
        return total

    def _cast(self, total: Values, dtype: str) -> Values:
        if self.decimals:
            total = total / 10**self.decimals
        if np.dtype(dtype).kind == "f":
            return cast(total.astype(np.float64), dtype)
        if total.dtype.kind == "f":
            return cast(total, dtype)
        info = np.iinfo(dtype)
        return np.clip(total, max(info.min, -(2**63)), min(info.max, 2**63 - 1)).astype(dtype)

    def restore(self, values: Values) -> Values:
        """Values in the type of the column."""
        return as_type(values, self.dtype, self.target)

    def __str__(self) -> str:
        words = "".join(f" {'+' if s > 0 else '-'} {n}" for n, s in zip(self.sources, self.signs, strict=True))
        words = words.removeprefix(" + ").strip()
        offset = f" {'+' if self.offset > 0 else '-'} {abs(self.offset):g}" if self.offset else ""
        return f"{self.target} = {words}{offset}"


@dataclass(frozen=True)
class Lookup:
    """A column that another one determines.

    Args:
        target: the column.
        source: the other.
        keys: the values of the other, and
        values: those of the column that stand beside them.
        dtype: of the column.

    >>> code = Lookup("code", "place", ("Bern", "Rome"), (3, 7), "int64")
    >>> code.back({"place": np.array(["Rome", "Bern"], dtype=object)})
    array([7, 3])
    """

    name: ClassVar[str] = "lookup"
    computed: ClassVar[bool] = True
    target: str
    source: str
    keys: tuple[Level, ...]
    values: tuple[Level, ...]
    dtype: str

    def __post_init__(self) -> None:
        check_dtype(self.dtype, text=True)
        check_distinct(self.keys, "keys")
        check(len(self.values) == len(self.keys), "values", self.values, "one for each key")

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that it needs."""
        return (self.source,)

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """In which rows of the user's columns it is so."""
        return np.asarray(self.back(columns) == columns[self.target])

    def back(self, columns: Columns) -> Values:
        """The column, from the other."""
        index = indices_of(
            columns[self.source], self.keys, f"Column '{self.source}', from which {self.target} follows,"
        )
        return np.array(self.values, dtype=object)[index].astype(self.dtype)

    def sources_of(self, value: Any) -> tuple[Level, ...]:
        """The values of the other column beside which this one stands."""
        return tuple(key for key, one in zip(self.keys, self.values, strict=True) if one == value)

    def restore(self, values: Values) -> Values:
        """Values in the type of the column, also by their text."""
        levels = tuple(dict.fromkeys(self.values))
        index = indices_of(values, levels, f"Column '{self.target}'", as_text=True)
        return np.array(levels, dtype=object)[index].astype(self.dtype)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


@dataclass(frozen=True)
class Limit:
    """Numbers on one side of a bound, which cells of a column keep without a step.

    >>> price = Limit("price", 0, above=True, strict=True)
    >>> str(price), price.holds({"price": np.array([0.0, 0.1])}).tolist()
    ('price > 0', [False, True])
    """

    name: ClassVar[str] = "bound"
    target: str
    bound: float | int
    above: bool
    strict: bool

    def holds(self, columns: Columns) -> NDArray[np.bool_]:
        """In which rows of the user's columns it is so."""
        low, high = (self.bound, columns[self.target]) if self.above else (columns[self.target], self.bound)
        return np.asarray(low < high if self.strict else low <= high)

    def __str__(self) -> str:
        return f"{self.target} {'>' if self.above else '<'}{'' if self.strict else '='} {self.bound:g}"


Step = Gap | Sum | Lookup


def _check_decimals(decimals: int | None) -> None:
    check(decimals is None or 0 <= decimals <= MOST_DECIMALS, "decimals", decimals, f"0 to {MOST_DECIMALS}")
