"""Exact draws from log-concave laws on an interval, by rejection under two tangents.

A concave log density lies below each of its tangents (Gilks and Wild 1992). Two of them, a deviation to the left and to
the right of the mean, make a proposal of two exponentials, of which 76 % are kept for a normal law. Draws are exact
wherever the tangents touch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import NonFiniteError

MOST_ROUNDS = 1_000  # of rejection; each keeps three quarters
EDGE = 1e-6  # of an interval: how near to its ends a tangent may touch

LogDensity = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Tent:
    """Two tangents of log densities on [low, high], and where they meet; every field (n,)."""

    low: float
    high: float
    top: Tensor
    value: Tensor
    left: Tensor
    right: Tensor

    def __getitem__(self, rows: Tensor) -> Tent:
        """The tents of these rows."""
        parts = (part[rows] for part in (self.top, self.value, self.left, self.right))
        return Tent(self.low, self.high, *parts)

    def at(self, x: Tensor) -> Tensor:
        """The log of the proposal, without its constant."""
        return self.value + torch.where(x < self.top, self.left, self.right) * (x - self.top)

    def draw(self, uniforms: Tensor) -> Tensor:
        """Points from two rows of uniform numbers, (2, n)."""
        sides = (-self.left, self.top - self.low), (self.right, self.high - self.top)
        areas = [_log_area(slope, width) for slope, width in sides]
        first = uniforms[0] < torch.sigmoid(areas[0] - areas[1])
        down, up = (_inverse(slope, width, uniforms[1]) for slope, width in sides)
        return torch.where(first, self.top - down, self.top + up).clamp(self.low, self.high)


def tent(log_density: LogDensity, ends: tuple[float, float], parameter: Tensor, mean: Tensor, sd: Tensor) -> Tent:
    """The tangents a deviation away from the mean, for each parameter."""
    low, high = ends
    margin = EDGE * (high - low)
    one, other = (mean - sd).clamp(low + margin, high - 2 * margin), (mean + sd).clamp(low + 2 * margin, high - margin)
    at_one, left = log_density(one, parameter)
    at_other, right = log_density(other, parameter)
    meet = (at_other - at_one + left * one - right * other) / (left - right)
    top = torch.where(left > right, meet, 0.5 * (one + other)).clamp(one, other)
    return Tent(low, high, top, at_one + left * (top - one), left, right)


def draw_concave(
    log_density: LogDensity,
    ends: tuple[float, float],
    parameters: Tensor,
    rows: Tensor,
    mean: Tensor,
    sd: Tensor,
    rng: torch.Generator,
) -> Tensor:
    """Exact draws from log-concave laws.

    Args:
        log_density: up to a constant, and its slope, at points (n,) for parameters (n,).
        ends: of the interval.
        parameters: of each law, (k,).
        rows: the law of each draw, (n,), from 0 to k - 1.
        mean: about the mean of each law, (k,).
        sd: about its standard deviation, (k,).
        rng: where the draws come from.

    >>> def normal(x, mean):
    ...     return -0.5 * (x - mean) ** 2, mean - x
    >>> at, spread, rng = torch.zeros(1), torch.ones(1), torch.Generator().manual_seed(0)
    >>> drawn = draw_concave(normal, (-9.0, 9.0), at, torch.zeros(10_000, dtype=torch.int64), at, spread, rng)
    >>> round(float(drawn.std()), 1)
    1.0
    """
    tents = tent(log_density, ends, parameters, mean, sd)
    drawn, left = parameters.new_empty(len(rows)), torch.arange(len(rows), device=rows.device)
    for _ in range(MOST_ROUNDS):
        if not len(left):
            return drawn
        uniforms = torch.rand((3, len(left)), generator=rng, device=rng.device, dtype=parameters.dtype).to(rows.device)
        own = tents[rows[left]]
        x = own.draw(uniforms[:2])
        kept = uniforms[2].log() < log_density(x, parameters[rows[left]])[0] - own.at(x)
        drawn[left[kept]] = x[kept]
        left = left[~kept]
    raise NonFiniteError(f"{MOST_ROUNDS:,} rounds kept no draw from a law at {float(parameters[rows[left[0]]]):.4g}")


def _log_area(slope: Tensor, width: Tensor) -> Tensor:
    """The log of the integral of exp(slope * x) from 0 to `width`."""
    steep = slope * width
    size = steep.abs().clamp(min=1e-8)
    return width.log() + torch.log(-torch.expm1(-size) / size) + steep.clamp(min=0)


def _inverse(slope: Tensor, width: Tensor, uniform: Tensor) -> Tensor:
    """Where that integral has grown to this share of it."""
    steep = slope * width
    falling = torch.log1p(uniform * torch.expm1(steep.clamp(max=1)))
    rising = steep + torch.log(uniform + (1 - uniform) * torch.exp(-steep.clamp(min=0)))
    return torch.where(steep.abs() < 1e-8, uniform * width, torch.where(steep < 1, falling, rising) / slope)
