"""Levels: columns of categories, as one point of a finite space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise.data._levels import Level, described, indices_of, levels_of
from unnoise.data._numerics import Values
from unnoise.data.factors.base import Columns, Factor, expect
from unnoise.processes import CTMC, rates
from unnoise.spaces import Finite

MOST = 1000  # levels of one column


@dataclass(frozen=True)
class CategoryFactor(Factor):
    """Categories: each column is one of a few levels, without order.

    >>> animals = CategoryFactor.fit({"kind": np.array(["cat", "dog", "cat"], dtype=object)})
    >>> animals.encode({"kind": np.array(["dog"], dtype=object)})
    tensor([[1]])
    """

    kind: ClassVar[str] = "category"
    levels: tuple[tuple[Level, ...], ...]
    dtypes: tuple[str, ...]

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The levels that occur, in order."""
        levels = tuple(_levels(values, name) for name, values in columns.items())
        return cls(tuple(columns), levels, tuple(str(values.dtype) for values in columns.values()))

    def process(self) -> CTMC:
        """Every column forgets its level at some time, and then is any of its levels."""
        sizes = tuple(len(levels) for levels in self.levels)
        return CTMC(Finite(len(sizes), sizes), rates.UniformRates(sizes))

    @property
    def measure(self) -> str:
        """Probabilities."""
        return "probability of the levels"

    def encode(self, columns: Columns) -> Tensor:
        """The index of each level, int64."""
        pairs = zip(self.columns, self.levels, strict=True)
        parts = [indices_of(columns[name], levels, f"Column '{name}'") for name, levels in pairs]
        return torch.tensor(np.stack(parts, axis=1), dtype=torch.int64)

    def decode(self, x: Tensor) -> dict[str, Values]:
        """The levels themselves."""
        places, found = x.numpy(), {}
        for i, (name, levels, dtype) in enumerate(zip(self.columns, self.levels, self.dtypes, strict=True)):
            table = np.array(levels, dtype=object)
            found[name] = table[places[:, i]].astype(dtype)
        return found

    def __str__(self) -> str:
        return f"{self.kind}, one of {described(self.levels[0])}" if len(self.columns) == 1 else self.kind


@dataclass(frozen=True)
class OrderedFactor(CategoryFactor):
    """Levels with an order, that of numbers or of the alphabet: noise moves to neighbours."""

    kind: ClassVar[str] = "ordered"

    def process(self) -> CTMC:
        """A walk to neighbouring levels."""
        (levels,) = self.levels
        return CTMC(Finite(1, len(levels)), rates.BirthDeath(len(levels)))


def _levels(values: Values, name: str) -> tuple[Level, ...]:
    levels = levels_of(values, f"Column '{name}'")
    expect(
        1 < len(levels) <= MOST,
        f"Column '{name}' has {len(levels)} levels as a category; expected 2 to {MOST}: declare it real or drop it.",
    )
    return levels
