"""Weighted particles in independent groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import NonFiniteError
from unnoise.laws.categorical import effective_size, systematic

UNEVEN = 0.5  # effective share below which a group is resampled


@dataclass(frozen=True)
class Particles:
    r"""Independent groups of weighted points.

    Attributes:
        x: points, (groups, particles, *event).
        log_weights: (groups, particles), in float64, normalised in each group.
        log_normaliser: an estimate of $\log E_p[r]$ by each group, (groups,), unbiased before the logarithm; minus
            infinity where r is 0 at all particles.
        ess: effective sample size $1/\sum w^2$, (steps + 1, groups), at every noise level and at the end.

    >>> log_weights = torch.tensor([[0.25, 0.75]]).log()
    >>> Particles(torch.tensor([[[0.0], [1.0]]]), log_weights, torch.zeros(1), torch.ones(1, 1)).mean()
    tensor([0.7500])
    """

    x: Any
    log_weights: Tensor
    log_normaliser: Tensor
    ess: Tensor

    @classmethod
    def joined(cls, parts: list[Particles]) -> Particles:
        """Groups of several runs as one."""
        return cls(
            _tree.concatenate([part.x for part in parts]),
            torch.cat([part.log_weights for part in parts]),
            torch.cat([part.log_normaliser for part in parts]),
            torch.cat([part.ess for part in parts], 1),
        )

    def mean(self, f: Callable[[Any], Tensor] = lambda x: x) -> Tensor:
        """The estimate of E[f(x)] under p r, f mapping (n, *event) to (n, ...); groups count by their normalisers."""
        values = f(_tree.map(lambda leaf: leaf.flatten(0, 1), self.x))
        weights = (self.log_weights + self.log_normaliser[:, None]).flatten().softmax(0)
        mean: Tensor = torch.tensordot(weights.to(values), values, 1)
        return mean

    def alive(self) -> Particles:
        """The groups where r is not 0 at all particles."""
        groups = torch.isfinite(self.log_normaliser)
        x = _tree.map(lambda leaf: leaf[groups.to(leaf.device)], self.x)
        return Particles(x, self.log_weights[groups], self.log_normaliser[groups], self.ess[:, groups])

    def draw(self, count: int, rng: torch.Generator) -> Any:
        """Points of each group by their weights, (groups, count, *event), with as few copies as can be."""
        chosen = systematic(self.log_weights, count, rng)
        groups = torch.arange(len(chosen), device=chosen.device)[:, None]
        return _tree.map(lambda leaf: leaf[groups.to(leaf.device), chosen.to(leaf.device)], self.x)

    def check_alive(self, each: bool) -> None:
        """Raise NonFiniteError where r is 0 at all points of all groups, or of `each` of them."""
        dead, particles = torch.isneginf(self.log_normaliser), self.log_weights.shape[1]
        if dead.all() or (each and dead.any()):
            where = f"all {particles} particles" + f" of group {int(dead.nonzero()[0])}" * each
            raise NonFiniteError(
                f"r is 0 at {where} where they end, so nothing is left to be weighed; take more particles, or an r "
                "that falls off smoothly, which can guide them"
            )


@dataclass
class Population:
    """The (groups x particles) rows between two noise levels."""

    x: Any
    stat: Any
    slope: Any  # None without guidance
    twist: Tensor
    log_weights: Tensor  # (groups, particles), since the last resampling
    log_normaliser: Tensor  # (groups,), of all before

    def resample(self, t: Tensor, rng: torch.Generator) -> Tensor:
        """Copy heavy particles over light ones where weights are uneven; returns the ESS before."""
        self._check_finite(t)
        size, particles = effective_size(self.log_weights), self.log_weights.shape[1]
        uneven = size < UNEVEN * particles
        if not uneven.any():
            return size
        self._normalise()
        own = torch.arange(particles, device=size.device).expand_as(self.log_weights)
        chosen = torch.where(uneven[:, None], systematic(self.log_weights, particles, rng), own)
        rows = (chosen + particles * torch.arange(len(size), device=size.device)[:, None]).flatten()
        self.x, self.stat, self.slope = (
            None if tree is None else _tree.map(lambda leaf: leaf[rows], tree)
            for tree in (self.x, self.stat, self.slope)
        )
        self.twist = self.twist[rows]
        self.log_weights = self.log_weights.masked_fill(uneven[:, None], 0.0)
        return size

    def result(self, x: Any, log_r: Tensor, sizes: list[Tensor]) -> Particles:
        """The particles at data x, weighted by r itself."""
        groups = len(self.log_weights)
        self.log_weights = self.log_weights + (log_r.double() - self.twist).reshape(groups, -1)
        self._check_finite(torch.zeros(()))
        dead = torch.isneginf(self.log_weights).all(1)
        self.log_normaliser = self.log_normaliser.masked_fill(dead, -math.inf)
        self.log_weights = self.log_weights.masked_fill(dead[:, None], 0.0)
        self._normalise()
        return Particles(
            _tree.map(lambda leaf: leaf.unflatten(0, (groups, -1)), x),
            self.log_weights.log_softmax(1),
            self.log_normaliser,
            torch.stack([*sizes, effective_size(self.log_weights).masked_fill(dead, 0.0)]),
        )

    def _normalise(self) -> None:
        mean = torch.logsumexp(self.log_weights, 1) - math.log(self.log_weights.shape[1])
        self.log_normaliser = self.log_normaliser + mean
        self.log_weights = self.log_weights - mean[:, None]

    def _check_finite(self, t: Tensor) -> None:
        bad = self.log_weights.isnan() | torch.isposinf(self.log_weights)
        if bad.any():
            raise NonFiniteError(
                f"the weights of {int(bad.sum())} of {bad.numel()} particles are not finite at t = {float(t):.4g}: the "
                "denoiser gives NaN or infinite numbers there; check that it was trained"
            )
