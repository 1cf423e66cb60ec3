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
from unnoise.spaces import Manifold, Space

Batched = Callable[[Any], Any]
STEP = 1e-5  # of differences, relative


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
        """Both; no slope where it is refused."""
        if not _tree.length(x):
            return torch.zeros(0, dtype=torch.float64), x
        values, score = self.log_density.log_prob_and_score(x)
        values, good = self._held(values, torch.isfinite(score).flatten(1).all(1))
        return values, torch.where(_tree.expand(good, score), score, 0.0)

    def _held(self, values: Tensor, sloped: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.evaluations += len(values)
        self.heard(self.evaluations)
        bad = values.isnan() | values.isposinf()
        if sloped is not None:
            bad |= ~sloped & ~values.isneginf()
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
        n, size = x.shape
        step = STEP * (x.abs().amax(1) + STEP).clamp(max=1e150)
        beside = step[:, None, None] * torch.eye(size, dtype=x.dtype, device=x.device)
        points = torch.stack([x[:, None] + beside, x[:, None] - beside])
        up, down = self.target.log_prob(points.reshape(-1, size)).reshape(2, n, size)
        slope = (up - down) / (2 * step[:, None])
        good = torch.isfinite(up) & torch.isfinite(down)
        return self.target.log_prob(x), torch.where(good, slope, 0.0)


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
