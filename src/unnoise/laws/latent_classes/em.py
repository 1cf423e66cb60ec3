r"""One step of EM, with cells that are not known marginalised exactly.

The log posterior $\sum_n u_n\log\sum_k w_k\prod_c p_{kc}(x_{nc})$ plus the conjugate priors never falls. Memory is that
of the data, of the components, and of blocks of some 2^20 numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws.components import Tally
from unnoise.laws.latent_classes.clock import Clock
from unnoise.laws.latent_classes.rows import WeightedRows
from unnoise.laws.product_mixture import ProductMixture

WEIGHT = 0.1  # rows that each component's weight starts with


@dataclass(frozen=True)
class Prior:
    """What every component starts with: so many rows of a law.

    Args:
        base: `Components` of one law, or of one for each component, or a dict of them, nested as points are.
        rows: how many in each cell, a tree of tensors (cells,), or (K, cells) of each component.

    >>> from unnoise.laws import CategoricalComponents
    >>> coin = CategoricalComponents(torch.tensor([[[0.5, 0.5]]]))
    >>> Prior.of(coin, 3.0).rows
    tensor([3.], dtype=torch.float64)
    """

    base: Any
    rows: Any

    @classmethod
    def of(cls, base: Any, rows: float) -> Prior:
        """As many in every cell."""
        cells = _tree.map(lambda part: torch.full((math.prod(part.cells),), rows, dtype=torch.float64), base)
        return cls(base, cells)

    def log_density(self, law: ProductMixture) -> float:
        """Up to a constant of the base."""
        found: list[Tensor] = [WEIGHT * law.weights.double().log().sum()]
        _tree.map(lambda *of: found.append(of[0].log_prior(*of[1:])), law.parts, self.base, self.rows)
        return float(torch.stack(found).sum())


def em_step(law: ProductMixture, rows: WeightedRows, prior: Prior) -> tuple[ProductMixture, float]:
    """One step of EM, and the log posterior of the law before it, in nats, up to a constant."""
    tallies = tallied(law, rows)
    return tallies.law(law.parts, prior), tallies.log_prob + prior.log_density(law)


def run(law: ProductMixture, rows: WeightedRows, prior: Prior, steps: int, clock: Clock) -> ProductMixture:
    """So many steps of EM, or as many as there is time for."""
    for _ in range(steps):
        if clock.over:
            break
        law, _ = em_step(law, rows, prior)
        clock.tick(rows.numbers * len(law.weights))
    return law


def around(prior: Prior, rows: WeightedRows, shares: Tensor) -> ProductMixture:
    """A component for every column of shares of rows, (n, K)."""
    tallies = of_rows(prior.base, rows, shares.to(rows.weights))
    return Tallies(0.0, rows.weights.new_ones(shares.shape[1]).double(), tallies).law(prior.base, prior)


@dataclass(frozen=True)
class Tallies:
    """The E step of all rows."""

    log_prob: float
    counts: Tensor
    of_parts: Any

    def law(self, parts: Any, prior: Prior) -> ProductMixture:
        """The M step."""
        weights = (self.counts + WEIGHT) / (self.counts + WEIGHT).sum()
        new = _tree.map(lambda part, *of: part.refitted(*of), parts, self.of_parts, prior.base, prior.rows)
        return ProductMixture(weights.to(torch.get_default_dtype()), new)


def tallied(law: ProductMixture, rows: WeightedRows) -> Tallies:
    """Block after block."""
    total, tallies = 0.0, None
    counts = torch.zeros(len(law.weights), dtype=torch.float64, device=law.weights.device)
    for block in law.blocks(len(rows)):
        some = rows.at(block)
        log_joint = law.component_log_prob(some.x, some.known) + law.weights.log()
        total += float((torch.logsumexp(log_joint, 1) * some.weights).sum(dtype=torch.float64))
        shares = torch.softmax(log_joint, 1) * some.weights[:, None]
        counts += shares.sum(0, dtype=torch.float64)
        new = of_rows(law.parts, some, shares)
        tallies = new if tallies is None else _tree.map(_added, tallies, new)
    return Tallies(total, counts, tallies)


def of_rows(parts: Any, rows: WeightedRows, shares: Tensor) -> Any:
    """What each component of every cell has of rows, by their shares, (n, K)."""
    return _tree.map(lambda part, x, known: part.tally(x, known, shares), parts, rows.x, rows.known)


def _added(one: Tally, other: Tally) -> Tally:
    return tuple(a + b for a, b in zip(one, other, strict=True))
