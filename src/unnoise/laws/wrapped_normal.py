"""Normal laws wound around circles: heat kernels and small steps of tori."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, whole
from unnoise.laws.base import Law, event_sum, none_below_zero, standard_normal

BROAD = 2.0  # variance from which the Fourier series is shorter
IMAGES = range(-2, 3)  # up to BROAD the next ones are below 1e-25
HARMONICS = range(1, 8)  # from BROAD on the next ones are below 1e-27


@dataclass(frozen=True)
class WrappedNormal(Law[Tensor]):
    r"""$N(\mu, s^2)$ modulo $2\pi$, angle by angle; density with respect to length, $(2\pi)^d$ in all.

    $$\sum_k N(\theta + 2\pi k; \mu, s^2)
    = \frac1{2\pi}\Big(1 + 2\sum_{k\ge1} e^{-k^2 s^2/2}\cos k(\theta - \mu)\Big),$$

    the first sum for small $s$, the second for large, in float64, to a relative error of 1e-13.

    Args:
        mean: (*batch, *event), any angles in radians.
        scale: standard deviation(s), broadcasts against the mean; 0 is for drawing only.
        event_ndim: trailing axes of one event.

    >>> wide = WrappedNormal(torch.zeros(2), torch.tensor(50.0), event_ndim=1)
    >>> round(float(wide.log_prob(torch.ones(2)) / math.log(2 * math.pi)), 6)
    -2.0
    """

    mean: Tensor
    scale: Tensor
    event_ndim: int = 1

    def __post_init__(self) -> None:
        instance(Tensor, mean=self.mean, scale=self.scale)
        whole(event_ndim=self.event_ndim)
        none_below_zero("scale", self.scale)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *event), in [-pi, pi)."""
        mean = (self.mean + 0 * self.scale).double()
        noise = standard_normal((*shape, *mean.shape), mean, rng)
        return wrap(mean + self.scale * noise).to(self.mean.dtype)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        images, early, phase, waves, _, variance = self._expansions(x)
        image_sum = torch.logsumexp(-0.5 * images**2 / early, -1) - 0.5 * torch.log(2 * math.pi * early[..., 0])
        fourier = torch.log1p((waves * phase.cos()).sum(-1)) - math.log(2 * math.pi)
        return event_sum(torch.where(variance < BROAD, image_sum, fourier), self.event_ndim).to(self._dtype(x))

    def score(self, x: Tensor) -> Tensor:
        """The derivative of the log density in every angle."""
        images, early, phase, waves, order, variance = self._expansions(x)
        image_sum = -(torch.softmax(-0.5 * images**2 / early, -1) * images).sum(-1) / early[..., 0]
        fourier = -(waves * order * phase.sin()).sum(-1) / (1 + (waves * phase.cos()).sum(-1))
        return torch.where(variance < BROAD, image_sum, fourier).to(self._dtype(x))

    def _expansions(self, x: Tensor) -> tuple[Tensor, ...]:
        """Images, their variance; phases, amplitudes, orders of the Fourier series; the variance."""
        angle = wrap(x.double() - self.mean) + 0 * self.scale
        variance, angle = (self.scale.double() ** 2).expand_as(angle), angle[..., None]
        turns, order = (
            torch.tensor(list(numbers), dtype=angle.dtype, device=angle.device) for numbers in (IMAGES, HARMONICS)
        )
        early, late = variance.clamp(max=BROAD)[..., None], variance.clamp(min=BROAD)[..., None]
        waves = 2 * torch.exp(-0.5 * order**2 * late)
        return angle + 2 * math.pi * turns, early, order * angle, waves, order, variance

    def _dtype(self, x: Tensor) -> torch.dtype:
        return torch.promote_types(x.dtype, self.mean.dtype)


def wrap(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi)."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi
