"""Levels: columns of categories, as one point of a finite space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Floats, Values
from unnoise.data.factors.base import Columns, Factor, expect, independent
from unnoise.processes import CTMC, rates
from unnoise.spaces import Finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Level = str | int | float | bool
MOST = 1000  # levels of one column


@dataclass(frozen=True)
class Levels(Factor):
    """Categories: each column is one of a few levels, without order.

    >>> animals = Levels.fit({"kind": np.array(["cat", "dog", "cat"], dtype=object)})
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
        """The place of each level, int64."""
        parts = [_places(columns[name], levels, name) for name, levels in zip(self.columns, self.levels, strict=True)]
        return torch.tensor(np.stack(parts, axis=1), dtype=torch.int64)

    def decode(self, x: Tensor) -> dict[str, Values]:
        """The levels themselves."""
        places, found = x.numpy(), {}
        for i, (name, levels, dtype) in enumerate(zip(self.columns, self.levels, self.dtypes, strict=True)):
            table = np.array(levels, dtype=object)
            found[name] = table[places[:, i]].astype(dtype)
        return found

    def baselines(self, train: Tensor, test: Tensor, seed: int) -> Iterator[tuple[str, str, Floats]]:
        """Columns that know nothing of each other."""
        yield independent(train, test)

    def figures(self, real: Columns, samples: Columns) -> list[tuple[Figure, str]]:
        """Frequencies."""
        from unnoise.report import plots

        figure = plots.frequencies(*({name: held[name] for name in self.columns} for held in (real, samples)))
        return [(figure, "Frequencies of the levels: held-out rows and as many samples.")]

    def __str__(self) -> str:
        shown = [str(level) for level in self.levels[0][:6]] + ["..."] * (len(self.levels[0]) > 6)
        return f"{self.kind}, one of {', '.join(shown)}" if len(self.columns) == 1 else self.kind


@dataclass(frozen=True)
class Ordered(Levels):
    """Levels with an order, that of numbers or of the alphabet: noise moves to neighbours."""

    kind: ClassVar[str] = "ordered"

    def process(self) -> CTMC:
        """A walk to neighbouring levels."""
        (levels,) = self.levels
        return CTMC(Finite(1, len(levels)), rates.BirthDeath(len(levels)))


def _levels(values: Values, name: str) -> tuple[Level, ...]:
    held: Sequence[Any] = values.tolist()
    if odd := [value for value in held if not isinstance(value, str | int | float)]:
        raise InputError(f"Column '{name}' holds {odd[0]}; a level of a category is a text or a number.")
    levels = tuple(sorted(set(held), key=lambda level: (isinstance(level, str), level)))
    expect(
        1 < len(levels) <= MOST,
        f"Column '{name}' has {len(levels)} levels as a category; expected 2 to {MOST}: declare it real or drop it.",
    )
    return levels


def _places(values: Values, levels: tuple[Level, ...], name: str) -> list[int]:
    place = {level: i for i, level in enumerate(levels)}
    held = values.tolist()
    if unknown := [value for value in held if value not in place]:
        shown = ", ".join(map(str, levels[:20])) + (", ..." if len(levels) > 20 else "")
        raise InputError(f"Column '{name}' has no level {unknown[0]!r}; the levels that were fitted are {shown}.")
    return [place[value] for value in held]
