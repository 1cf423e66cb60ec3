"""Draws by weight from a density that is known up to a constant, and its integral."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unnoise.inference.parameters import Floats
from unnoise.inference.unnormalised import Unnormalised
from unnoise.laws.categorical import effective_size, systematic

OF_PRIOR = 0.1  # of what is proposed, so that no weight is beyond ten times the likelihood
LEAST = 1e-6  # the spread of centres, at least, in spreads of the prior
SOME, MOST_ROUNDS = 0.5, 12  # of the centres, which weights are to be worth, and rounds until they are
HALVINGS = 60  # of the power of weights
STEPS, STEP = 4, 0.5  # of Metropolis, in widths of the kernels
AT_ONCE = 2**24  # differences between points and kernels that are computed together


@dataclass(frozen=True)
class Weighed:
    r"""Points with weights $\tilde p(z)/r(z)$, of a density up to a constant and of what proposed them.

    Args:
        target: the density.
        z: points of its chart, (n, d).
        log_weights: (n,).
    """

    target: Unnormalised
    z: Tensor
    log_weights: Tensor

    @property
    def log_z(self) -> float:
        """The logarithm of the integral, in nats, by the mean weight: its logarithm is too low by half its variance."""
        return float(torch.logsumexp(self.log_weights, 0)) - math.log(len(self.z)) + 0.5 / self.effective_size

    @property
    def effective_size(self) -> float:
        """How many draws it is worth."""
        return float(effective_size(self.log_weights))

    def tempered(self, size: float) -> Weighed:
        r"""The same with weights $w^\beta$, the first of $\beta = 1, 1/2, \dots$ by which they are worth so many."""
        flat = self
        for _ in range(HALVINGS):
            if flat.effective_size >= size:
                break
            flat = replace(flat, log_weights=flat.log_weights / 2)
        return flat

    def chosen(self, count: int, rng: torch.Generator) -> Tensor:
        """The places of so many draws by weight, in random order."""
        places = systematic(self.log_weights[None], count, rng)[0]
        return places[torch.randperm(count, generator=rng)]

    @torch.no_grad()
    def log_prob(self, z: Floats) -> Floats:
        """The density with its constant, at points of the chart (n, d), in nats."""
        found: Floats = self.target.log_prob(torch.from_numpy(z)).numpy() - self.log_z
        return found


@torch.no_grad()
def weighed(target: Unnormalised, centres: Tensor, count: int, rng: torch.Generator) -> Weighed:
    r"""Importance sampling in the chart, by normal kernels around centres and a share of the prior.

    The kernels have the covariance of the centres, as narrow as the rule of Scott and Silverman says. Points that are
    drawn by weight are the centres of a second round (population Monte Carlo, Cappé et al. 2004), and of more where few
    have most of the weight, as of a density far narrower than the centres: by a power of their weights, so that the
    kernels do not shrink to these few.

    Args:
        target: the density.
        centres: about where it lies, (c, d): draws of an approximation.
        count: of the points.
        rng: of the draws.
    """
    least = LEAST * target.before.spreads
    found = _weighed(target, NormalKernels.around(centres.double(), least), count, rng)
    for _ in range(MOST_ROUNDS - 1):
        chosen = found.tempered(SOME * len(centres)).chosen(len(centres), rng)
        found = _weighed(target, NormalKernels.around(found.z[chosen], least), count, rng)
        if found.effective_size >= SOME * len(centres):
            break
    return found


@torch.no_grad()
def moved(found: Weighed, places: Tensor, rng: torch.Generator) -> Tensor:
    """Points at these places after steps of Metropolis, so that those that are drawn twice part, (m, d)."""
    z = found.z[places]
    current, root = found.target.log_prob(z), STEP * NormalKernels.around(z, LEAST * found.target.before.spreads).root
    for _ in range(STEPS):
        proposed = z + torch.randn(z.shape, generator=rng, dtype=z.dtype) @ root.T
        other = found.target.log_prob(proposed)
        taken = torch.rand(len(z), generator=rng, dtype=z.dtype).log() < other - current
        z, current = torch.where(taken[:, None], proposed, z), torch.where(taken, other, current)
    return z


def _weighed(target: Unnormalised, proposed: NormalKernels, count: int, rng: torch.Generator) -> Weighed:
    few = math.ceil(OF_PRIOR * count)
    z = torch.cat([target.before.sample(rng, (few,)), proposed.sample(count - few, rng)])
    before, density = target.before.log_prob(z), target.log_prob(z)
    of_prior, of_kernels = math.log(few / count) + before, math.log(1 - few / count) + proposed.log_prob(z)
    log_weights = (density - torch.logaddexp(of_prior, of_kernels)).nan_to_num(-math.inf, neginf=-math.inf)
    return Weighed(target, z, log_weights)


@dataclass(frozen=True)
class NormalKernels:
    """An equal mixture of normal laws of one covariance.

    Args:
        centres: (c, d).
        root: of the covariance, lower triangular, (d, d).
    """

    centres: Tensor
    root: Tensor

    @classmethod
    def around(cls, centres: Tensor, least: Tensor) -> NormalKernels:
        """As wide as c draws of a normal law ask for.

        Args:
            centres: (c, d).
            least: deviations to add to those of the centres, (d,), which may all be one.
        """
        c, d = centres.shape
        width = (4 / ((d + 2) * c)) ** (1 / (d + 4))
        covariance = torch.cov((centres / least).T, correction=0).reshape(d, d) + torch.eye(d, dtype=centres.dtype)
        return cls(centres, width * least[:, None] * torch.linalg.cholesky(covariance))

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """Draw (n, d)."""
        c, d = self.centres.shape
        noise = torch.randn(n, d, generator=rng, dtype=self.root.dtype)
        return self.centres[torch.randint(c, (n,), generator=rng)] + noise @ self.root.T

    def log_prob(self, z: Tensor) -> Tensor:
        """At points (n, d), in nats."""
        c, d = self.centres.shape
        points, centres = (torch.linalg.solve_triangular(self.root, x.T, upper=False).T for x in (z, self.centres))
        parts = torch.split(points, max(1, AT_ONCE // (c * d)))
        found = torch.cat([torch.logsumexp(-0.5 * torch.cdist(part, centres).square(), 1) for part in parts])
        volume = self.root.diagonal().log().sum() + 0.5 * d * math.log(2 * math.pi)
        return found - volume - math.log(c)
