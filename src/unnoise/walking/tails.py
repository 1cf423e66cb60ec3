r"""How a density falls far from its modes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.walking.climbing import climbed
from unnoise.walking.scouting import InUnits, Mode

FAR, FARTHEST = 1e10, 1e20  # deviations from a mode
DEEP = 100.0  # as a density that is kept from zero by some 1e-300 never falls more
HEAVY = 5.0  # degrees of freedom, from which on steps of one length reach the ends of a tail
RADII = tuple(10.0**k for k in range(1, 10))  # deviations from a mode, where directions of heavy tails are looked for
STARTS, MOST_STARTS, APART = 4, 256, 0.3  # climbs for each dimension, and of all; sine between directions that differ
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
    return float((_powers(target, near, far, FARTHEST / FAR) - least).min())


@torch.no_grad()
def heavy_directions(target: LogDensity[Tensor], mode: Mode) -> tuple[Tensor, Tensor] | None:
    r"""Along which p falls far out as a power, as it does nowhere beside: $u_i$ and $w_i$, (k, d), of `Stretch`.

    Far out from independent Cauchy laws in any coordinates p is highest where only one of these is far, and by far. So
    climbs on spheres around the mode, of ever greater radius r in its units, end at those directions. They count where
    p falls by less than $r^{-d - \text{HEAVY}}$. In units of the mode independent coordinates are orthogonal. None
    where tails are light, which is known after a few radii.
    """
    size, units = len(mode.centre), InUnits(target, mode)
    u = _unit(standard_normal((STARTS * size, size), mode.centre, torch.Generator().manual_seed(0))[:MOST_STARTS])
    for radius in RADII:
        u = _unit(climbed(OnSphere(units, radius), u).ends)
        heights = units.log_prob(radius * u)
        u = u[mode.height - heights < (size + HEAVY) * math.log(radius) + DEEP]
        if not len(u):
            return None
    near, far = (length * u for length in RADII[-2:])
    u = _spanning(u[_powers(units, near, far, RADII[-1] / RADII[-2]) < size + HEAVY])
    return (u @ mode.factor.T, torch.linalg.solve(mode.factor.T, torch.linalg.pinv(u)).T) if len(u) else None


@dataclass(frozen=True)
class OnSphere(LogDensity[Tensor]):
    """A density at r z / |z|."""

    target: LogDensity[Tensor]
    radius: float

    @property
    def support(self) -> Any:
        """The space of the target."""
        return self.target.support

    def log_prob(self, x: Tensor) -> Tensor:
        """At the point of the sphere that x leads to, (n,)."""
        return self.target.log_prob(self.radius * _unit(x))

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both; slopes lie in the sphere."""
        u = _unit(x)
        values, slopes = self.target.log_prob_and_score(self.radius * u)
        slopes = slopes - (slopes * u).sum(1, keepdim=True) * u
        return values, self.radius * slopes / x.norm(dim=1, keepdim=True)


def _unit(x: Tensor) -> Tensor:
    found: Tensor = x / x.norm(dim=1, keepdim=True)
    return found


def _spanning(u: Tensor) -> Tensor:
    """Some of unit vectors, (n, d), as far from the span of those before as can be, until all lie near it, (k, d)."""
    rest, rows = u, list[int]()
    while len(rows) < u.shape[1] and len(u):
        lengths = rest.norm(dim=1)
        best = int(lengths.argmax())
        if not float(lengths[best]) > APART:
            break
        rows.append(best)
        axis = rest[best] / lengths[best]
        rest = rest - (rest @ axis)[:, None] * axis
    return u[rows]


def _powers(target: LogDensity[Tensor], near: Tensor, far: Tensor, farther: float) -> Tensor:
    """Of r, by which p falls from points to those so many times as far out, (n,)."""
    power = (target.log_prob(near) - target.log_prob(far)) / math.log(farther)
    return torch.where(power.isnan() | (power < FLOOR), math.inf, power)


def _rays(mode: Mode, length: float) -> tuple[Tensor, Tensor]:
    """Points so many deviations from a mode, along axes and a diagonal, and the powers of r that are integrable."""
    size, steps = len(mode.centre), length * mode.factor.T
    diagonal = steps.sum(0, keepdim=True) / math.sqrt(size)
    away = torch.cat([steps, diagonal])
    powers = torch.cat([torch.ones(size), torch.full((1,), float(size))]).to(away)
    return torch.cat([mode.centre + away, mode.centre - away]), powers.repeat(2)
