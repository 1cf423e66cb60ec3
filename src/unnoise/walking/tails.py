r"""How a density falls far from its modes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise.laws import LogDensity
from unnoise.walking.scouting import Mode

FAR, FARTHEST = 1e10, 1e20  # deviations from a mode
DEEP = 100.0  # as a density that is kept from zero by some 1e-300 never falls more
HEAVY = 5.0  # degrees of freedom, from which on steps of one length reach the ends of a tail
FLOOR = 0.01  # power of a tail, below which a density does not fall at all


def falls(target: LogDensity[Tensor], mode: Mode) -> bool:
    r"""Whether log p falls by $\log r$ at r deviations along all axes, and by $d\log r$ along a diagonal, or DEEP.

    The first is least of independent coordinates, whose tails are heaviest along the axes; the second of all.
    """
    far, least = _rays(mode, FARTHEST)
    enough = least * math.log(FARTHEST)
    return bool((mode.height - target.log_prob(far) > enough.clamp(max=DEEP)).all())


def freedom(target: LogDensity[Tensor], mode: Mode) -> float:
    r"""The least $\nu$ of tails $r^{-1-\nu}$ along an axis, and $r^{-d-\nu}$ along a diagonal; infinite of light tails.

    A floor, as of $\log(e^{-x^2} + 10^{-300})$, is no tail.
    """
    (near, least), (far, _) = _rays(mode, FAR), _rays(mode, FARTHEST)
    return float((_powers(target, near, far) - least).min())


def heavy_axes(target: LogDensity[Tensor], mode: Mode) -> Tensor:
    r"""The numbers of the coordinates along which a tail is $|x_i|^{-1-\nu}$ with $\nu$ below HEAVY, (k,)."""
    steps = torch.diag(mode.factor.norm(dim=1))
    near, far = (mode.centre + length * torch.cat([steps, -steps]) for length in (FAR, FARTHEST))
    return torch.nonzero(_powers(target, near, far).reshape(2, -1).amin(0) < 1 + HEAVY)[:, 0]


def _powers(target: LogDensity[Tensor], near: Tensor, far: Tensor) -> Tensor:
    """Of r, by which p falls from points to those farther out, (n,)."""
    power = (target.log_prob(near) - target.log_prob(far)) / math.log(FARTHEST / FAR)
    return torch.where(power.isnan() | (power < FLOOR), math.inf, power)


def _rays(mode: Mode, length: float) -> tuple[Tensor, Tensor]:
    """Points so many deviations from a mode, along axes and a diagonal, and the powers of r that are integrable."""
    size, steps = len(mode.centre), length * mode.factor.T
    diagonal = steps.sum(0, keepdim=True) / math.sqrt(size)
    away = torch.cat([steps, diagonal])
    powers = torch.cat([torch.ones(size), torch.full((1,), float(size))]).to(away)
    return torch.cat([mode.centre + away, mode.centre - away]), powers.repeat(2)
