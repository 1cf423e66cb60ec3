"""How many components a mixture of a group of cells has, and which prior: what held-out rows say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws.components import Components, Tally
from unnoise.laws.latent_classes.beginning import coarser, first
from unnoise.laws.latent_classes.clock import Clock
from unnoise.laws.latent_classes.em import Prior, run, tallied
from unnoise.laws.latent_classes.rows import WeightedRows
from unnoise.laws.product_mixture import ProductMixture

SIZES = (1, 10, 50, 150)  # tried before the greatest, in order, until more say no clearly more of held-out rows
ROWS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # what the prior of a cell may be worth, in rows
FIRST_ROWS = 3.0
WARM, TRIAL, FINAL = 8, 8, 12  # steps before the prior is chosen, after it, and with all rows
ROUNDS = 2  # of choosing the prior
CHOOSING = 20  # steps of the law of what priors are worth


@dataclass(frozen=True)
class GroupFit:
    """The mixture of a group of cells, and how it was found.

    Args:
        cells: which they are, a tree of bool tensors (*cells).
        law: the mixture.
        prior: of its components.
        log_prob: of held-out rows, (n,).
        tried: how many components were.

    >>> from unnoise.laws import CategoricalComponents
    >>> coin = CategoricalComponents(torch.tensor([[[0.5, 0.5]]]))
    >>> law = ProductMixture(torch.ones(1), coin)
    >>> held_out = law.log_prob(torch.tensor([[0], [1]]))
    >>> GroupFit(torch.tensor([True]), law, Prior.of(coin, 1.0), held_out, (1,)).log_prob.exp()
    tensor([0.5000, 0.5000])
    """

    cells: Any
    law: ProductMixture
    prior: Prior
    log_prob: Tensor
    tried: tuple[int, ...]


def best_of_sizes(
    cells: Any,
    base: Any,
    train: WeightedRows,
    test: WeightedRows,
    sizes: list[int],
    rng: torch.Generator,
    clock: Clock,
    best: GroupFit | None = None,
) -> GroupFit:
    """The law and the prior of the most components that say clearly more of the held-out rows than fewer do.

    What components of few rows do not know they take from those of the mixture before, which have more, and so on up to
    the law of all rows: drawn to that at once they would lose what they share with their likes. `best` is what was
    found among fewer sizes.
    """
    for size in sizes:
        if best is not None and (size in best.tried or clock.over or len(best.law.weights) < best.tried[-1]):
            continue
        law = first(Prior.of(base, FIRST_ROWS), train, size, rng, None if best is None else best.law)
        coarse = base if best is None else coarser(law, best.law, train)
        law = run(law, train, Prior.of(coarse, FIRST_ROWS), WARM, clock)
        law, prior = settled(law, train, test, coarse, ROUNDS, clock)
        new = GroupFit(cells, law, prior, law.log_prob(test.x, test.known), (*(best.tried if best else ()), size))
        better = best is None or (not clock.over and is_better(new.log_prob - best.log_prob, test.weights, errors=1.0))
        best = new if better or best is None else replace(best, tried=new.tried)
    if best is None:  # never, as there is one size at least
        raise InputError("got no number of components to try; expected one or more")
    return best


def settled(
    law: ProductMixture, train: WeightedRows, test: WeightedRows, base: Any, rounds: int, clock: Clock
) -> tuple[ProductMixture, Prior]:
    """After further steps, and the prior of the last of them, which held-out rows choose."""
    for _ in range(rounds):
        prior = best_prior(law, train, test, base)
        law = run(law, train, prior, TRIAL, clock)
    return law, prior


def best_prior(law: ProductMixture, train: WeightedRows, test: WeightedRows, base: Any) -> Prior:
    r"""By one M step, the prior that gives the held-out rows most given their components.

    How many rows it is worth in a cell is a number of each component, since one may be sure of what others are not.
    Few held-out rows tell it, so these numbers have a law of their own for every cell, $\pi_c(a)$ of the values tried,
    found by EM over components; the likeliest given both is taken.
    """
    tallies, held = tallied(law, train), tallied(law, test).of_parts
    priors = [Prior.of(base, rows) for rows in ROWS]
    laws = [tallies.law(law.parts, prior).parts for prior in priors]

    def best(held: Tally, *parts: Components) -> Tensor:
        scores = torch.stack([part.expected(held) for part in parts])  # (values, K, cells)
        chances = scores.new_full((len(ROWS), 1, scores.shape[2]), 1 / len(ROWS))
        for _ in range(CHOOSING):
            chances = torch.softmax(scores + chances.log(), 0).mean(1, keepdim=True).clamp(min=1e-30)
        return torch.tensor(ROWS, dtype=torch.float64, device=scores.device)[(scores + chances.log()).argmax(0)]

    return Prior(base, _tree.map(best, held, *laws))


def is_better(more: Tensor, weights: Tensor, little: float = 0.0, errors: float = 2.0) -> bool:
    """Whether the mean of differences is above what is little by so many standard errors."""
    share = weights / weights.sum().clamp(min=1e-30)
    mean = (share * more).sum()
    error = (share * (more - mean)).square().sum().sqrt()
    return bool(mean - errors * error > little)


def sizes_up_to(most: int) -> list[int]:
    """Numbers of components to try, until one is no better."""
    return sorted({size for size in SIZES if size < most} | {most})


def work(rows: WeightedRows, train: WeightedRows, most: int, sizes: list[int]) -> int:
    """In the units of the clock, if all sizes are tried."""
    return train.numbers * sum(sizes) * (WARM + ROUNDS * TRIAL) + rows.numbers * most * FINAL
