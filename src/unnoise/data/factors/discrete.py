"""Levels of categories as a point of a finite space, counts as a point of counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._checks import flag
from unnoise.data._checked import LATER, check, check_distinct, is_held
from unnoise.data._numerics import Values
from unnoise.data.base import Level, described, indices_of, levels_of
from unnoise.data.factors.base import Columns, Factor, dtypes_of, expect, finite_numbers, refuse, stacked
from unnoise.processes import CTMC, ImmigrationDeath, rates
from unnoise.spaces import Counts, Finite

MOST = 20_000  # levels of one column
FEW = 256  # levels of columns that share a factor, whose sites are all padded to the largest
MOST_COUNTED = 2**31 - 1


@dataclass(frozen=True)
class CategoryFactor(Factor):
    """Each column is one of a few levels, without order.

    Args:
        columns: the names.
        levels: of each column.
        dtypes: of each column.
        masked: whether noise hides levels behind a mask, so that nothing is left of them at t = 1; else it puts others
            in their place, as models did that do not say.

    >>> animals = CategoryFactor.fit({"kind": np.array(["cat", "dog", "cat"], dtype=object)})
    >>> animals.encode({"kind": np.array(["dog"], dtype=object)})
    tensor([[1]])
    """

    kind: ClassVar[str] = "category"
    measure: ClassVar[str] = "probability of the levels"
    levels: tuple[tuple[Level, ...], ...]
    dtypes: tuple[str, ...]
    masked: bool = field(default=False, metadata={LATER: True})

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_each("levels", self.levels)
        self._check_dtypes(self.dtypes, text=True)
        flag(masked=self.masked)
        for levels, dtype in zip(self.levels, self.dtypes, strict=True):
            check_distinct(levels, "levels")
            check(1 < len(levels) <= MOST, "the number of levels", len(levels), f"2 to {MOST}")
            check(all(is_held(level, dtype) for level in levels), "levels", levels, f"ones of the type {dtype}")

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The levels that occur, in order."""
        levels = tuple(_levels(values, name) for name, values in columns.items())
        return cls(tuple(columns), levels, dtypes_of(columns), masked=True)

    def only(self, places: Sequence[int]) -> Self:
        """The factor of some of the columns, by their places."""
        columns, levels = (tuple(self.columns[i] for i in places), tuple(self.levels[i] for i in places))
        return replace(self, columns=columns, levels=levels, dtypes=tuple(self.dtypes[i] for i in places))

    def process(self) -> CTMC:
        """Jumps to a mask, or to any level at the same rate."""
        return hiding(tuple(len(levels) for levels in self.levels), self.masked)

    @property
    def anywhere(self) -> Tensor:
        """The first levels."""
        return torch.zeros(len(self.columns), dtype=torch.int64)

    def encode(self, columns: Columns) -> Tensor:
        """The index of each level, int64."""
        pairs = zip(self.columns, self.levels, strict=True)
        parts = [indices_of(columns[name], levels, f"Column '{name}'") for name, levels in pairs]
        return torch.tensor(np.stack(parts, axis=1), dtype=torch.int64)

    def decode(self, x: Tensor) -> dict[str, Values]:
        """The levels themselves."""
        fields = zip(self.columns, x.numpy().T, self.levels, self.dtypes, strict=True)
        return {name: np.array(levels, dtype=object)[index].astype(dtype) for name, index, levels, dtype in fields}

    def restore(self, values: Values, column: str) -> Values:
        """The levels that are meant, also by their text."""
        place = self.columns.index(column)
        levels = np.array(self.levels[place], dtype=object)
        index = indices_of(values, self.levels[place], f"Column '{column}'", as_text=True)
        return levels[index].astype(self.dtypes[place])

    def __str__(self) -> str:
        return f"{self.kind}, one of {described(self.levels[0])}" if len(self.columns) == 1 else self.kind


@dataclass(frozen=True)
class OrderedFactor(CategoryFactor):
    """Levels in the order of numbers or the alphabet: noise moves to neighbours; one column.

    Its process is `CTMC` with `rates.BirthDeath`. So levels that are near each other are taken for alike, as grades are
    and colours are not.

    >>> factor = OrderedFactor.fit({"grade": np.array(["C", "A", "B"], dtype=object)})
    >>> factor.encode({"grade": np.array(["C", "A"], dtype=object)})
    tensor([[2],
            [0]])
    """

    kind: ClassVar[str] = "ordered"

    def __post_init__(self) -> None:
        super().__post_init__()
        check(len(self.columns) == 1, "columns", self.columns, "one")

    def process(self) -> CTMC:
        """A random walk on neighbouring levels."""
        (levels,) = self.levels
        return CTMC(Finite(1, len(levels)), rates.BirthDeath(len(levels)))


@dataclass(frozen=True)
class CountFactor(Factor):
    """How often something happened.

    >>> str(CountFactor.fit({"calls": np.array([0, 3, 5])}))
    'count, mean 2.667'
    """

    kind: ClassVar[str] = "count"
    measure: ClassVar[str] = "probability of the counts"
    means: tuple[float, ...]
    dtypes: tuple[str, ...]
    highs: tuple[int, ...] | None = field(default=None, metadata={LATER: True})  # of the data that were fitted

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_each("means", self.means)
        self._check_each("highs", self.means if self.highs is None else self.highs)
        self._check_dtypes(self.dtypes)
        check(all(0 < mean <= MOST_COUNTED for mean in self.means), "means", self.means, "numbers above 0")

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The means, at which noise arrives."""
        for name, values in columns.items():
            _check_count(values, name)
        means = tuple(max(float(values.mean()), 0.1) for values in columns.values())
        return cls(tuple(columns), means, dtypes_of(columns), tuple(int(values.max()) for values in columns.values()))

    def process(self) -> ImmigrationDeath:
        """Events disappear one by one and new ones arrive; the limit is Poisson."""
        return ImmigrationDeath(Counts(len(self.columns)), self.means)

    @property
    def anywhere(self) -> Tensor:
        """All counts 0."""
        return torch.zeros(len(self.columns), dtype=torch.int64)

    def encode(self, columns: Columns) -> Tensor:
        """The counts, int64."""
        for name in self.columns:
            _check_count(columns[name], name)
        return torch.from_numpy(stacked(columns, self.columns).astype(np.int64))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """The counts."""
        fields = zip(self.columns, x.numpy().T, self.dtypes, strict=True)
        return {name: part.astype(dtype) for name, part, dtype in fields}

    def seen(self, column: str) -> tuple[float, float] | None:
        """From 0 to the highest count."""
        return None if self.highs is None else (0, self.highs[self.columns.index(column)])

    def __str__(self) -> str:
        return f"count, mean {self.means[0]:.4g}" if len(self.means) == 1 else "count"


def hiding(sizes: tuple[int, ...], masked: bool = True) -> CTMC:
    """Noise on columns of so many levels: each becomes a mask at a random time, or any level."""
    if not masked:
        return CTMC(Finite(len(sizes), sizes), rates.UniformRates(sizes))
    states = tuple(size + 1 for size in sizes)
    return CTMC(Finite(len(sizes), states), rates.Absorbing(states))


def _levels(values: Values, name: str) -> tuple[Level, ...]:
    levels = levels_of(values, f"Column '{name}'")
    expect(
        1 < len(levels) <= MOST,
        f"Column '{name}' has {len(levels)} levels as a category; expected 2 to {MOST}: declare it real or drop it.",
    )
    return levels


def _check_count(values: Values, name: str) -> None:
    finite_numbers(values, name, CountFactor.kind)
    numbers = values.astype(np.float64)  # as a float16 cannot be compared with the greatest count
    refuse(
        (numbers < 0) | (numbers != np.rint(numbers)) | (numbers > MOST_COUNTED),
        lambda row: (
            f"Column '{name}' is declared a count, but holds {values[row]} in row {row}; expected whole numbers from 0 "
            f"to {MOST_COUNTED}."
        ),
    )
