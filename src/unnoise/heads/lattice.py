"""What a network says of numbers on evenly spaced levels, such as the bytes of an image.

At small noise the nearest level is hard to learn and easy to compute: the network states what it expects of each number
unseen, and Bayes' rule does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import counts, instance, real, whole
from unnoise._tree import expand
from unnoise.heads.gaussian import SignalNoiseHead
from unnoise.spaces.lattice import Lattice

CLOSE = 0.6  # steps: a wider law has on levels the mean that it has on the line, to 1e-3 steps
MOST_BELLS = 10**4
LOG_WIDTHS = (-6.0, 3.0)  # of a bell, in standard deviations of the data
NEIGHBOURS = 2  # levels to each side that are looked at where it is narrower


@dataclass(frozen=True)
class LatticeHead(SignalNoiseHead):
    r"""The posterior mean of numbers on a lattice, each with a prior that the network states.

    The prior mixes point masses at a few levels, such as the ends where clipped numbers pile up, with `bells` Gaussians
    $N(m_k, s_k^2)$ over the levels. With $y = x_t/\alpha$ and $\tau = \sigma/\alpha$ each part is weighed by
    $w_k N(y; m_k, s_k^2 + \tau^2)$ ($s = 0$ for the masses), and has the mean of $N\big(\frac{m\tau^2 + y s^2}{s^2 +
    \tau^2}, \frac{s^2\tau^2}{s^2 + \tau^2}\big)$ over the levels: the level itself at noise below the step.

    Args:
        atoms: the levels with a point mass, counted from 0; the two ends by default.
        sigma_data: the standard deviation of the data.

    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> head = LatticeHead(variance_preserving(Euclidean((1, 8, 8))), Lattice(-1.0, 0.5, 5))
    >>> x, t = torch.full((1, 1, 8, 8), 0.4), torch.tensor(1e-3)
    >>> float(head.estimate(torch.zeros(1, *head.output_shape), x, t)[0, 0, 0, 0])
    0.5
    """

    lattice: Lattice
    bells: int = 2
    atoms: tuple[int, ...] = (0, -1)
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        instance(Lattice, lattice=self.lattice)
        whole(least=1, most=MOST_BELLS, bells=self.bells)
        count = self.lattice.count
        object.__setattr__(self, "atoms", counts("atoms", self.atoms, least=-count, most=count - 1))
        real(above=0, sigma_data=self.sigma_data)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Per channel a weight for every atom, and weight, mean and width of every bell."""
        channels, *sizes = self.input_shape
        return ((len(self.atoms) + 3 * self.bells) * channels, *sizes)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        return (x_t / torch.hypot(alpha * self.sigma_data, sigma)).reshape(-1, *self.input_shape)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The mean of the posterior, part by part of the prior."""
        alpha, sigma = (part.to(x_t) for part in self.process.alpha_sigma(t))
        y = (x_t / expand(alpha, x_t))[:, None]  # a second axis for the parts of the prior
        noise = expand((sigma / alpha).square(), y)
        output = output.to(x_t.dtype).reshape(len(x_t), len(self.atoms) + 3 * self.bells, *x_t.shape[1:])
        weights, centres, widths = torch.split(output, [len(self.atoms) + self.bells, self.bells, self.bells], 1)
        prior = self.sigma_data**2 * torch.exp(2 * (widths - 1).clamp(*LOG_WIDTHS))  # variances
        whole = prior + noise
        atoms = self.lattice.levels(y)[list(self.atoms)].reshape(1, -1, *(1,) * (y.ndim - 2))
        fits = [_log_bell(y - atoms, noise), _log_bell(y - centres, whole)]
        share = torch.softmax(weights + torch.cat(fits, 1), 1)
        inside = self._on_levels((centres * noise + y * prior) / whole, (prior * noise / whole).sqrt())
        return (share * torch.cat([atoms.expand(len(y), -1, *y.shape[2:]), inside], 1)).sum(1)

    def _on_levels(self, mean: Tensor, scale: Tensor) -> Tensor:
        """The mean over the levels of Gaussians on the line."""
        offset = (mean - self.lattice.first) / self.lattice.step
        width = scale / self.lattice.step
        nearest = offset.detach().round().clamp(0, self.lattice.count - 1)
        steps = torch.arange(-NEIGHBOURS, NEIGHBOURS + 1, device=mean.device, dtype=mean.dtype)
        places = nearest[..., None] + steps
        narrow = width.clamp(max=CLOSE)[..., None]
        log_weight = -0.5 * ((places - offset[..., None]) / narrow).square()
        outside = (places < 0) | (places > self.lattice.count - 1)
        share = torch.softmax(log_weight.masked_fill(outside, -torch.inf), -1)
        snapped = nearest + (share * steps).sum(-1)
        return self.lattice.first + self.lattice.step * torch.where(width < CLOSE, snapped, offset)


def _log_bell(offset: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * (offset.square() / variance + variance.log())
