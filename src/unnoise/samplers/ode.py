"""An adaptive solver of ordinary differential equations; every row has its own time and step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from unnoise._errors import NonFiniteError

# Dormand and Prince 1980, order 5 with an error estimate of order 4; the last stage is the next first one.
_NODES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
SHORTEST = 1e-14  # of a step; such steps reach no end, and the last one is longer

Velocity = Callable[[Tensor, Tensor, Tensor], Tensor]


def integrate(
    velocity: Velocity, y: Tensor, *, tolerance: float = 1e-5, first_step: float = 0.01, max_steps: int = 10_000
) -> Tensor:
    r"""Solve $dy/dt = v(t, y)$ from t = 0 to t = 1.

    Args:
        velocity: v(t, y, rows) with t (m,), y (m, k) and rows (m,), the rows still moving.
        y: (n, k).
        tolerance: of the error, root mean square, relative to 1 + |y|.
        first_step: the first one tried.
        max_steps: NonFiniteError beyond, or for a velocity that is not finite or too large for any step.

    >>> y = integrate(lambda t, y, rows: -y, torch.ones(2, 1, dtype=torch.float64))
    >>> bool((y - torch.exp(torch.tensor(-1.0))).abs().max() < 1e-5)
    True
    """
    result = y.clone()
    rows = torch.arange(len(y), device=y.device)
    t = y.new_zeros(len(y))
    step = torch.full_like(t, first_step)
    slope = velocity(t, y, rows)
    for _ in range(max_steps):
        step = torch.minimum(step, 1 - t)
        proposal, last_slope, error = _dormand_prince(velocity, t, y, step, slope, rows, tolerance)
        accepted = error <= 1
        t = torch.where(accepted, t + step, t)
        y = torch.where(accepted[:, None], proposal, y)
        slope = torch.where(accepted[:, None], last_slope, slope)
        moving = t < 1 - 1e-12
        if not moving.all():
            result[rows[~moving]] = y[~moving]
        if not moving.any():
            return result
        step = step * (0.9 * error.clamp(min=1e-10) ** -0.2).clamp(0.2, 5.0)
        rows, t, y, step, slope = (part[moving] for part in (rows, t, y, step, slope))
        if not torch.isfinite(slope).all() or not (step > SHORTEST).all():
            finite = torch.isfinite(slope).all() and torch.isfinite(step).all()
            what = "is too steep" if finite else "met non-finite values"
            raise NonFiniteError(f"the flow {what} at t = {float(t.min()):.4g}; is the model trained?")
    raise NonFiniteError(f"the flow did not reach t = 1 in {max_steps} steps; raise the tolerance")


def _dormand_prince(
    velocity: Velocity, t: Tensor, y: Tensor, step: Tensor, slope: Tensor, rows: Tensor, tolerance: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The proposal, its slope, and the error of each row in units of the tolerance."""
    slopes, h, proposal = [slope], step[:, None], y
    for node, weights in zip(_NODES[1:], _STAGES, strict=True):
        proposal = y + h * _combine(weights, slopes)
        slopes.append(velocity(t + node * step, proposal, rows))
    error = h * _combine(_ERROR, slopes)
    unit = tolerance * (1 + torch.maximum(y.abs(), proposal.abs()))
    return proposal, slopes[-1], (error / unit).square().mean(1).sqrt()


def _combine(weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    total = torch.zeros_like(slopes[0])
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            total.add_(slope, alpha=weight)
    return total
