"""Categorical laws, side by side: sums and counts of entries of one table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from unnoise._checks import refuse, tensor
from unnoise.laws.categorical import Categorical
from unnoise.laws.components.base import NUMBERS_AT_ONCE, Components, Tally


@dataclass(frozen=True)
class CategoricalComponents(Components):
    r"""Categorical laws: $p_{kc}(s)$ of states s; density with respect to counting measure.

    Args:
        probs: (K, *sites, S), non-negative; each row sums to one.

    >>> laws = CategoricalComponents(torch.tensor([[[0.25, 0.75]], [[1.0, 0.0]]]))
    >>> laws.log_prob(torch.tensor([[0]])).exp()
    tensor([[0.2500, 1.0000]])
    """

    probs: Tensor

    def __post_init__(self) -> None:
        tensor(least=0, probs=self.probs)
        if self.probs.ndim < 2:
            refuse("probs", self.probs, "a tensor of shape (K, *sites, S)")

    @classmethod
    def of(cls, x: Tensor, known: Tensor, possible: Tensor) -> Self:
        """The law of all rows, one component, and of one row more, equal parts of which are in all possible states.

        Half a row in each of them (Jeffreys) would take a fifth of the share of a state away where there are as many
        others as rows.

        Args:
            x: points, (n, *sites).
            known: where they are known.
            possible: states, (S,) or (*sites, S).

        References:
            Berger, Bernardo & Sun 2015, Overall objective priors (Bayesian Analysis 10): 1/S for S states.
        """
        open_to = possible.expand(*x.shape[1:], possible.shape[-1]).to(torch.get_default_dtype())
        one = cls((open_to / open_to.sum(-1, keepdim=True))[None])
        (counts,) = one.tally(x, known, open_to.new_ones(len(x), 1))
        counts = counts + one.probs[0].flatten(0, -2)
        return cls((counts / counts.sum(-1, keepdim=True)).reshape(one.probs.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        """(K, *sites)."""
        return tuple(self.probs.shape[:-1])

    def log_prob(self, x: Tensor, known: Tensor | None = None) -> Tensor:
        """Sums of entries of a table."""
        total: Tensor = torch.nn.functional.embedding_bag(self._places(x, known), self._table, mode="sum")
        return total

    def sample(self, chosen: Tensor, rng: torch.Generator) -> Tensor:
        """By inversion."""
        size = max(1, NUMBERS_AT_ONCE // self.probs[0].numel())
        parts = [Categorical(self.probs[some], len(self.cells)).sample(rng) for some in torch.split(chosen, size)]
        return torch.cat(parts) if parts else chosen.new_zeros(0, *self.cells)

    def tally(self, x: Tensor, known: Tensor, weights: Tensor) -> Tally:
        """Weighted counts of states, (K, sites, S)."""
        sites, states = self.probs[0, ..., 0].numel(), self.probs.shape[-1]
        counts = weights.new_zeros(sites * states + 1, weights.shape[1])
        for places in self._places(x, known).unbind(1):
            counts.index_add_(0, places, weights)
        return (counts[:-1].T.reshape(-1, sites, states),)

    def refitted(self, tally: Tally, base: Self, rows: Tensor) -> Self:
        r"""$(N_{kcs} + a\,m_{cs})/(N_{kc} + a)$."""
        counts = tally[0] + (rows[..., None] * base.probs.flatten(1, -2)).to(tally[0])
        probs = counts / counts.sum(-1, keepdim=True)
        return self._with({"probs": probs.reshape(-1, *self.probs.shape[1:]).to(self.probs)})

    def log_prior(self, base: Self, rows: Tensor) -> Tensor:
        r"""Dirichlet: $a\sum_{kcs} m_{cs}\log p_{kcs}$."""
        terms = torch.xlogy(base.probs, self.probs).flatten(1, -2).double()
        return (rows * terms.sum(2)).sum()

    def expected(self, tally: Tally) -> Tensor:
        r"""$\sum_s N_{kcs}\log p_{kcs}$."""
        return torch.xlogy(tally[0], self.probs.flatten(1, -2)).double().sum(2)

    @cached_property
    def _table(self) -> Tensor:
        """(sites S + 1, K): the last row is for what is not known."""
        flat = self.probs.flatten(1).T.log()
        return torch.cat([flat, flat.new_zeros(1, flat.shape[1])])

    def _places(self, x: Tensor, known: Tensor | None) -> Tensor:
        states = self.probs.shape[-1]
        x = x.flatten(1)
        places = x + states * torch.arange(x.shape[1], device=x.device)
        return places if known is None else torch.where(known.flatten(1), places, x.shape[1] * states)
