r"""Manifolds where one angle says how two points lie to each other: spheres and rotations.

The heat kernel is a function of that angle $\theta \in [0, \pi]$, the distance; geodesics come back after $2\pi$.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, times
from unnoise.laws import Law
from unnoise.laws.heat import Jet, Radial
from unnoise.spaces.base import Compact, Diffusion


class TwoPointHomogeneous(Compact):
    """A compact manifold whose heat kernel depends on the angle alone.

    A new one states its geometry, its radial kernel, and the cosine of the angle.
    """

    longest_move = 1.0  # the density of `GeodesicNormal` counts two ways round

    @property
    @abstractmethod
    def radial(self) -> Radial:
        """The heat kernel as a function of angle and time."""

    @abstractmethod
    def cosine(self, x: Tensor, y: Tensor) -> Tensor:
        r"""$\cos\theta$, linear in the ambient coordinates of x, of gradient `tangent(x, y)`."""

    @abstractmethod
    def turned(self, x: Tensor, angle: Tensor, rng: torch.Generator) -> Tensor:
        """Points at these angles, (*batch,), from x in uniform directions."""

    @property
    def spectral_gap(self) -> float:
        r"""Of the heat kernel: the eigenvalue of $\cos\theta$."""
        return self.radial.spectral_gap

    def heat(self, x_0: Tensor, time: Tensor) -> HeatKernel:
        """Brownian motion from x_0."""
        return HeatKernel(self, x_0, time)

    def move(self, x: Tensor, local: Diffusion, dt: Tensor) -> GeodesicNormal:
        """A step of the geodesic random walk."""
        return GeodesicNormal(self, x, local.drift * dt, local.scale * dt**0.5)


@dataclass(frozen=True)
class HeatKernel(Law[Tensor]):
    r"""Brownian motion (generator $\frac12\Delta$) from a point, at a time; density with respect to the volume.

    Computed in float64, given in the precision of the points. Log density and score carry derivatives in the points, up
    to the second of the log density; the log density also carries the first one in the time, by the heat equation.

    Args:
        centre: where from, (*batch, *event).
        time: () or (*batch,), positive, or 0 for drawing only: the point itself.

    >>> from unnoise.spaces import Sphere
    >>> kernel = Sphere(2).heat(torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor(50.0))
    >>> kernel.log_prob(torch.tensor([[1.0, 0.0, 0.0]])).exp() * 4 * math.pi
    tensor([1.])
    """

    space: TwoPointHomogeneous
    centre: Tensor
    time: Tensor

    def __post_init__(self) -> None:
        instance(TwoPointHomogeneous, space=self.space)
        instance(Tensor, centre=self.centre)
        times(self.time, name="time")

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *event): an exact angle in a uniform direction."""
        space, ndim = self.space, len(self.space.event_shape)
        centre, time = self.centre.detach().double(), self.time.detach().double()
        batch = torch.broadcast_shapes(centre.shape[: centre.ndim - ndim], time.shape)  # type: ignore[no-untyped-call]
        angle = space.radial.draw(time.expand(*shape, *batch), rng)
        centre = centre.expand(*shape, *batch, *space.event_shape)
        still = (angle == 0).reshape(*angle.shape, *[1] * ndim)
        return torch.where(still, centre, space.turned(centre, angle, rng)).to(self.centre.dtype)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        jet, change = self._jet(x)
        log = jet.log + change * (jet.slope + 0.5 * change * jet.curvature)
        if self.time.requires_grad:
            log = log + (self.time - self.time.detach()) * self._rate(x, jet)
        return log.to(self._dtype(x))

    def score(self, x: Tensor) -> Tensor:
        """A tangent vector at x."""
        jet, change = self._jet(x)
        slope = jet.slope + change * jet.curvature
        direction = self.space.tangent(x.double(), self.centre.double())
        return (slope.reshape(*slope.shape, *[1] * len(self.space.event_shape)) * direction).to(self._dtype(x))

    @torch.no_grad()
    def _rate(self, x: Tensor, jet: Jet) -> Tensor:
        r"""$\partial_t\log p = \frac12(\Delta\log p + |\nabla\log p|^2)$, by derivatives in $c = \cos\theta$."""
        cosine = self.space.cosine(x.double(), self.centre.double())
        second = (jet.curvature + jet.slope**2) * (1 - cosine**2)
        return 0.5 * (second + jet.slope * self.space.radial.laplacian(cosine))

    def _jet(self, x: Tensor) -> tuple[Jet, Tensor]:
        r"""The kernel at x, and a zero whose derivatives are those of $\cos\theta$."""
        cosine = self.space.cosine(x.double(), self.centre.double())
        with torch.no_grad():
            angle = self.space.distance(self._exactly(x), self._exactly(self.centre))
            jet = self.space.radial.jet(angle, self.time.double())
        return jet, cosine - cosine.detach()

    def _exactly(self, x: Tensor) -> Tensor:
        """In float64; single precision misses the manifold by what matters near the cut locus."""
        return x if x.dtype == torch.float64 else self.space.project(x.double())

    def _dtype(self, x: Tensor) -> torch.dtype:
        return torch.promote_types(x.dtype, self.centre.dtype)


@dataclass(frozen=True)
class GeodesicNormal(Law[Tensor]):
    r"""$\exp_x(m + s z)$ with z a standard normal tangent vector; density with respect to the volume.

    The density counts the short way and the long way round: exact to about $e^{-\pi^2/s^2}$.

    Args:
        start: x, (*batch, *event).
        mean: m, tangent vectors at x.
        scale: s, broadcasts against the mean; 0 is for drawing only.
    """

    space: TwoPointHomogeneous
    start: Tensor
    mean: Tensor
    scale: Tensor

    def __post_init__(self) -> None:
        instance(TwoPointHomogeneous, space=self.space)
        instance(Tensor, start=self.start, mean=self.mean, scale=self.scale)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *event)."""
        start = self.start.expand(*shape, *self.mean.shape)
        step = self.mean + self.scale * self.space.noise(start, rng)
        return self.space.project(self.space.exp(start, step))

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        ndim, dimension = len(self.space.event_shape), self.space.dimension
        step = self.space.log(self.start, x)
        angle = self.space.dot(step, step).sqrt()
        scale = self.scale.expand_as(self.mean).flatten(self.mean.ndim - ndim)[..., 0]
        ways = []
        for turned in (angle, angle - 2 * math.pi):
            stretch = (turned / angle.clamp(min=1e-30)).reshape(*angle.shape, *[1] * ndim)
            rest = step * torch.where(angle.reshape(stretch.shape) > 0, stretch, 1.0) - self.mean
            jacobian = self.space.radial.log_inverse_jacobian(turned.abs()).clamp(max=60.0 * max(1, dimension - 1))
            ways.append(-0.5 * self.space.dot(rest, rest) / scale**2 + jacobian)
        normal = -dimension * (torch.log(scale) + 0.5 * math.log(2 * math.pi))
        return torch.logaddexp(*ways) + normal
