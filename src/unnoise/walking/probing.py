r"""Very many points, of which each says by its slope whether what is known explains it.

A narrow mode far from all others pulls on nothing but its own surroundings, so that no climb from elsewhere ends there.
To climb from very many points costs too much, and is needless: around a known mode the slope points back to it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.laws.students import Students
from unnoise.walking.functions import Differences

LENGTHS = (1.0, 30.0)  # of points in units of a mode, spread evenly in the logarithm
NUMBERS = 2**21  # of all points at most
ROWS = 2**14  # at once
BACK = 0.7  # cosine between the slope and the way back, from which on a point is explained


def beside(law: Students, n: int, lengths: tuple[float, float], rng: torch.Generator) -> Tensor:
    """Points at all distances from the parts of a law, between two lengths in their own units, (n, d)."""
    which = torch.randint(len(law.means), (n,), generator=rng)
    low, high = map(math.log, lengths)
    length = torch.exp(low + (high - low) * torch.rand(n, 1, generator=rng, dtype=torch.float64)).to(law.means)
    noise = length * standard_normal((n, law.means.shape[1]), law.means, rng)
    moved = [law.factors[k] @ noise[which == k].T for k in range(len(law.means))]
    order = which.argsort(stable=True)
    return law.means[which[order]] + torch.cat([part.T for part in moved])


@torch.no_grad()
def unexplained(target: LogDensity[Tensor], law: Students, n: int, most: int, rng: torch.Generator) -> Tensor:
    r"""Points beside the parts of a law where the slope of the target leads elsewhere, (m, d).

    In units of the nearest part, $z = A^{-1}(x - m)$, the slope of an elliptical density is along $-z$. Of n points
    those are left for which the cosine between both is below `BACK`. Beside a bent density these are many. Where
    they are more than `most`, half of it are those that are steepest for their height, as the foot of a narrow mode is;
    others by chance.

    Args:
        target: whose slopes are asked; by differences they cost 2 d + 1 values, so there are as many points fewer.
        law: what is known.
        n: points to look from; fewer in very many dimensions, where their slopes are large and their chances small.
        most: of the points that are left.
        rng: of the points, and of chance.
    """
    size = law.means.shape[1]
    n = min(n, NUMBERS // size)
    if isinstance(target, Differences):
        n //= 2 * size + 1
    points = beside(law, max(1, n), LENGTHS, rng)
    parts = [_elsewhere(target, law, rows) for rows in torch.split(points, ROWS)]
    left, heights, steep = (torch.cat(part) for part in zip(*parts, strict=True))
    if len(left) <= most:
        return left
    order = (steep / (1 + heights.max() - heights)).argsort(descending=True)
    sharp, rest = order[: most // 2], order[most // 2 :]
    chance = torch.randperm(len(rest), generator=rng)[: most - len(sharp)].to(rest.device)
    return left[torch.cat([sharp, rest[chance]])]


def _elsewhere(target: LogDensity[Tensor], law: Students, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points whose slope leads away from the nearest part of the law, heights, and lengths of slopes in its units."""
    values, slopes = target.log_prob_and_score(x)
    near = law.nearest(x)
    units, shift = torch.linalg.inv(law.factors), law.means
    away, along = torch.empty_like(x), torch.empty_like(x)
    for part in range(len(law.means)):
        rows = near == part
        away[rows] = (x[rows] - shift[part]) @ units[part].T
        along[rows] = slopes[rows] @ law.factors[part]
    steep = along.norm(dim=1)
    cosine = -(away * along).sum(1) / (away.norm(dim=1) * steep).clamp(min=1e-300)
    left = torch.isfinite(values) & (steep > 0) & (cosine < BACK)
    return x[left], values[left], steep[left]
