r"""The image sums at small times: each geodesic between two points gives a Gaussian.

On the circle, the three-sphere and the rotations, $p_t(\theta) = e^{\kappa t}(2\pi t)^{-d/2} \sum_n w(\theta_n)
e^{-\theta_n^2/2t}$ with $\theta_n = \theta + 2\pi n$, exactly. Up to t = 1/2 the way there and the long way round are
all that double precision sees, and near the cut locus, at $\theta = \pi - \delta$, they are summed as
$e^{-(\pi^2 + \delta^2)/2t}$ times hyperbolic functions of $z = \pi\delta/t$, which no cancellation spoils.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws.heat.even import SMALL, Even, hyperbolic, inverse_sinc
from unnoise.laws.heat.radial import Jet, Radial, in_cosine, split

ALONE = 20.0  # from this z on the long way round is below 1e-17 of the whole


@dataclass(frozen=True)
class Images(Radial):
    """A kernel whose image sum is exact."""

    @abstractmethod
    def growth(self, time: Tensor) -> Tensor:
        r"""$\kappa t$."""

    @abstractmethod
    def near(self, angle: Tensor) -> Even:
        r"""$\log w(\theta)$, of which $w(0) = 1$."""

    @abstractmethod
    def far(self, rest: Tensor) -> Even:
        r"""The log of the factor of both ways that does not depend on time, at $\delta$ = `rest`."""

    @abstractmethod
    def both_ways(self, rest: Tensor, time: Tensor, z: Tensor) -> Even:
        r"""$e^{-z}$ times the hyperbolic factor, as a function of $\delta^2$."""

    def early(self, angle: Tensor, time: Tensor) -> Jet:
        """See the module."""
        rest = math.pi - angle
        alone = (angle < SMALL) | (rest > ALONE * time / math.pi)
        start = self.growth(time) - 0.5 * self.dimension * torch.log(2 * math.pi * time)
        log, slope, curvature = split(alone, self._one_way, self._two_ways, angle, time)
        return Jet(start + log, slope, curvature)

    def _one_way(self, angle: Tensor, time: Tensor) -> Jet:
        shape = self.near(angle)
        log = Even(shape.value - 0.5 * angle**2 / time, shape.first - 0.5 / time, shape.second)
        return in_cosine(log, inverse_sinc(angle), -2.0)

    def _two_ways(self, angle: Tensor, time: Tensor) -> Jet:
        rest = math.pi - angle
        z, shape = math.pi * rest / time, self.far(rest)
        factor = self.both_ways(rest, time, z)
        slope = factor.first / factor.value
        log = Even(
            shape.value + factor.value.log() + z - 0.5 * (math.pi**2 + rest**2) / time,
            shape.first + slope - 0.5 / time,
            shape.second + factor.second / factor.value - slope**2,
        )
        return in_cosine(log, inverse_sinc(rest), 2.0)


def hyperbolic_pair(rest: Tensor, time: Tensor, z: Tensor) -> tuple[Even, Even]:
    r"""$\cosh(z)$ and $\sinh(z)/z$, times $e^{-z}$ (which is not differentiated), as functions of $\delta^2$."""
    cosh, zeroth, first, second = hyperbolic(z)
    rate = 0.5 * (math.pi / time) ** 2  # of z^2 / 2 in delta^2
    return Even(cosh, rate * zeroth, rate**2 * first), Even(zeroth, rate * first, rate**2 * second)
