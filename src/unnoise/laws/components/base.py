r"""Several laws of every cell of a point, side by side: what mixtures of product laws are made of.

The M step of EM is in closed form for each family: a *tally* of weighted rows, summed over blocks, then `refitted`. The
prior is conjugate: `rows` further rows in every component, with the law of all rows (the base, one component). So the
log posterior never falls (Dempster, Laird, Rubin 1977).
"""

from __future__ import annotations

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
        this: Any = self
        more = {name: part.expand(count, *part.shape[1:]) for name, part in self.tensors().items()}
        made: Self = replace(this, **more)
        return made

    def paired(self, other: Self, cells: Tensor) -> Self:
        """Every pair of a law and one of the other, which has the cells of the mask, (K * others, *cells)."""
        this: Any = self

        def both(mine: Tensor, theirs: Tensor) -> Tensor:
            mask = cells.reshape(*cells.shape, *[1] * (mine.ndim - 1 - cells.ndim))
            return torch.where(mask, theirs, mine[:, None]).flatten(0, 1)

        theirs = other.tensors()
        made: Self = replace(this, **{name: both(mine, theirs[name]) for name, mine in self.tensors().items()})
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
        """The components of greatest posterior density, with a prior worth `rows` rows of the base, (cells,)."""

    @abstractmethod
    def log_prior(self, base: Self, rows: Tensor) -> Tensor:
        """The log density of that prior here, (), up to a constant of the base."""

    @abstractmethod
    def expected(self, tally: Tally) -> Tensor:
        """The weighted sum of log densities of the rows of a tally, (cells,), up to a constant of the tally."""
