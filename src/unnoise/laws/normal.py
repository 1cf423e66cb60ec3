"""Round Gaussians: the kernels and small steps of Euclidean space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws.base import HasEntropy, event_sum, standard_normal


@dataclass(frozen=True)
class Normal(HasEntropy[Tensor]):
    r"""$N(\mu, s^2 I)$ on arrays; density with respect to Lebesgue measure.

    Args:
        mean: (*batch, *event).
        scale: standard deviation(s), broadcasts against the mean; 0 makes a point mass, which can be drawn from only.
        event_ndim: how many trailing axes form one event.

    >>> law = Normal(torch.zeros(2, 3), torch.tensor(1.0), event_ndim=1)
    >>> law.log_prob(torch.zeros(2, 3)) / math.log(2 * math.pi)
    tensor([-1.5000, -1.5000])
    """

    mean: Tensor
    scale: Tensor
    event_ndim: int

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *event)."""
        noise = standard_normal((*shape, *self.mean.shape), self.mean, rng)
        return noise.mul_(self.scale).add_(self.mean)

    def log_prob(self, x: Tensor) -> Tensor:
        r"""$-\frac12\lVert (x - \mu)/s\rVert^2 - \sum\log(s\sqrt{2\pi})$ in nats."""
        z = (x - self.mean) / self.scale
        density = -0.5 * z**2 - torch.log(self.scale) - 0.5 * math.log(2 * math.pi)
        return event_sum(density, self.event_ndim)

    def entropy(self) -> Tensor:
        r"""$\sum\log(s\sqrt{2\pi e})$."""
        each = torch.log(self.scale) + 0.5 * math.log(2 * math.pi * math.e)
        return event_sum(each.expand_as(self.mean), self.event_ndim)

    def kl(self, other: Normal) -> Tensor:
        r"""$\frac12\sum[(\mu - \mu')^2/s'^2 + \rho - 1 - \log\rho]$ with $\rho = s^2/s'^2$."""
        log_ratio = 2 * (self.scale / other.scale).log()
        shift = ((self.mean - other.mean) / other.scale).square()
        return event_sum(0.5 * (shift + torch.expm1(log_ratio) - log_ratio), self.event_ndim)
