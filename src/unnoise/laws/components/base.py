r"""Several laws of every cell of a point, side by side: what mixtures of product laws are made of.

The M step of EM is in closed form for each family: a *tally* of weighted rows, summed over blocks, then `refitted`. The
prior is conjugate: `rows` further rows in every component, with the law of all rows (the base, one component). So the
log posterior never falls (Dempster, Laird, Rubin 1977).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import fields, replace
from typing import Any, Self

import torch
from torch import Tensor

Tally = tuple[Tensor, ...]  # sufficient statistics, (K, cells) or (K, cells, S), which add up
NUMBERS_AT_ONCE = 2**20  # few enough to stay near the processor
HALF = 0.5  # a count added to all: Jeffreys' prior


class Components(ABC):
    """Product laws, K of them, over the cells of a point; cells may be unknown, and are then left out.

    Points are (n, *cells), masks of known cells bool of the same shape, weights of rows (n, K).
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(K, *cells)."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def cells(self) -> tuple[int, ...]:
        """The shape of the cells of one point."""
        return self.shape[1:]

    def repeated(self, count: int) -> Self:
        """One law, as many times."""
        return self._with({name: part.expand(count, *part.shape[1:]) for name, part in self.tensors().items()})

    def at(self, index: Tensor) -> Self:
        """Some of the laws, by their numbers or a mask."""
        return self._with({name: part[index] for name, part in self.tensors().items()})

    def only(self, cells: Tensor) -> Self:
        """The laws of the cells of a mask, side by side, (K, number of these)."""
        places = cells.flatten()
        flat = {name: part.flatten(1, self._last_cell) for name, part in self.tensors().items()}
        return self._with({name: part[:, places] for name, part in flat.items()})

    def completed(self, x: Tensor, known: Tensor, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """Points (n, *cells) with each cell that is not known drawn from the component of its row, (n,)."""
        flat = [part.flatten(1, self._last_cell) for part in self.tensors().values()]
        size = max(1, NUMBERS_AT_ONCE // max(math.prod(part.shape[2:]) for part in flat))
        made, asked = x.flatten(1).clone(), (~known).flatten(1).nonzero()
        for some in torch.split(asked, size) if len(asked) else ():
            rows, cells = some.unbind(1)
            drawn = dict(zip(self.tensors(), (part[chosen[rows], cells][:, None] for part in flat), strict=True))
            each = torch.arange(len(rows), device=x.device)
            made[rows, cells] = self._with(drawn).sample(each, rng)[:, 0].to(x)
        return made.reshape(x.shape)

    def put(self, cells: Tensor, other: Self) -> Self:
        """With the laws that `only` took for the cells of a mask, of the first components."""
        made = {name: part.clone() for name, part in self.tensors().items()}
        for name, part in other.tensors().items():
            made[name].flatten(1, self._last_cell)[: len(part), cells.flatten()] = part
        return self._with(made)

    @property
    def _last_cell(self) -> int:
        """The last axis of cells."""
        return len(self.cells)

    def _with(self, tensors: dict[str, Tensor]) -> Self:
        this: Any = self
        made: Self = replace(this, **tensors)
        return made

    def tensors(self) -> dict[str, Tensor]:
        """The parameters by name, each (K, ...)."""
        this: Any = self
        return {field.name: getattr(self, field.name) for field in fields(this)}

    @property
    def numbers_per_row(self) -> int:
        """How many numbers `log_prob` and `tally` hold at a time, for every row."""
        return len(self)

    @abstractmethod
    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Log density of the known cells under every component, (n, K), in nats."""

    @abstractmethod
    def sample(self, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """A point of every chosen component, (n, *cells), for numbers of components (n,)."""

    @abstractmethod
    def tally(self, x: Tensor, known: Tensor, weights: Tensor) -> Tally:
        """The sufficient statistics of weighted rows, for each of the components that `weights` has columns for."""

    @abstractmethod
    def refitted(self, tally: Tally, base: Self, rows: Tensor) -> Self:
        """Those of greatest posterior density, with a prior worth `rows`, (cells,) or (K, cells), of the base."""

    @abstractmethod
    def log_prior(self, base: Self, rows: Tensor) -> Tensor:
        """The log density of that prior here, (), up to a constant of the base."""

    @abstractmethod
    def expected(self, tally: Tally) -> Tensor:
        """The weighted sum of log densities of the rows of a tally, (K, cells), up to a constant of the tally."""
