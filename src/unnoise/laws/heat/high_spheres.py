r"""Heat kernels of spheres of four and more dimensions: one integral without cancellation, at every time and angle.

With generator $\frac12\Delta$, $c = \cos\theta$ and $\lambda = (d-1)/2$, the spectral series of `laws.heat.spheres`
cancels to nothing at early times. With $e^{-k^2t/2}$ as a normal mean of $e^{iku}$, summed under the integral by

$$\sum_l\frac{l+\lambda}\lambda e^{-(l+\lambda)s}C_l^\lambda(c) = 2\sinh s\,\big(2\cosh s - 2c\big)^{-\lambda-1},$$

and integrated by parts, it is

$$|S^d|\,p_t(\theta) = \frac{e^{\lambda^2t/2}}{\lambda t\sqrt{2\pi t}}\,
\frac1{2i}\int e^{-w/2t}\,\big(2\cos\sqrt w - 2c\big)^{-\lambda}\,dw,$$

on a path around the cut from $w = \theta^2$ on (the closed form is this project's). Each derivative in c multiplies the
integrand by $2\lambda/(2\cos\sqrt w - 2c)$, then by $2\lambda+2$ of it: the step from d to d + 2.

The path is the parabola $w = \theta^2 + (x + ib)^2$, which passes the real axis at a saddle point. In x all
singularities lie at a distance b from it and the integrand falls like a normal density, so the trapezoidal rule
converges geometrically: 18 nodes leave 1e-12 of the density and of its slope, however small they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import whole
from unnoise.laws.heat.concave import draw_concave
from unnoise.laws.heat.radial import EARLY, Jet, Radial, Series, check_drawn
from unnoise.laws.heat.spheres import CircleAngle, GlobeAngle, SphereAngle, ThreeSphereAngle, gegenbauer, log_area

NODES, STEP = 18, 0.46  # of the rule on half of the path; the step in units of sqrt(t)
NEWTON_STEPS = 4  # for the log of b; any parabola serves, so few digits will do
REJECTED = 5  # up to this many dimensions draws are by plain rejection, so that seeds keep what they drew
GROUP = 2**13  # angles at once, to stay in the cache
FALLEN = 50.0  # terms of the series below e^{-50} of the first are left out


def sphere_angle(dimension: int) -> Radial:
    r"""The heat kernel of the sphere $S^d$, d at least 1, else InputError, as a function of angle and time.

    $\sum_l\frac{2l + d - 1}{(d - 1)|S^d|}\,e^{-l(l + d - 1)t/2}\,C_l^{(d - 1)/2}(\cos\theta)$ with respect to the area;
    for early times a series of images, or an integral.

    >>> angle, time = torch.tensor(0.3, dtype=torch.float64), torch.tensor(0.01, dtype=torch.float64)
    >>> found = sphere_angle(2).jet(angle, time).log
    >>> near_normal = -math.log(2 * math.pi * 0.01) - 0.3**2 / 0.02 + 0.5 * math.log(0.3 / math.sin(0.3)) + 0.01 / 6
    >>> round(float(found), 4), round(near_normal, 4)
    (-1.7, -1.7)
    """
    whole(least=1, dimension=dimension)
    exact = {1: CircleAngle(), 2: GlobeAngle(), 3: ThreeSphereAngle()}
    return exact.get(dimension) or HighSphereAngle(dimension)


@dataclass(frozen=True)
class HighSphereAngle(SphereAngle):
    """A sphere of four or more dimensions.

    >>> angle, time = torch.tensor(1.5, dtype=torch.float64), torch.tensor(1.0, dtype=torch.float64)
    >>> round(float(HighSphereAngle(300).jet(angle, time).log) + log_area(300), 9)
    0.0
    """

    dimension: int = 4

    @property
    def early_until(self) -> float:  # type: ignore[override]
        r"""Where the series begins with 1 and $(d+1)e^{-dt/2}c$, of which the second is about as large at most."""
        return min(EARLY, 2 * math.log(self.dimension + 1) / self.dimension)

    def early(self, angle: Tensor, time: Tensor) -> Jet:
        """By the integral, in groups that bound memory."""
        groups = zip(angle.flatten().split(GROUP), time.flatten().split(GROUP), strict=True)  # type: ignore[no-untyped-call]
        parts = zip(*(_integral(self.dimension, a, t) for a, t in groups), strict=True)
        return Jet(*(torch.cat(part).reshape(angle.shape) for part in parts))

    def series(self, time: Tensor) -> Series:
        """With as many terms as the earliest time needs that it is used at."""
        terms = 4
        while _log_term(self.dimension, terms, self.early_until) > -FALLEN:
            terms += 1
        return gegenbauer(self.dimension, time, terms)._replace(log_scale=-log_area(self.dimension))

    def draw(self, time: Tensor, rng: torch.Generator) -> Tensor:
        r"""Angles at the times given, exactly: their density is log-concave.

        It is $\sin^{(d-1)/2}\theta$ times the kernel of a Schroedinger operator on $[0, \pi]$ with the convex potential
        $\frac{(d-1)(d-3)}8\sin^{-2}\theta$, and both factors are log-concave (Brascamp and Lieb 1976).
        """
        if self.dimension <= REJECTED:
            return super().draw(time, rng)
        check_drawn(time)
        angles, moving = torch.zeros_like(time), time > 0
        if moving.any():
            times, rows = time[moving].unique(return_inverse=True)  # type: ignore[no-untyped-call]
            mean, deviation = self._moments(times)
            angles[moving] = draw_concave(self._latitude, (0.0, math.pi), times, rows, mean, deviation, rng)
        return angles

    def _latitude(self, angle: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """The log density of the angle, up to a constant, and its slope."""
        jet, sine = self.jet(angle, time), angle.sin()
        around = self.dimension - 1
        return jet.log + around * sine.log(), around * angle.cos() / sine - sine * jet.slope

    def _moments(self, time: Tensor) -> tuple[Tensor, Tensor]:
        r"""About the mean and the deviation of the angle, from $E c = e^{-dt/2}$ and $E c^2$."""
        d = self.dimension
        mean = 2 * torch.asin(torch.sqrt(-0.5 * torch.expm1(-0.5 * d * time)))
        variance = (d * torch.exp(-d * time) * torch.expm1(-time) - torch.expm1(-d * time)) / (d + 1)
        deviation = variance.clamp(min=0).sqrt() / mean.sin()
        return mean, torch.where(d * time < 1e-5, (0.5 * time).sqrt(), deviation)  # where the variance loses its digits


def _integral(dimension: int, angle: Tensor, time: Tensor) -> Jet:
    """The kernel and its derivatives at angles and times (n,), by the rule along the parabola."""
    lam, root = (dimension - 1) / 2, time.sqrt()
    b = _vertex(lam + 2, angle, time)  # the saddle of the second derivative, farther from the singularities
    x = STEP * torch.arange(NODES, dtype=time.dtype, device=time.device)[:, None] * root
    real, imaginary, turn = _gap(angle, b, x)
    squared = real**2 + imaginary**2
    height = 0.5 * (b - x) * (b + x) / time - 0.5 * lam * squared.log()
    phase, top = -x * b / time - lam * turn, height[0]
    size, cosine, sine = torch.exp(height - top), phase.cos(), phase.sin()
    size[0] *= 0.5
    # The integrand times dw/dx = 2 (x + i b), without the 2; then over the gap, once and twice.
    along, across = size * (x * cosine - b * sine), size * (x * sine + b * cosine)
    real, imaginary = real / squared, -imaginary / squared
    sums = [across.sum(0)]
    for _ in range(2):
        along, across = along * real - across * imaginary, along * imaginary + across * real
        sums.append(across.sum(0))
    slope, curvature = 2 * lam * sums[1] / sums[0], 4 * lam * (lam + 1) * sums[2] / sums[0]
    scale = math.log(2 * STEP / (lam * math.sqrt(2 * math.pi))) - log_area(dimension)
    log = scale + 0.5 * lam**2 * time - 0.5 * angle**2 / time + top - time.log() + sums[0].log()
    return Jet(log, slope, curvature - slope**2)


def _gap(angle: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""The parts of $2\cos z - 2\cos\theta$ at $z^2 = \theta^2 + (x + ib)^2$, and its argument, which goes on for ever.

    From $z = p + iq$, as $4\cos p\sinh^2\frac q2 + 4\sin\frac{p+\theta}2\sin\frac{\theta-p}2$ and $-2\sin p\sinh q$.
    """
    a, half = (angle - b) * (angle + b) + x**2, x * b
    long = torch.sqrt(0.5 * (torch.hypot(a, 2 * half) + a.abs())).clamp(min=1e-300)
    p, q = torch.where(a > 0, long, half / long), torch.where(a > 0, half / long, long)
    sine, cosine, sinh = torch.sin(0.5 * p), torch.cos(0.5 * p), torch.sinh(0.5 * q)
    sum_ = sine * torch.cos(0.5 * angle) + cosine * torch.sin(0.5 * angle)
    rest = 0.5 * ((b - x) * (b + x) - q**2) / (angle + p).clamp(min=1e-300)  # (theta - p)/2, without cancellation
    real = 4 * ((1 - 2 * sine**2) * sinh**2 + sum_ * rest.sin())
    imaginary = -8 * sine * cosine * sinh * torch.sqrt(1 + sinh**2)
    # e^{iz} times the gap is the product of two 1 - e^{i(z -+ theta)}, so its argument stays within half a turn.
    turn = torch.atan2(imaginary, real)
    return real, imaginary, turn - 2 * math.pi * torch.round((turn + p) / (2 * math.pi))


def _vertex(lam: float, angle: Tensor, time: Tensor) -> Tensor:
    r"""b at the saddle: $2\cos z - 2\cos\theta = 2\lambda t\frac{\sin z}z$ at $z^2 = \theta^2 - b^2$."""
    log_b = 0.5 * torch.log(lam * time * (2 + lam * time))
    for _ in range(NEWTON_STEPS):
        b = log_b.exp()
        w = (angle - b) * (angle + b)
        z = w.abs().sqrt().clamp(min=1e-150)
        real = w > 0
        sinc, cosine = torch.where(real, z.sin(), z.sinh()) / z, torch.where(real, z.cos(), z.cosh())
        chord = torch.sin(0.5 * (z + angle)) * torch.sin(0.5 * b**2 / (z + angle))
        gap = 4 * torch.where(real, chord, torch.sinh(0.5 * z) ** 2 + torch.sin(0.5 * angle) ** 2)
        curved = torch.where(w.abs() < 1e-3, -1 / 6, 0.5 * (cosine - sinc) / w)  # the derivative of sinc in w
        change = torch.log(gap / (2 * lam * time * sinc)) / (2 * b**2 * (sinc / gap + curved / sinc))
        log_b = log_b - change.clamp(-1, 1)
    return log_b.exp()


def _log_term(d: int, degree: int, time: float) -> float:
    """The log of a term of the series at angle 0, up to order one."""
    return math.lgamma(degree + d) - math.lgamma(degree + 1) - math.lgamma(d) - 0.5 * degree * (degree + d - 1) * time
