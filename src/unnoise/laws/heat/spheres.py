r"""Heat kernels of spheres, with respect to their area.

With generator $\frac12\Delta$, $c = \cos\theta$ and $\lambda = (d-1)/2$,

$$p_t(\theta) = \frac1{|S^d|}\sum_l\frac{l+\lambda}\lambda e^{-l(l+d-1)t/2} C_l^\lambda(c).$$

At small times, on $S^1$ and $S^3$ the image sum is exact. $S^2$ is a quotient of the rotations, so its kernel is the
mean of theirs over a circle,

$$4\pi p_t(\theta) = \frac2\pi\int_0^{\pi/2} f_t(\omega)\,d\alpha,\qquad
\cos\tfrac\omega2 = \cos\tfrac\theta2\cos\alpha,$$

for which the trapezoidal rule converges geometrically. `laws.heat.high_spheres` has all others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws.heat.even import Even, log_inverse_sinc
from unnoise.laws.heat.radial import Images, Jet, Radial, Series, hyperbolic_pair
from unnoise.laws.heat.rotations import VOLUME, RotationAngle

TERMS = 17  # of the series; from t = 1/2 on the next are below 1e-28
NODES = 16  # of the trapezoidal rule on a quarter of the circle; they leave 1e-14
GROUP = 2**17  # angles at once
REACH = 80.0  # the rule ends where f has fallen by e^{-40}: omega^2 = theta^2 + 80 t


def area(dimension: int) -> float:
    r"""$|S^d| = 2\pi^{(d+1)/2}/\Gamma((d+1)/2)$; 0 where it underflows.

    >>> round(area(2) / math.pi, 9)
    4.0
    """
    half = (dimension + 1) / 2
    return 2 * math.exp(half * math.log(math.pi) - math.lgamma(half))


def log_area(dimension: int) -> float:
    """The log of `area`.

    >>> round(log_area(1000), 3)
    -2034.592
    """
    half = (dimension + 1) / 2
    return math.log(2) + half * math.log(math.pi) - math.lgamma(half)


class SphereAngle(Radial):
    """What the kernels of all spheres share."""

    @property
    def spectral_gap(self) -> float:  # type: ignore[override]
        """$d/2$."""
        return self.dimension / 2

    def series(self, time: Tensor) -> Series:
        """Of Gegenbauer polynomials."""
        found = gegenbauer(self.dimension, time, TERMS)
        return found._replace(weights=found.weights / area(self.dimension))

    def log_inverse_jacobian(self, angle: Tensor) -> Tensor:
        r"""$-(d-1)\log\frac{\sin\theta}\theta$."""
        return -(self.dimension - 1) * torch.sinc(angle / math.pi).abs().log()

    def uniform_angle(self, normals: Tensor) -> Tensor:
        """That between a uniform point and the last axis."""
        return torch.atan2(torch.linalg.vector_norm(normals[..., :-1], dim=-1), normals[..., -1])

    def log_bound(self, time: Tensor) -> Tensor:
        r"""$\frac{d(d-1)}{12}t$: the scalar curvature raises the density, most at the start."""
        return self.dimension * (self.dimension - 1) / 12 * time


@dataclass(frozen=True)
class CircleAngle(SphereAngle, Images):
    """The circle."""

    dimension: int = 1
    growth: float = 0.0

    def near(self, angle: Tensor) -> Even:
        """Zero."""
        return Even(*[torch.zeros_like(angle)] * 3)

    def far(self, rest: Tensor) -> Even:
        r"""$\log 2$."""
        return Even(torch.full_like(rest, math.log(2)), *[torch.zeros_like(rest)] * 2)

    def both_ways(self, rest: Tensor, time: Tensor, z: Tensor) -> Even:
        r"""$\cosh z$."""
        return hyperbolic_pair(rest, time, z)[0]

    def log_bound(self, time: Tensor) -> Tensor:
        r"""$\log(2 + 2e^{-4\pi^2/t}...)$, at the cut locus; 0.8 holds up to t = 3."""
        return torch.full_like(time, 0.8)


@dataclass(frozen=True)
class ThreeSphereAngle(SphereAngle, Images):
    """The three-sphere."""

    dimension: int = 3
    growth: float = 0.5

    def near(self, angle: Tensor) -> Even:
        r"""$\log\frac\theta{\sin\theta}$."""
        return log_inverse_sinc(angle)

    def far(self, rest: Tensor) -> Even:
        r"""$\log\frac{2\delta}{\sin\delta}$."""
        ratio = log_inverse_sinc(rest)
        return Even(ratio.value + math.log(2), ratio.first, ratio.second)

    def both_ways(self, rest: Tensor, time: Tensor, z: Tensor) -> Even:
        r"""$\frac{\pi^2}t\frac{\sinh z}z - \cosh z$."""
        cosh, sinhc = hyperbolic_pair(rest, time, z)
        return Even(*(math.pi**2 / time * s - c for c, s in zip(cosh, sinhc, strict=True)))


@dataclass(frozen=True)
class GlobeAngle(SphereAngle):
    """The two-sphere."""

    dimension: int = 2

    def early(self, angle: Tensor, time: Tensor) -> Jet:
        """The mean over a circle of rotations, in groups that bound memory."""
        if angle.numel() <= GROUP:
            return self._mean(angle, time)
        groups = zip(angle.flatten().split(GROUP), time.flatten().split(GROUP), strict=True)  # type: ignore[no-untyped-call]
        parts = zip(*(self._mean(a, t) for a, t in groups), strict=True)
        return Jet(*(torch.cat(part).reshape(angle.shape) for part in parts))

    def _mean(self, angle: Tensor, time: Tensor) -> Jet:
        share = torch.arange(NODES + 1, dtype=angle.dtype, device=angle.device).reshape(-1, *[1] * angle.ndim) / NODES
        sine, cosine = torch.sin(0.5 * angle), torch.cos(0.5 * angle)
        farthest = _farthest(angle, time)
        alpha = share * farthest
        lifted = 2 * torch.atan2(torch.hypot(sine, cosine * alpha.sin()), cosine * alpha.cos())
        jet = RotationAngle().early(lifted.clamp(max=math.pi), time.expand_as(lifted))
        rule = torch.where((share == 0) | (share == 1), 0.5 * torch.ones_like(share), 1.0)
        total = torch.logsumexp(jet.log + rule.log(), 0)
        weights = rule * torch.exp(jet.log - total)
        squared = alpha.cos() ** 2  # of the derivative of cos(omega) in cos(theta)
        slope = (weights * squared * jet.slope).sum(0)
        spread = (weights * (squared * jet.slope - slope) ** 2).sum(0)
        log = total + torch.log(farthest / NODES) + math.log(2 / math.pi * VOLUME / area(2))
        return Jet(log, slope, (weights * squared**2 * jet.curvature).sum(0) + spread)

    def draw(self, time: Tensor, rng: torch.Generator) -> Tensor:
        """How far a rotation of that law turns a point: its axis is uniform."""
        turn = torch.sin(0.5 * RotationAngle().draw(time, rng))
        height = 2 * torch.rand(time.shape, generator=rng, device=rng.device, dtype=time.dtype).to(time.device) - 1
        return 2 * torch.asin(turn * torch.sqrt((1 - height) * (1 + height)))


def gegenbauer(d: int, time: Tensor, terms: int) -> Series:
    """The series, relative to the uniform law; on the circle its limit in Chebyshev polynomials."""
    lam = (d - 1) / 2
    degree = torch.arange(terms, dtype=time.dtype, device=time.device).reshape(-1, *[1] * time.ndim)
    multiple = (degree + lam) / lam if lam else torch.where(degree > 0, 2 * torch.ones_like(degree), 1.0)
    weights = multiple * torch.exp(-0.5 * degree * (degree + d - 1) * time)
    orders = range(1, terms - 1)
    steps = [(2 * (n + lam) / (n + 1), (n + 2 * lam - 1) / (n + 1)) if lam else (2.0, 1.0) for n in orders]
    return Series(weights, (0.0, 2 * lam if lam else 1.0), steps)


def _farthest(angle: Tensor, time: Tensor) -> Tensor:
    r"""Where the rule may end: $\cos^2\frac\theta2\sin^2\alpha = \sin^2\frac\omega2 - \sin^2\frac\theta2$."""
    omega = torch.sqrt(angle**2 + REACH * time)
    total = (0.5 * (omega + angle)).clamp(max=math.pi)
    difference = total.sin() * torch.sin(0.5 * REACH * time / (omega + angle))
    sine = torch.sqrt(difference.clamp(min=0)) / torch.cos(0.5 * angle).clamp(min=1e-300)
    return torch.where(omega < math.pi, torch.asin(sine.clamp(max=1.0)), 0.5 * math.pi)
