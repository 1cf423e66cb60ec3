"""The components that EM begins with, and those of a coarser mixture that they are drawn to."""

from __future__ import annotations

from typing import Any

import torch

from unnoise import _tree
from unnoise.laws.latent_classes.em import Prior, around
from unnoise.laws.latent_classes.rows import WeightedRows
from unnoise.laws.links import looked_at
from unnoise.laws.product_mixture import ProductMixture
from unnoise.laws.seeds import seeds_of

CANDIDATES = 4
SEEDED = 0.3  # of the components, at most, begin with the rows of a rare value


def first(
    prior: Prior, rows: WeightedRows, count: int, rng: torch.Generator, before: ProductMixture | None = None
) -> ProductMixture:
    """Components of rare values that say much of other cells, and around as many rows as are left to begin with.

    The prior blurs them. Rows far from the earlier ones are likelier, as k-means++ (Arthur, Vassilvitskii 2007), among
    a few times as many rows, with gaps of log densities as distances.
    """
    begun = rows.at(looked_at(rows.x))
    if before is None:
        seeds = begun.weights.new_zeros(len(begun), 0)
    else:
        drawn = before.sample(rng, (len(begun),))
        seeds = seeds_of(begun.x, begun.known, drawn, int(SEEDED * count)).to(rows.weights)
    some = rows.at(torch.multinomial(rows.weights.double().cpu(), CANDIDATES * count, replacement=True, generator=rng))
    density = around(prior, some, torch.eye(len(some))).component_log_prob(some.x, some.known).double()
    gaps = (density.diagonal()[:, None] - density).clamp(min=0)  # of every candidate from every other
    chosen, distance = [0], gaps[:, 0]
    if seeds.shape[1]:
        law = around(prior, begun, seeds)
        found = law.component_log_prob(some.x, some.known).double()
        chosen, distance = [], (density.diagonal()[:, None] - found).clamp(min=0).amin(1)
    while len(chosen) + seeds.shape[1] < count:
        chosen.append(int(torch.multinomial((distance + distance.mean() * 1e-6 + 1e-12).cpu(), 1, generator=rng)))
        distance = torch.minimum(distance, gaps[:, chosen[-1]])
    alone = some.at(torch.tensor(chosen, dtype=torch.int64, device=rows.weights.device))
    shares = seeds.new_zeros(len(begun) + len(alone), count)
    shares[: len(begun), : seeds.shape[1]] = seeds
    shares[len(begun) :, seeds.shape[1] :] = torch.eye(len(alone))
    return around(prior, begun.followed_by(alone), shares)


def coarser(law: ProductMixture, coarse: ProductMixture, rows: WeightedRows) -> Any:
    """For every component the law of the coarser one that most of its rows are of."""
    shared = torch.zeros(len(law.weights), len(coarse.weights), dtype=torch.float64, device=law.weights.device)
    for block in law.blocks(len(rows)):
        some = rows.at(block)
        own, theirs = (one.posterior(some.x, some.known).double() for one in (law, coarse))
        shared += (own * some.weights[:, None]).T @ theirs
    return _tree.map(lambda part: part.at(shared.argmax(1)), coarse.parts)
