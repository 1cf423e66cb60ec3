r"""The integral of a density by a bridge between its draws and those of a fitted law."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise.laws import LogDensity
from unnoise.laws.students import Students
from unnoise.walking.movers import fitted

ITERATIONS = 100


@torch.no_grad()
def bridged(
    target: LogDensity[Tensor], x: Tensor, populations: int, rng: torch.Generator, modes: Students | None = None
) -> tuple[float, float] | None:
    r"""$\log Z$ and its standard error over halves, by Meng and Wong's optimal bridge (1996).

    A mixture g is fitted to one half of the populations; its draws and the particles of the other half, n each, give Z
    as the fixed point of $Z = \frac{\sum_g l/(l + Z)}{\sum_p 1/(l + Z)}$, $l = p/g$. It shares with annealing the
    particles alone. None where draws of g and particles hardly overlap.

    Args:
        target: up to a constant.
        x: particles, population after population, (n, d).
        populations: how many there are.
        rng: of the draws of g.
        modes: a law around each that is known.
    """
    half = len(x) // populations * (populations // 2)
    laws = [fitted(x[half:], modes), fitted(x[:half], modes)]
    return _joined([_one(target, laws[0], x[:half], rng), _one(target, laws[1], x[half:], rng)])


def by_bridge(halves: list[tuple[Tensor, Tensor]]) -> tuple[float, float] | None:
    r"""The same of $\log l$ at draws of g and at particles, (n,) each, of both halves."""
    return _joined([_fixed_point(there, here) for there, here in halves])


def _joined(parts: list[tuple[float, float] | None]) -> tuple[float, float] | None:
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    values = torch.tensor([value for value, _ in found], dtype=torch.float64)
    error = math.hypot(*(error for _, error in found)) / 2
    return float(values.mean()), max(error, float(values.std()) / math.sqrt(2))


def _one(target: LogDensity[Tensor], law: Students, x: Tensor, rng: torch.Generator) -> tuple[float, float] | None:
    drawn = law.sample(rng, (len(x),))
    there = (target.log_prob(drawn) - law.log_prob(drawn)).double()
    here = (target.log_prob(x) - law.log_prob(x)).double()
    return _fixed_point(there, here)


def _fixed_point(there: Tensor, here: Tensor) -> tuple[float, float] | None:
    log_z = here.median()
    for _ in range(ITERATIONS):
        above = torch.logsumexp(there - torch.logaddexp(there, log_z), 0)
        below = torch.logsumexp(-torch.logaddexp(here, log_z), 0)
        new = above - below
        if not bool(torch.isfinite(new)):
            return None
        if abs(float(new - log_z)) < 1e-9:
            break
        log_z = new
    share, other = (there - torch.logaddexp(there, log_z)).exp(), (log_z - torch.logaddexp(here, log_z)).exp()
    if float(share.mean()) < 1e-3:
        return None
    error = sum(float(v.var() / v.mean() ** 2) for v in (share, other)) / len(here)
    return float(log_z), math.sqrt(error)
