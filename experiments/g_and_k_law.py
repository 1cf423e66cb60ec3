r"""The g-and-k law, known by its quantiles alone, and the exact posterior given order statistics.

$Q(z) = A + B\big(1 + 0.8\tanh(gz/2)\big)(1 + z^2)^k z$ of a normal z, with a uniform prior on $[0, 10]^4$. Of 250 draws
fifteen order statistics are kept, on the scale of asinh, as tails reach 1e9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

DRAWS, BOUND = 250, 10.0
RANKS = (1, 4, 12, 25, 45, 70, 98, 125, 153, 181, 206, 226, 239, 247, 250)  # from 1
NAMES = ("A", "B", "g", "k")
FARTHEST, HALVINGS = 12.0, 60  # of z, where quantiles are inverted
BEHIND = 15.0  # nats


def quantile(theta: Tensor, z: Tensor) -> Tensor:
    """The values Q of parameters (n, 4) at places (n, m)."""
    a, b, g, k = (part[:, None] for part in theta.unbind(-1))
    return a + b * (1 + 0.8 * torch.tanh(0.5 * g * z)) * (1 + z**2) ** k * z


def log_slope(theta: Tensor, z: Tensor) -> Tensor:
    """log dQ/dz, (n, m)."""
    _, b, g, k = (part[:, None] for part in theta.unbind(-1))
    skew = torch.tanh(0.5 * g * z)
    inner = (1 + 0.8 * skew) * (1 + (2 * k + 1) * z**2) / (1 + z**2) + 0.4 * g * z * (1 - skew**2)
    return b.log() + k * torch.log1p(z**2) + inner.log()


def inverse(theta: Tensor, x: Tensor) -> Tensor:
    """The place z of every quantile x, (n, m), by halving."""
    low, high = torch.full_like(x, -FARTHEST), torch.full_like(x, FARTHEST)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        above = quantile(theta, middle) > x
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return 0.5 * (low + high)


def prior(n: int, rng: torch.Generator) -> Tensor:
    """Parameters, (n, 4), in double precision."""
    return BOUND * torch.rand(n, 4, generator=rng, dtype=torch.float64)


def simulate(theta: Tensor, rng: torch.Generator) -> Tensor:
    """The order statistics of 250 draws each, (n, 15), on the scale of asinh."""
    z = torch.randn(len(theta), DRAWS, generator=rng, dtype=torch.float64).sort(1).values
    return quantile(theta, z[:, [rank - 1 for rank in RANKS]]).asinh()


@dataclass(frozen=True)
class Posterior:
    r"""The posterior given order statistics x, (15,), as `simulate` gives them.

    Its density is that of the kept ones, and of how many lie between: $\prod f(x_i) \prod (F_{i+1} - F_i)^{gap}$.
    """

    x: Tensor

    def log_prob(self, theta: Tensor) -> Tensor:
        """Up to a constant, (n,); minus infinity outside the prior."""
        inside = ((theta > 0) & (theta < BOUND)).all(-1)
        safe = theta.clamp(1e-9, BOUND)
        z = inverse(safe, self.x.sinh().expand(len(theta), -1))
        density = (-0.5 * z**2 - log_slope(safe, z)).sum(1)
        below = torch.special.ndtr(z)
        ends = torch.cat([torch.zeros_like(below[:, :1]), below, torch.ones_like(below[:, :1])], 1)
        gaps = torch.tensor([0, *RANKS, DRAWS + 1], dtype=theta.dtype).diff() - 1
        between = torch.where(gaps > 0, gaps * ends.diff().clamp(min=1e-300).log(), 0.0).sum(1)
        return torch.where(inside, density + between, -math.inf)


def walk(posterior: Posterior, chains: int, steps: int, rng: torch.Generator) -> Tensor:
    """Random-walk Metropolis whose steps take the shape of all chains together while they settle, (steps, chains, 4).

    They start at the likeliest of many points of the prior, and settle for as many steps as are kept; in the first half
    of these, chains that are far behind go on from the places of others.
    """
    tried = prior(200 * chains, rng)
    found = torch.cat([posterior.log_prob(part) for part in torch.split(tried, 4096)])
    best = found.topk(4 * chains).indices
    theta = tried[best[torch.randperm(len(best), generator=rng)[:chains]]]
    current, kept, root = posterior.log_prob(theta), [], torch.eye(4, dtype=theta.dtype)
    for step in range(2 * steps):
        if step < steps // 2 and step % 20 == 10:
            ahead = (current > current.max() - BEHIND).nonzero()[:, 0]
            places = ahead[torch.randint(len(ahead), (chains,), generator=rng)]
            places = torch.where(current > current.max() - BEHIND, torch.arange(chains), places)
            theta, current = theta[places], current[places]
        if step < steps and step % 20 == 0:
            covariance = torch.cov(theta.T) + 1e-10 * torch.eye(4, dtype=theta.dtype)
            root = 2.38 / 2 * torch.linalg.cholesky(covariance)
        noise = torch.randn(chains, 4, generator=rng, dtype=theta.dtype)
        small = torch.where(torch.rand(chains, 1, generator=rng, dtype=theta.dtype) < 0.3, 0.1, 1.0)
        proposed = theta + small * noise @ root.T
        other = posterior.log_prob(proposed)
        taken = torch.rand(chains, generator=rng, dtype=theta.dtype).log() < other - current
        theta, current = torch.where(taken[:, None], proposed, theta), torch.where(taken, other, current)
        if step >= steps:
            kept.append(theta)
    return torch.stack(kept)
