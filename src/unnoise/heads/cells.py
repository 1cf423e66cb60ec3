"""What a network says of dequantised whole numbers, which lie anywhere in the cells of few levels.

At small noise a number's own cell is hard to learn and easy to compute: the network states how likely it holds each
level, unseen, and Bayes' rule does the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, real
from unnoise._tree import expand
from unnoise.heads.gaussian import SignalNoiseHead
from unnoise.spaces.lattice import Lattice

WIDE = 2.0  # steps: under more noise a cell is as good as a Gaussian of its variance, to 1e-4 steps
BEYOND = 4.0  # deviations of the noise, to which a point beyond all cells is drawn near
LEAST = 1e-30  # mass of a cell


@dataclass(frozen=True)
class CellHead(SignalNoiseHead):
    r"""The posterior mean of numbers that are uniform in their cells, of which the network states how likely each is.

    With $y = x_t/\alpha$, $\tau = \sigma/\alpha$ and the edges a and b of a cell, half a step to each side of its
    level, it has the mean of $N(y, \tau^2)$ between them and the weight

    $$w \Big(\Phi\big(\frac{b - y}\tau\big) - \Phi\big(\frac{a - y}\tau\big)\Big),$$

    with $w = \mathrm{softmax}(F)$ over the levels.

    Args:
        lattice: the levels, at the centres of the cells.
        sigma_data: the standard deviation of the data.

    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> head = CellHead(variance_preserving(Euclidean((1, 8, 8))), Lattice(-1.0, 0.5, 5))
    >>> x, t = torch.full((1, 1, 8, 8), 0.4), torch.tensor(1e-3)
    >>> round(float(head.estimate(torch.zeros(1, *head.output_shape), x, t)[0, 0, 0, 0]), 2)
    0.4
    """

    lattice: Lattice
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        instance(Lattice, lattice=self.lattice)
        real(above=0, sigma_data=self.sigma_data)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Per channel a weight for every level."""
        channels, *sizes = self.input_shape
        return (self.lattice.count * channels, *sizes)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        return (x_t / torch.hypot(alpha * self.sigma_data, sigma)).reshape(-1, *self.input_shape)

    def faded(self, x_t: Tensor, t: Tensor) -> Tensor:
        """As of `GaussianHead`."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        scale = alpha * self.sigma_data / ((alpha * self.sigma_data) ** 2 + sigma**2)
        return (scale * x_t).reshape(-1, *self.input_shape)

    def margins(self, x_0: Tensor, weights: Tensor) -> Tensor:
        """Logarithms of how often each number has each level, all seen once more in all."""
        index, count = self.lattice.index(x_0), self.lattice.count
        seen = [((index == level) * weights).sum(0) for level in range(count)]
        shares = torch.stack(seen) + 1 / count
        return (shares / shares.sum(0)).log().reshape(self.output_shape)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The mean of the posterior, cell by cell."""
        alpha, sigma = (part.to(x_t) for part in self.process.alpha_sigma(t))
        y = (x_t / expand(alpha, x_t))[:, None]  # a second axis for the cells
        noise = expand(sigma / alpha, y)
        half, beyond = self.lattice.step / 2, BEYOND * noise
        y = y.maximum(self.lattice.first - half - beyond).minimum(self.lattice.last + half + beyond)
        levels = self.lattice.levels(y).reshape(-1, *(1,) * (y.ndim - 2))
        weights = output.to(x_t.dtype).reshape(x_t.shape[0], self.lattice.count, *x_t.shape[1:])
        (log_near, near), (log_far, far) = _cut(y, noise, levels, half), _smooth(y, noise, levels, half)
        wide = noise > WIDE * self.lattice.step
        share = torch.softmax(weights + torch.where(wide, log_far, log_near), 1)
        return (share * torch.where(wide, far, near)).sum(1)


def _cut(y: Tensor, noise: Tensor, centres: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """The log mass of N(y, noise^2) in each cell, and its mean there."""
    low, high = (centres - half - y) / noise, (centres + half - y) / noise
    above = centres > y  # where masses are taken in the lower tail, whose digits are not lost
    inner, outer = torch.where(above, -low, high), torch.where(above, -high, low)
    mass = (torch.special.ndtr(inner) - torch.special.ndtr(outer)).clamp(min=LEAST)
    slope = (torch.exp(-0.5 * low.square()) - torch.exp(-0.5 * high.square())) / math.sqrt(2 * math.pi)
    mean = (y + noise * slope / mass).maximum(centres - half).minimum(centres + half)
    return mass.log(), mean


def _smooth(y: Tensor, noise: Tensor, centres: Tensor, half: float) -> tuple[Tensor, Tensor]:
    """The same up to a constant where cells are as good as Gaussians of their variance."""
    spread = half**2 / 3
    total, off = noise.square() + spread, y - centres
    return -0.5 * off.square() / total, centres + off * spread / total
