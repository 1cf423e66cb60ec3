"""Numbers of a table as digits on a finite space: which cell of its column a value is in."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import holes
from unnoise.data._checked import built, check, entries
from unnoise.data._numerics import Values
from unnoise.data.factors.base import Columns, Factor, finite_numbers
from unnoise.data.factors.discrete import hiding
from unnoise.data.resolution import Resolution
from unnoise.data.ties import Tie, ties_of
from unnoise.processes import CTMC


@dataclass(frozen=True)
class ResolvedFactor(Factor):
    """Each column is one or two digits, hidden behind masks by noise.

    Args:
        columns: the names.
        resolutions: how each column is cut into cells.

    >>> factor = ResolvedFactor.fit({"age": np.array([20, 30, 30, 20, 30, 40, 40, 30])})
    >>> factor.encode({"age": np.array([20, 40])}).tolist(), factor.decode(torch.tensor([[2]]))
    ([[0], [2]], {'age': array([40])})
    """

    kind: ClassVar[str] = "number"
    reach: ClassVar[float] = 0.05  # beyond all cells it is taken as if it were in the last
    resolutions: tuple[Resolution, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_each("resolutions", self.resolutions)

    @classmethod
    def fit(cls, columns: Columns, words: Mapping[str, Collection[float]] = MappingProxyType({})) -> Self:
        """Cells of every column, from values that are all present; `words` are numbers that stand for some."""
        for name, values in columns.items():
            finite_numbers(values, name, cls.kind)
        found = (Resolution.fit(values, name, words.get(name, ())) for name, values in columns.items())
        return cls(tuple(columns), tuple(found))

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(size for resolution in self.resolutions for size in resolution.sizes)

    @property
    def digits(self) -> tuple[int, ...]:
        """How many digits each column has, the coarsest first."""
        return tuple(len(resolution.sizes) for resolution in self.resolutions)

    @cached_property
    def _owner(self) -> Tensor:
        """Of every digit, the number of its column."""
        return torch.tensor([i for i, resolution in enumerate(self.resolutions) for _ in resolution.sizes])

    def process(self) -> CTMC:
        """Jumps to a mask."""
        return hiding(tuple(max(2, size) for size in self._sizes))

    @cached_property
    def cells(self) -> tuple[int, ...]:
        """Every digit is one."""
        return (len(self._sizes),)

    @property
    def anywhere(self) -> Tensor:
        """The least values."""
        return torch.zeros(len(self._sizes), dtype=torch.int64)

    def encode(self, columns: Columns) -> Tensor:
        """The digits, int64."""
        parts = []
        for name, resolution in self._each():
            finite_numbers(columns[name], name, self.kind)
            parts.append(resolution.encode(columns[name], name))
        return torch.from_numpy(np.concatenate(parts, 1))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """The values in the middle of the cells."""
        return {name: resolution.decode(digits) for (name, resolution), digits in self._by_column_of(x)}

    def draw(self, x: Tensor, rng: torch.Generator) -> dict[str, Values]:
        """Values uniform in their cells."""
        places = torch.rand(len(self.columns), len(x), generator=rng, device=rng.device, dtype=torch.float64)
        pairs = zip(self._by_column_of(x), places.cpu().numpy(), strict=True)
        return {name: resolution.decode(digits, place) for ((name, resolution), digits), place in pairs}

    def log_detail(self, columns: Columns, present: holes.Present) -> Tensor:
        """The log density of each value in its cell, in its first digit; (n, digits) float64."""
        n, found = len(columns[self.columns[0]]), []
        for name, resolution in self._each():
            there = present.get(name, np.ones(n, dtype=bool))
            detail = np.zeros((n, len(resolution.sizes)))
            if there.any():
                detail[there, 0] = resolution.log_detail(columns[name][there], name)
            found.append(detail)
        return torch.from_numpy(np.concatenate(found, 1))

    def means(self, laws: Tensor, x: Tensor) -> Tensor:
        """The digits of the mean of each column, from the laws of its digits, (n, digits, states), as if independent.

        Args:
            laws: of every digit.
            x: digits where there is no law to average.
        """
        found, start = [], 0
        for resolution in self.resolutions:
            width = len(resolution.sizes)
            own = [laws[:, start + i, :size].double().numpy() for i, size in enumerate(resolution.sizes)]
            found.append(torch.from_numpy(resolution.mean_digits(own)))
            start += width
        return torch.cat(found, 1).to(x)

    def cells_of(self, names: Collection[str]) -> Tensor:
        """The digits of these columns."""
        return torch.tensor([name in names for name in self.columns])[self._owner]

    def known(self, present: holes.Present, n: int) -> Tensor:
        """The digits of the values that are there."""
        parts = [present.get(name, np.ones(n, dtype=bool)) for name in self.columns]
        return torch.from_numpy(np.stack(parts, axis=1))[:, self._owner]

    def ties_among(self, columns: Columns, present: holes.Present) -> tuple[Tie, ...]:
        """The ties between some of the columns; of two the one of fewer decimals is the base.

        So the other can have each of its values.
        """
        decimals = {name: resolution.decimals for name, resolution in self._each()}
        names = sorted(columns, key=lambda name: math.inf if (places := decimals[name]) is None else places)
        return ties_of({name: columns[name] for name in names}, present)

    def seen(self, column: str) -> tuple[float, float] | None:
        """The range of a column."""
        return self.resolutions[self.columns.index(column)].range

    def gap(self, column: str, number: float) -> tuple[float, float] | None:
        """The ends of the cells around a number in none."""
        return self.resolutions[self.columns.index(column)].gap(number)

    @property
    def ordered(self) -> Tensor:
        """The states of the first digit of every column, but for words and numbers far from all others."""
        flags = torch.zeros(len(self._sizes), max(2, *self._sizes), dtype=torch.bool)
        for first, resolution in zip(np.cumsum((0, *self.digits)), self.resolutions, strict=False):
            flags[first, : resolution.sizes[0]] = torch.from_numpy(resolution.ordered)
        return flags

    @property
    def measure(self) -> str:
        """Probabilities on grids, densities elsewhere."""
        return self.measure_of(self.columns)

    def measure_of(self, names: Collection[str]) -> str:
        """Of these columns: probabilities on grids, densities elsewhere."""
        real = [name for name, resolution in self._each() if name in names and not resolution.is_probability]
        if not real:
            return "probability of the numbers"
        if len(real) == len([name for name in self.columns if name in names]):
            return "density in the data's own units, probability of values that repeat"
        return f"probability of the numbers, density of {', '.join(real[:4])}{', ...' * (len(real) > 4)}"

    def _each(self) -> list[tuple[str, Resolution]]:
        return list(zip(self.columns, self.resolutions, strict=True))

    def _by_column_of(self, x: Tensor) -> list[tuple[tuple[str, Resolution], Values]]:
        if x.is_floating_point():
            raise InputError(f"got states of type {x.dtype} for numbers in cells; expected whole numbers, as int64")
        widths = [len(resolution.sizes) for resolution in self.resolutions]
        parts = torch.split(x.cpu(), widths, dim=1)
        return [(one, part.numpy()) for one, part in zip(self._each(), parts, strict=True)]

    def to_config(self) -> dict[str, Any]:
        """JSON, with every column's cells."""
        return super().to_config() | {"resolutions": [one.to_config() for one in self.resolutions]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor that `to_config` described."""
        kinds = [_resolution(part) for part in entries(config.get("resolutions"), "resolutions")]
        check(bool(kinds), "resolutions", kinds, "one for each column")
        return super().from_config({**config, "resolutions": kinds})

    def __str__(self) -> str:
        return str(self.resolutions[0]) if len(self.columns) == 1 else f"{len(self.columns)} columns of numbers"


def _resolution(config: Mapping[str, Any]) -> Resolution:
    return built(Resolution, {key: value for key, value in config.items() if key != "kind"})
