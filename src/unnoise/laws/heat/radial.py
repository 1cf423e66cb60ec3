r"""What all heat kernels of one angle share: two expansions, and exact draws of the angle by rejection.

With generator $\frac12\Delta$, every kernel is smooth in $c = \cos\theta$; a `Jet` can be differentiated once more.

At small times each geodesic between two points gives a Gaussian, on the circle, the three-sphere and the rotations
exactly $p_t(\theta) = e^{\kappa t}(2\pi t)^{-d/2} \sum_n w(\theta_n) e^{-\theta_n^2/2t}$, $\theta_n = \theta + 2\pi n$.
Up to t = 1/2 double precision sees only the short and the long way round. Near the cut locus, at
$\theta = \pi - \delta$, these sum to $e^{-(\pi^2 + \delta^2)/2t}$ times hyperbolic functions of $z = \pi\delta/t$,
without cancellation.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from unnoise._errors import NonFiniteError
from unnoise.laws.base import standard_normal
from unnoise.laws.heat.even import SMALL, Even, hyperbolic, inverse_sinc

EARLY = 0.5  # images converge at once before it, and the spectral series keeps its digits after
ALONE = 20.0  # from this z on the long way is below 1e-17
MOST_ROUNDS = 10**6  # of rejection, which keeps one in a thousand at the least


class Jet(NamedTuple):
    r"""A log density and its first and second derivatives in $c = \cos\theta$, each of the shape of the angles.

    Attributes:
        log: in nats, with respect to the volume.
        slope: $d\log p/dc$.
        curvature: $d^2\log p/dc^2$.
    """

    log: Tensor
    slope: Tensor
    curvature: Tensor


Expansion = Callable[[Tensor, Tensor], Jet]  # of an angle and a time


class Radial(ABC):
    r"""A heat kernel as a function of angle and time, in float64; density with respect to the volume.

    The time is that of $\frac12\Delta$, so a variance in squared radians where it is small; angles are in $[0, \pi]$.

    Attributes:
        dimension: of the manifold.
        spectral_gap: the least eigenvalue above 0 of $-\frac12\Delta$, per unit of time.
        early_until: the time up to which `early` is used instead of the spectral series.

    >>> from unnoise.laws.heat import sphere_angle
    >>> angle, time = torch.tensor([0.0, 1.0]).double(), torch.tensor(50.0).double()
    >>> sphere_angle(2).jet(angle, time).log.exp() * 4 * math.pi  # by then uniform
    tensor([1.0000, 1.0000], dtype=torch.float64)
    """

    dimension: int
    spectral_gap: float
    early_until: float = EARLY

    def jet(self, angle: Tensor, time: Tensor) -> Jet:
        """At angles in [0, pi] and positive times, which broadcast."""
        angle, time = angle + 0 * time, time + 0 * angle
        return _split(time < self.early_until, self.early, lambda a, t: self.series(t).jet(a.cos()), angle, time)

    @abstractmethod
    def early(self, angle: Tensor, time: Tensor) -> Jet:
        """For times up to `early_until`."""

    @abstractmethod
    def series(self, time: Tensor) -> Series:
        """The spectral series, for later times."""

    @abstractmethod
    def log_inverse_jacobian(self, angle: Tensor) -> Tensor:
        """Log volume of tangent vectors per volume of the points that they lead to."""

    @abstractmethod
    def log_bound(self, time: Tensor) -> Tensor:
        """A bound, up to the time 1.5 / gap, on the log of `excess`."""

    @abstractmethod
    def uniform_angle(self, normals: Tensor) -> Tensor:
        """The angle of a uniform point, from (..., dimension + 1) standard normal numbers."""

    def laplacian(self, cosine: Tensor) -> Tensor:
        r"""$\Delta\cos\theta$, where $\cos\theta$ itself decays by the spectral gap."""
        return -2 * self.spectral_gap * cosine

    def excess(self, angle: Tensor, time: Tensor) -> Tensor:
        """The density of tangent vectors over the normal one, up to the time 1.5 / gap."""
        log_normal = -0.5 * self.dimension * torch.log(2 * math.pi * time) - 0.5 * angle**2 / time
        return torch.exp(self.jet(angle, time).log - self.log_inverse_jacobian(angle) - log_normal)

    def draw(self, time: Tensor, rng: torch.Generator) -> Tensor:
        """Angles at the times given, by exact rejection.

        Proposals are the lengths of normal tangent vectors while these stay close, later uniform points. At time 0 all
        angles are 0.
        """
        times, angles = time.reshape(-1), torch.zeros(time.numel(), dtype=time.dtype, device=time.device)
        check_drawn(times)
        close = times < 1.5 / self.spectral_gap
        for chosen, propose in ((close & (times != 0), self._walk), (~close, self._scatter)):
            waiting = chosen.nonzero()[:, 0]
            for _ in range(MOST_ROUNDS):
                if not len(waiting):
                    break
                t = times[waiting]
                proposal, share = propose(t, standard_normal((len(t), self.dimension + 1), t, rng))
                coin = torch.rand(len(t), generator=rng, device=rng.device, dtype=t.dtype).to(t.device)
                accepted = coin < share
                angles[waiting[accepted]] = proposal[accepted]
                waiting = waiting[~accepted]
            if len(waiting):
                raise NonFiniteError(
                    f"{MOST_ROUNDS:,} rounds kept no draw from a heat kernel at time {float(t[0]):.4g}"
                )
        return angles.reshape(time.shape)

    def _walk(self, time: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Lengths of normal tangent vectors, and how probably to keep them."""
        angle = time.sqrt() * torch.linalg.vector_norm(normals[:, :-1], dim=-1)
        share = self.excess(angle.clamp(max=math.pi), time) * torch.exp(-self.log_bound(time))
        return angle, torch.where(angle < math.pi, share, 0.0)

    def _scatter(self, time: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Angles of uniform points, and how probably to keep them."""
        angle, series = self.uniform_angle(normals), self.series(time)
        density, highest = (series.derivatives(cosine, 0)[0] for cosine in (angle.cos(), torch.ones_like(angle)))
        return angle, density / highest


class Images(Radial):
    r"""A kernel whose image sum is exact, with $\kappa$ = `growth`."""

    growth: float

    @abstractmethod
    def near(self, angle: Tensor) -> Even:
        r"""$\log w(\theta)$, with $w(0) = 1$."""

    @abstractmethod
    def far(self, rest: Tensor) -> Even:
        r"""The log of the factor of both ways without time, at $\delta$ = `rest`."""

    @abstractmethod
    def both_ways(self, rest: Tensor, time: Tensor, z: Tensor) -> Even:
        r"""$e^{-z}$ times the hyperbolic factor, as a function of $\delta^2$."""

    def early(self, angle: Tensor, time: Tensor) -> Jet:
        """The short way alone, or both ways where the long way counts."""
        alone = (angle < SMALL) | (math.pi - angle > ALONE * time / math.pi)
        start = self.growth * time - 0.5 * self.dimension * torch.log(2 * math.pi * time)
        log, slope, curvature = _split(alone, self._one_way, self._two_ways, angle, time)
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
    r"""$\cosh(z)$ and $\sinh(z)/z$, times an undifferentiated $e^{-z}$, as functions of $\delta^2$."""
    cosh, zeroth, first, second = hyperbolic(z)
    rate = 0.5 * (math.pi / time) ** 2  # of z^2 / 2 in delta^2
    return Even(cosh, rate * zeroth, rate**2 * first), Even(zeroth, rate * first, rate**2 * second)


def in_cosine(f: Even, ratio: Even, sign: float) -> Jet:
    r"""From derivatives in $u = x^2$ to those in c: $d/dc = \pm 2\,(x/\sin x)\,d/du$, `ratio` = $x/\sin x$."""
    slope = sign * ratio.value * f.first
    curvature = 4 * ratio.value * (ratio.first * f.first + ratio.value * f.second)
    return Jet(f.value, slope, curvature)


def check_drawn(time: Tensor) -> None:
    """Raise NonFiniteError unless all times are finite and none is negative."""
    if not ((time >= 0) & (time < math.inf)).all():
        raise NonFiniteError("the time of a heat kernel is negative or not finite: does its schedule give such B?")


def _split(chosen: Tensor, one: Expansion, other: Expansion, angle: Tensor, time: Tensor) -> Jet:
    if chosen.all():
        return one(angle, time)
    if not chosen.any():
        return other(angle, time)
    parts = tuple(torch.empty_like(angle) for _ in range(3))
    for rows, expansion in ((chosen, one), (~chosen, other)):
        for whole, part in zip(parts, expansion(angle[rows], time[rows]), strict=True):
            whole[rows] = part
    return Jet(*parts)


class Series(NamedTuple):
    r"""$\sum_l w_l P_l(c)$ with $P_0 = 1$, $P_1 = a + b c$, $P_{l+1} = a_l c P_l - b_l P_{l-1}$.

    Attributes:
        weights: $w_l$, (terms, *shape).
        first: (a, b).
        steps: $(a_l, b_l)$ for l = 1, 2, ..., terms - 2.
        log_scale: what the log of a density has beside the sum.

    >>> Series(torch.tensor([1.0, 0.5]), (0.0, 1.0), []).derivatives(torch.tensor(0.2), 1)
    [tensor(1.1000), tensor(0.5000)]
    """

    weights: Tensor
    first: tuple[float, float]
    steps: list[tuple[float, float]]
    log_scale: float = 0.0

    def derivatives(self, cosine: Tensor, order: int) -> list[Tensor]:
        """The sum and its derivatives in c, up to the order given."""
        zero, one = torch.zeros_like(cosine), torch.ones_like(cosine)
        before = [one, zero, zero][: order + 1]
        now = [self.first[0] + self.first[1] * cosine, self.first[1] * one, zero][: order + 1]
        sums = [self.weights[0] * a + self.weights[1] * b for a, b in zip(before, now, strict=True)]
        for weight, (a, b) in zip(self.weights[2:], self.steps, strict=True):
            lower = [zero, *now[:-1]]
            following = [a * (j * lower[j] + cosine * now[j]) - b * before[j] for j in range(order + 1)]
            before, now = now, following
            for total, part in zip(sums, now, strict=True):
                total.addcmul_(weight, part)
        return sums

    def jet(self, cosine: Tensor) -> Jet:
        """That of the logarithm."""
        value, first, second = self.derivatives(cosine, 2)
        slope = first / value
        return Jet(value.log() + self.log_scale, slope, second / value - slope**2)
