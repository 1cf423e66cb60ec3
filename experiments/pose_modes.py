r"""How many modes a law of rotations has, read off its density: tops, and the share of the law around each.

A law is given as weighted points with the logarithm of its density there, up to a constant: draws, or the points of a
grid. Every point climbs to the highest within 20 degrees, again and again, until none of these is higher: a top. Tops
are so more than 20 degrees apart, and each holds the weight of all that climbed to it. Of tops in the order of their
shares the first n count, for the largest n up to which each holds at least half the mean share of those before it and
itself. Neither the true modes nor their number enters. A share of draws between the modes does not change how many
there are, unless it has a top as heavy as theirs.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from experiments.pose_judge import REACH, angles

ENOUGH = 0.5  # of the mean share of the tops that count
AT_ONCE = 1024  # rows of a table of angles

Pairs = tuple[Tensor, Tensor]  # numbers of points
Weighted = tuple[Tensor, Tensor, Tensor]  # points, the logarithm of the density there, and weights


def neighbours(points: Tensor) -> Pairs:
    """Which of the points (m, 3, 3) are within 20 degrees of each other: the pairs' first and second numbers, (p,)."""
    flat, least = points.float().flatten(1), 1 + 2 * math.cos(math.radians(REACH))  # of the trace of what is between
    parts = enumerate(torch.split(flat, AT_ONCE))
    found = [(part @ flat.T > least).nonzero() + torch.tensor([i * AT_ONCE, 0]) for i, part in parts]
    first, second = torch.cat(found).T
    return first, second


def tops(log_density: Tensor, weights: Tensor, near: Pairs) -> tuple[Tensor, Tensor]:
    """Numbers (k,) of the points that are tops, and their shares (k,), the largest first.

    Args:
        log_density: at the points, (m,).
        weights: of the points, (m,), of sum one.
        near: their `neighbours`; a point is its own.
    """
    order = log_density.argsort()
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    first, second = near
    top = order[torch.zeros_like(rank).scatter_reduce(0, first, rank[second], "amax")]
    for _ in range(len(top).bit_length()):
        top = top[top]
    share = torch.zeros_like(weights).scatter_add(0, top, weights)
    found = share.argsort(descending=True)
    found = found[share[found] > 0]
    return found, share[found]


def counted(shares: Tensor) -> int:
    """How many of the tops count, whose shares (k,) are given, the largest first.

    >>> counted(torch.tensor([0.3, 0.25, 0.2, 0.05, 0.05])), counted(torch.tensor([0.3, 0.25, 0.2, 0.15, 0.1]))
    (3, 5)
    """
    means = shares.cumsum(0) / torch.arange(1, len(shares) + 1)
    return int((shares >= ENOUGH * means).int().cumprod(0).sum())


def right_modes(law: Weighted, truths: Tensor, near: Pairs | None = None) -> bool:
    """Whether a law has as many modes as there are truths (g, 3, 3), one within 20 degrees of each.

    Args:
        law: points (m, 3, 3), the log density at each up to a constant, (m,), and weights of sum one, (m,).
        truths: the modes that it should have.
        near: the `neighbours` of the points, where they are known.
    """
    points, log_density, weights = law
    found, shares = tops(log_density, weights, near or neighbours(points))
    kept = points[found[: counted(shares)]]
    return len(kept) == len(truths) and bool((angles(kept, truths).amin(0) <= REACH).all())
