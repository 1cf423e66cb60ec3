"""Isotropic Gaussians: the kernels and small steps of Euclidean space."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, whole
from unnoise.laws.base import HasEntropy, event_sum, none_below_zero, standard_normal


@dataclass(frozen=True)
class Normal(HasEntropy[Tensor]):
    r"""$N(\mu, s^2 I)$ on arrays; density with respect to Lebesgue measure.

    Args:
        mean: (*batch, *event).
        scale: standard deviation(s), broadcasts against the mean; 0 is for drawing only.
        event_ndim: trailing axes of one event.

    >>> law = Normal(torch.zeros(2, 3), torch.tensor(1.0), event_ndim=1)
    >>> law.log_prob(torch.zeros(2, 3)) / math.log(2 * math.pi)
    tensor([-1.5000, -1.5000])
    """

    mean: Tensor
    scale: Tensor
    event_ndim: int

    def __post_init__(self) -> None:
        instance(Tensor, mean=self.mean, scale=self.scale)
        whole(event_ndim=self.event_ndim)
        none_below_zero("scale", self.scale)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *event)."""
        noise = standard_normal((*shape, *self.mean.shape), self.mean, rng)
        return noise.mul_(self.scale).add_(self.mean)

    def log_prob(self, x: Tensor) -> Tensor:
        r"""$-\frac12\lVert (x - \mu)/s\rVert^2 - \sum\log(s\sqrt{2\pi})$ in nats.

        Of k laws, (1, k, *event), at n points, (n, 1, *event), by one product of matrices.
        """
        if self._is_row() and x.ndim == self.mean.ndim and x.shape[1] == 1:
            return self._at_each(x.flatten(1), self.mean[0].flatten(1))
        z = (x - self.mean) / self.scale
        density = -0.5 * z**2 - torch.log(self.scale) - 0.5 * math.log(2 * math.pi)
        return event_sum(density, self.event_ndim)

    def score(self, x: Tensor) -> Tensor:
        r"""$(\mu - x)/s^2$."""
        return (self.mean - x) / self.scale**2

    def entropy(self) -> Tensor:
        r"""$\sum\log(s\sqrt{2\pi e})$."""
        each = torch.log(self.scale) + 0.5 * math.log(2 * math.pi * math.e)
        return event_sum(each.expand_as(self.mean), self.event_ndim)

    def kl(self, other: Normal) -> Tensor:
        r"""$\frac12\sum[(\mu - \mu')^2/s'^2 + \rho - 1 - \log\rho]$ with $\rho = s^2/s'^2$."""
        log_ratio = 2 * (self.scale / other.scale).log()
        shift = ((self.mean - other.mean) / other.scale).square()
        return event_sum(0.5 * (shift + torch.expm1(log_ratio) - log_ratio), self.event_ndim)

    def _is_row(self) -> bool:
        """Whether these are k laws, (1, k, *event), each of one scale."""
        ndim = self.mean.ndim
        if self.event_ndim == 0 or ndim != self.event_ndim + 2 or self.mean.shape[0] != 1:
            return False
        return self.scale.ndim == 0 or (self.scale.ndim == ndim and self.scale[0, 0].numel() == 1)

    def _at_each(self, x: Tensor, means: Tensor) -> Tensor:
        """Log densities, (n, k), at x, (n, d), for means (k, d)."""
        precision = self.scale.double().reshape(self.scale.shape[:2]) ** -2
        constant = 0.5 * x.shape[1] * torch.log(precision / (2 * math.pi))
        return outer_squares(x, means).mul_(-0.5 * precision).add_(constant).to(x)


def outer_squares(x: Tensor, y: Tensor) -> Tensor:
    r"""$\lVert x_i\rVert^2 - 2 x_i\cdot y_j + \lVert y_j\rVert^2$, (n, k), for points (n, d) and (k, d).

    In float64: in float32 the terms of close points cancel.
    """
    x, y = x.double(), y.double()
    ones = x.new_ones(x.shape[1])  # products with ones are faster than sums over a short axis
    return torch.addmm(y.square() @ ones, x, y.T, alpha=-2).add_((x.square() @ ones)[:, None])
