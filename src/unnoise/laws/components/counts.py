"""Poisson laws side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from unnoise._checks import refuse, tensor
from unnoise.laws.components.base import HALF, Components, Tally


@dataclass(frozen=True)
class PoissonComponents(Components):
    r"""Poisson laws of means $\lambda_{kc}$; density with respect to counting measure.

    Args:
        means: (K, *sites), positive.

    >>> PoissonComponents(torch.tensor([[2.0]])).log_prob(torch.tensor([[0]]))
    tensor([[-2.]])
    """

    means: Tensor

    def __post_init__(self) -> None:
        tensor(above=0, means=self.means)
        if self.means.ndim < 2:
            refuse("means", self.means, "a tensor of shape (K, *cells)")

    @classmethod
    def of(cls, x: Tensor, known: Tensor) -> Self:
        """The law of all rows, one component."""
        mean = torch.where(known, x, 0).sum(0) + HALF
        return cls((mean / (known.sum(0) + HALF)).to(torch.get_default_dtype())[None])

    @property
    def shape(self) -> tuple[int, ...]:
        """(K, *sites)."""
        return tuple(self.means.shape)

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """By products of matrices."""
        x = x.flatten(1).double()
        seen = torch.ones_like(x) if known is None else known.flatten(1).double()
        x, mean = torch.where(seen > 0, x, 0.0), self.means.flatten(1).double()
        constant = torch.lgamma(x + 1).sum(1, keepdim=True)
        return (x @ mean.log().T - seen @ mean.T - constant).to(self.means)

    def sample(self, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """Counts, int64."""
        return torch.poisson(self.means[chosen].double().to(rng.device), generator=rng).long().to(self.means.device)

    def tally(self, x: Tensor, known: Tensor, weights: Tensor) -> Tally:
        """Numbers of rows and sums, (K, sites), in float64."""
        weights = weights.T.double()
        return weights @ known.flatten(1).double(), weights @ torch.where(known, x, 0).flatten(1).double()

    def refitted(self, tally: Tally, base: Self, rows: Tensor) -> Self:
        """Means, of the rows and those of the base."""
        mean = (tally[1] + rows * base.means.flatten(1)) / (tally[0] + rows)
        return type(self)(mean.reshape(-1, *self.cells).to(self.means))

    def log_prior(self, base: Self, rows: Tensor) -> Tensor:
        r"""Gamma: $a\sum_{kc} m\log\lambda - \lambda$."""
        middle = base.means.flatten(1).double()
        return (rows * self._expected(torch.ones_like(middle), middle)).sum()

    def expected(self, tally: Tally) -> Tensor:
        r"""$S\log\lambda - N\lambda$."""
        return self._expected(*tally)

    def _expected(self, count: Tensor, total: Tensor) -> Tensor:
        mean = self.means.flatten(1).double()
        return total * mean.log() - count * mean
