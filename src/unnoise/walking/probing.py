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
FARTHER, FEW = (30.0, 1e8), 16  # the same of one point of so many, for modes far off, which are seen in many directions
AROUND = (0.5, 3.0)  # the same around a place, in units of how far the mode is from it
NUMBERS = 2**21  # of all points at most, where one part is known
SEVERAL, ANGLES = 4, 8  # times as many points where there may be more modes; so many dimensions for each
ROWS = 2**14  # at once
ROUGH = 0.3  # by which distances from parts may be off, relative, as their widths are known roughly
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


def around(law: Students, place: Tensor, n: int, rng: torch.Generator) -> Tensor:
    """Points around a place, (d,), about as far from it as the parts of a law are, in the units of each, (n, d).

    As those beside it of a part that lies there.
    """
    which = torch.randint(len(law.means), (n,), generator=rng)
    away = torch.linalg.solve(law.factors, (law.means - place)[..., None])[..., 0].square().mean(1).sqrt()
    ends = torch.where(away[:, None] < 1, away.new_tensor(LENGTHS), away.new_tensor(AROUND) * away[:, None])
    low, high = ends.log()[which].T
    length = torch.exp(low + (high - low) * torch.rand(n, generator=rng, dtype=torch.float64).to(low))
    noise = length[:, None] * standard_normal((n, law.means.shape[1]), law.means, rng)
    return torch.cat([place + noise[which == k] @ law.factors[k].T for k in range(len(law.means))])


@torch.no_grad()
def unexplained(target: LogDensity[Tensor], law: Students, n: int, most: int, rng: torch.Generator) -> Tensor:
    r"""Points beside the parts of a law where the slope of the target leads elsewhere, (m, d).

    In units of the nearest part, $z = A^{-1}(x - m)$, the slope of an elliptical density is along $-z$. Of n points
    those are left for which the cosine between both is below `BACK`. From a wide mode a narrow one, k times as wide,
    is seen at an angle of $\arcsin k$, which in d dimensions has about $k^{d-1}$ of all directions; from between the
    modes it is far more. So in many dimensions half of all points lie around the middle of the parts, and around
    zero, near which coordinates are mostly chosen; in few the others are seen from beside a mode. Beside a bent
    density these are many. Where they are more than `most`, half of it are those that are steepest for their height,
    as the foot of a narrow mode is; others by chance.

    Args:
        target: whose slopes are asked; by differences they cost 2 d + 1 values, so there are as many points fewer.
        law: what is known.
        n: points to look from, beside one part; fewer in very many dimensions, where their slopes are large. Some times
            as many where parts are several, unless dimensions are few, as then modes are seen from afar.
        most: of the points that are left.
        rng: of the points, and of chance.
    """
    size = law.means.shape[1]
    n = min(n, NUMBERS // size) * min(len(law.means), SEVERAL, 1 + size // ANGLES)
    if isinstance(target, Differences):
        n //= 2 * size + 1
    share, few = n // 4 if size >= ANGLES else 0, n // FEW
    points = torch.cat([
        beside(law, max(1, n - 2 * share - few), LENGTHS, rng),
        around(law, law.means.mean(0), share, rng),
        around(law, torch.zeros_like(law.means[0]), share, rng),
        beside(law, few, FARTHER, rng),
    ])  # fmt: skip
    parts = [_elsewhere(target, law, rows) for rows in torch.split(points, ROWS)]
    left, heights, steep = (torch.cat(part) for part in zip(*parts, strict=True))
    if len(left) <= most:
        return left
    order = (steep / (1 + heights.max() - heights)).argsort(descending=True)
    sharp, rest = order[: most // 2], order[most // 2 :]
    chance = torch.randperm(len(rest), generator=rng)[: most - len(sharp)].to(rest.device)
    return left[torch.cat([sharp, rest[chance]])]


def _elsewhere(target: LogDensity[Tensor], law: Students, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points whose slope leads to no part of the law that may be theirs, heights, and lengths in the nearest's units.

    Far from all parts a few per cent of a width move the border between two of them by much.
    """
    values, slopes = target.log_prob_and_score(x)
    squared = law.distances(x)
    far = squared - 2 * (law.weights.log() - law.factors.slogdet()[1])
    near = far.argmin(1, keepdim=True)
    may = far <= far.gather(1, near) + ROUGH * squared.gather(1, near) + x.shape[1]
    cosine, steep = torch.full_like(squared[:, 0], -math.inf), torch.zeros_like(squared[:, 0])
    for part, (centre, factor) in enumerate(zip(law.means, torch.linalg.inv(law.factors), strict=True)):
        rows = may[:, part].nonzero()[:, 0]
        away, along = (x[rows] - centre) @ factor.T, slopes[rows].to(x) @ law.factors[part]
        length = along.norm(dim=1)
        back = -(away * along).sum(1) / (away.norm(dim=1) * length).clamp(min=1e-300)
        cosine[rows] = torch.maximum(cosine[rows], back)
        steep[rows] = torch.where(near[rows, 0] == part, length, steep[rows])
    left = torch.isfinite(values) & (steep > 0) & (cosine < BACK)
    return x[left], values[left], steep[left]
