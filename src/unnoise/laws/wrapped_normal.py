"""Normal laws wound around circles: the heat kernels and the small steps of tori."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws.base import Law, standard_normal

BROAD = 2.0  # variances from which the Fourier series has fewer terms than the image sum
IMAGES = range(-2, 3)  # up to BROAD the next ones are below 1e-25
HARMONICS = range(1, 8)  # from BROAD on the next ones are below 1e-27


@dataclass(frozen=True)
class WrappedNormal(Law[Tensor]):
    r"""$N(\mu, s^2)$ modulo $2\pi$, angle by angle; density with respect to length, $(2\pi)^d$ in all.

    $$\sum_k N(\theta + 2\pi k; \mu, s^2)
    = \frac1{2\pi}\Big(1 + 2\sum_{k\ge1} e^{-k^2 s^2/2}\cos k(\theta - \mu)\Big),$$

    the first sum for small $s$ and the second for large, in float64, to a relative error of 1e-13.

    Args:
        mean: (*batch, *event), in radians; any angles will do.
        scale: standard deviation(s), broadcasts against the mean; 0 makes a point mass, which can be drawn from only.
        event_ndim: how many trailing axes form one event.

    >>> wide = WrappedNormal(torch.zeros(2), torch.tensor(50.0), event_ndim=1)
    >>> round(float(wide.log_prob(torch.ones(2)) / math.log(2 * math.pi)), 6)
    -2.0
    """

    mean: Tensor
    scale: Tensor
    event_ndim: int = 1

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *event), in [-pi, pi)."""
        mean = (self.mean + 0 * self.scale).double()
        noise = standard_normal((*shape, *mean.shape), mean, rng)
        return wrap(mean + self.scale * noise).to(self.mean.dtype)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density in nats."""
        angle, variance = self._standard(x)
        early, late = (variance.clamp(max=BROAD), variance.clamp(min=BROAD))
        images = -0.5 * _images(angle) ** 2 / early[..., None]
        near = torch.logsumexp(images, -1) - 0.5 * torch.log(2 * math.pi * early)
        waves, order = _harmonics(late)
        far = torch.log1p((waves * torch.cos(order * angle[..., None])).sum(-1)) - math.log(2 * math.pi)
        density = torch.where(variance < BROAD, near, far)
        density = density.flatten(density.ndim - self.event_ndim).sum(-1) if self.event_ndim else density
        return density.to(self._dtype(x))

    def score(self, x: Tensor) -> Tensor:
        """The derivative of the log density in every angle."""
        angle, variance = self._standard(x)
        early, late = (variance.clamp(max=BROAD), variance.clamp(min=BROAD))
        images = _images(angle)
        weights = torch.softmax(-0.5 * images**2 / early[..., None], -1)
        near = -(weights * images).sum(-1) / early
        waves, order = _harmonics(late)
        phase = order * angle[..., None]
        far = -(waves * order * phase.sin()).sum(-1) / (1 + (waves * phase.cos()).sum(-1))
        return torch.where(variance < BROAD, near, far).to(self._dtype(x))

    def _standard(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The angle from the mean in [-pi, pi), and the variance, of one shape and in float64."""
        angle = wrap(x.double() - self.mean) + 0 * self.scale
        return angle, (self.scale.double() ** 2).expand_as(angle)

    def _dtype(self, x: Tensor) -> torch.dtype:
        return torch.promote_types(x.dtype, self.mean.dtype)


def wrap(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi)."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


def _images(angle: Tensor) -> Tensor:
    turns = torch.tensor([2 * math.pi * k for k in IMAGES], dtype=angle.dtype, device=angle.device)
    return angle[..., None] + turns


def _harmonics(variance: Tensor) -> tuple[Tensor, Tensor]:
    order = torch.tensor(list(HARMONICS), dtype=variance.dtype, device=variance.device)
    return 2 * torch.exp(-0.5 * order**2 * variance[..., None]), order
