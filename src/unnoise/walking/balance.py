r"""Whether a part of a density is missing from its draws: by mean slopes, and by shifts where it may jump.

Over all draws the mean slope is zero (Stein 1972), but not where the density jumps, of which slopes know nothing. That
as much mass goes forth as comes back holds with jumps and edges, too: $\int\min(p(x), p(x + v))\,dx$ is the same for v
and -v, so that $E\min(1, p(x + v)/p(x)) = E\min(1, p(x - v)/p(x))$. It costs two values for every shift of every draw.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise.laws import Law, LogDensity
from unnoise.walking.verdict import STEEP

WORTH = 1.5  # particles that are worth one, as early and late ones are not independent
SHORTEST = 0.3  # by which log p changes along the shortest shift, by its slope; the longest is the deviation of draws


@torch.no_grad()
def steepest(target: LogDensity[Tensor], x: Tensor) -> float:
    """The largest mean slope of draws (n, d), in standard errors; along a steep axis no more than shifts say."""
    values, slopes = target.log_prob_and_score(x)
    found = from_zero(slopes)
    for axis in (found > STEEP).nonzero()[:, 0].tolist():
        shortest, longest = SHORTEST * float(slopes[:, axis].square().mean().rsqrt()), float(x[:, axis].std())
        lengths = (shortest, math.sqrt(shortest * longest), longest)
        found[axis] = min(float(found[axis]), max(_unbalanced(target, x, values, axis, length) for length in lengths))
    return float(found.max())


def moved_on(before: Tensor, after: Tensor, populations: int, *also: Tensor) -> float:
    """How far means and mean squares of particles (n, d) moved between two times, in standard errors, the farthest.

    Particles of a density go to and fro, and their means stay; those that do not reach its ends go on towards them, in
    all populations alike. Some share ancestors, so of the errors over particles and over populations the larger counts.

    Args:
        before: particles, population after population, (n, d).
        after: the same later, (n, d).
        populations: how many there are.
        also: other numbers of them that may move, later less before, (n,) each.
    """
    centre, scale = before.mean(0), torch.cat([before, after]).std(0).clamp(min=1e-300)
    first, last = ((x - centre) / scale for x in (before, after))
    gone = torch.cat([last - first, last.square() - first.square(), *(one[:, None] for one in also)], 1)
    means = gone.reshape(populations, -1, gone.shape[1]).mean(1)
    apart = means.mean(0).abs() / (means.std(0) / math.sqrt(populations)).clamp(min=1e-300)
    return float(torch.minimum(from_zero(gone), apart).max())


def novelty(target: LogDensity[Tensor], law: Law[Tensor], before: Tensor, after: Tensor) -> Tensor:
    r"""How much more than before a particle is where a law that fits those before has too little mass, (n,).

    That is at $\log p - \log q$ of a high rank among those before. Its score is exponential, $-\log(1 - \text{rank})$
    (Savage 1956), as ends that are missing are few of all. They may lie in any direction: what all other coordinates do
    to $\log p$ they do to $\log q$, too.

    Args:
        target: p, up to a constant.
        law: q, a simple one, such as a normal law of each mode, that was fitted to none of the rows it is asked of
            (`movers.halves`): those it was fitted to lie in it more than others do.
        before: particles, (n, d).
        after: the same later, (n, d).
    """
    early, late = (target.log_prob(x) - law.log_prob(x) for x in (before, after))
    known = early.sort().values

    def score(excess: Tensor) -> Tensor:
        return -torch.log1p(-torch.searchsorted(known, excess).to(excess) / (len(known) + 1))

    return score(late) - score(early)


def from_zero(x: Tensor) -> Tensor:
    """How far the means of (n, d) are from zero, in standard errors, (d,)."""
    error = x.std(0) / math.sqrt(len(x) / WORTH)
    return x.mean(0).abs() / error.clamp(min=1e-300)


def _unbalanced(target: LogDensity[Tensor], x: Tensor, values: Tensor, axis: int, length: float) -> float:
    """What goes forth along an axis less what comes back, in standard errors."""
    shift = torch.zeros_like(x[:1])
    shift[0, axis] = length
    forth, back = ((target.log_prob(x + v) - values).clamp(max=0).exp() for v in (shift, -shift))
    return float(from_zero((forth - back)[:, None]))
