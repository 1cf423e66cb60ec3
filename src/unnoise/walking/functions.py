"""Log densities that are asked where nobody knows what they return, and what they are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws import HasRatios, LogDensity
from unnoise.laws.base import differentiated
from unnoise.spaces import Affine, Manifold, Space

Batched = Callable[[Any], Any]
STEP = 1e-5  # of differences, relative
MOST_DIFFERENCES = 50  # dimensions in which slopes by differences are affordable
ASKED = 2**22  # numbers of the points at which differences ask at once


@dataclass
class Tried(LogDensity[Any]):
    """A log density that is asked where nobody knows what it returns: NaN, infinity and errors count as no density.

    Attributes:
        log_density: of batches.
        space: where its points live.
        heard: gets the number of points that were evaluated so far, after every batch.
        evaluations: of points so far.
        refused: of these, the points at which it is NaN or plus infinity.
        outside: of these, the points at which there is no density.
    """

    log_density: LogDensity[Any]
    space: Space[Any, Any]
    heard: Callable[[int], None] = field(default=lambda count: None, repr=False)
    evaluations: int = field(default=0, init=False)
    refused: int = field(default=0, init=False)
    outside: int = field(default=0, init=False)

    @property
    def support(self) -> Space[Any, Any]:
        """The space."""
        return self.space

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,); minus infinity where it is refused. Nothing is asked of no points."""
        if not _tree.length(x):
            return torch.zeros(0, dtype=torch.float64)
        return self._held(self.log_density.log_prob(x))[0]

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both; no slope where it is refused. Where there is a value alone its slope is by differences, or zero.

        Such points have their mass, though torch finds no slope, as of `where(x > 0, x.log(), x)` on the side of x. On
        $R^d$ those beside which there is no value either are refused.
        """
        if not _tree.length(x):
            return torch.zeros(0, dtype=torch.float64), x
        values, score = self.log_density.log_prob_and_score(x)
        sloped = torch.isfinite(score).flatten(1).all(1)
        lacking = ~sloped & torch.isfinite(values)
        score = torch.where(_tree.expand(sloped, score), score, 0.0)
        if bool(lacking.any()):
            slopes, known = self._by_differences(x[lacking])
            score[lacking] = slopes.to(score)
            values[lacking] = torch.where(known, values[lacking], math.nan)
        values, good = self._held(values)
        return values, torch.where(_tree.expand(good, score), score, 0.0)

    def _by_differences(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Slopes at points, or zero where differences cost too much, and at which points they are known, (n,)."""
        if x.ndim != 2 or not isinstance(self.space, Affine) or x.shape[1] > MOST_DIFFERENCES:
            return torch.zeros_like(x), torch.ones(len(x), dtype=torch.bool, device=x.device)
        found = [Differences(self).slopes(rows) for rows in torch.split(x, max(1, ASKED // (2 * x.shape[1] ** 2)))]
        slopes, good = (torch.cat(parts) for parts in zip(*found, strict=True))
        return slopes, good.all(1)

    def _held(self, values: Tensor) -> tuple[Tensor, Tensor]:
        self.evaluations += len(values)
        self.heard(self.evaluations)
        bad = values.isnan() | values.isposinf()
        self.refused += int(bad.sum())
        self.outside += int((bad | values.isneginf()).sum())
        return torch.where(bad, -math.inf, values), ~bad & ~values.isneginf()


class TriedRatios(Tried, HasRatios):
    """The same on sites, of a density that knows its ratios."""

    def log_ratios(self, x: Tensor) -> Tensor:
        """Those of the density."""
        known: Any = self.log_density
        ratios: Tensor = known.log_ratios(x)
        return ratios


@dataclass(frozen=True)
class Differences(LogDensity[Tensor]):
    """A density on $R^d$ of which values alone are known, with slopes by differences; good enough to climb by.

    Args:
        target: asked 2 d + 1 times for a slope.
    """

    target: LogDensity[Tensor]

    @property
    def support(self) -> Any:
        """The space of the target."""
        return self.target.support

    def log_prob(self, x: Tensor) -> Tensor:
        """At x, (n,)."""
        return self.target.log_prob(x)

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both; no slope beside an edge."""
        slope, _ = self.slopes(x)
        return self.target.log_prob(x), slope

    def slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Along every axis, (n, d), zero where there is none; and where there is one."""
        n, size = x.shape
        step = STEP * (x.abs().amax(1) + STEP).clamp(max=1e150)
        beside = step[:, None, None] * torch.eye(size, dtype=x.dtype, device=x.device)
        points = torch.stack([x[:, None] + beside, x[:, None] - beside])
        up, down = self.target.log_prob(points.reshape(-1, size)).reshape(2, n, size)
        slope = (up - down) / (2 * step[:, None])
        good = torch.isfinite(slope)
        return torch.where(good, slope, 0.0), good


@dataclass(frozen=True)
class Function(LogDensity[Any]):
    """A function of the user's, in whatever form it was found to work.

    Args:
        function: of batches, to (n,).
        space: where its points live.
        sloped: whether torch can differentiate it.
    """

    function: Batched
    space: Space[Any, Any]
    sloped: bool

    @property
    def support(self) -> Space[Any, Any]:
        """The space."""
        return self.space

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,); its slope is zero where values do not depend on x, as at points without density."""
        values: Tensor = self.function(x)
        return with_level(values, x) if self.sloped else values

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both, at the cost of one."""
        return _with_score(self, self.space, x)


@dataclass(frozen=True)
class Driftless(LogDensity[Any]):
    """A density of which values alone are known, on any space, with slopes of zero: moves by it have no drift.

    Args:
        target: it.
    """

    target: LogDensity[Any]

    @property
    def support(self) -> Any:
        """The space of the target."""
        return self.target.support

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,)."""
        return with_level(self.target.log_prob(_tree.map(Tensor.detach, x)), x)

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both, at the cost of one."""
        return _with_score(self, self.support, x)


def with_level(values: Tensor, x: Any) -> Tensor:
    """Values (n,) with slopes of zero along those numbers of points whose slopes are asked for, if they have none."""
    asked = [leaf for _, leaf in _tree.leaves(x) if leaf.requires_grad]
    if values.requires_grad or not asked:
        return values
    return values + torch.stack([0 * leaf.flatten(1).sum(1) for leaf in asked]).sum(0)


def _with_score(density: LogDensity[Any], space: Space[Any, Any], x: Any) -> tuple[Tensor, Any]:
    values, slope = differentiated(density.log_prob, x)
    return values, space.riemannian_gradient(x, slope) if isinstance(space, Manifold) else slope
