r"""Numbers that lie on evenly spaced levels, such as the bytes of an image: what they are, and a head that knows it.

A network that denoises such data has to say at every small noise level where the nearest level is, to the last digit:
a hard thing to learn and an easy one to compute. `OnLattice` computes it. The network says what it expects of each
number before its own noisy value is looked at, and Bayes' rule, number by number, does the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.heads.base import Head

CLOSE = 0.6  # steps: where a law is wider, the mean over levels is that over the line, to a thousandth of a step
LOG_WIDTHS = (-6.0, 3.0)  # of a bell, in standard deviations of the data
NEIGHBOURS = 2  # levels to each side that are looked at where it is narrower


@dataclass(frozen=True)
class Lattice:
    """The levels `first`, `first + step`, ..., `count` of them, of every number of a state.

    Args:
        first: the lowest level, in units of the state.
        step: from one level to the next.
        count: how many there are.

    Raises:
        InputError: a step that is not positive, or fewer than 2 levels.

    >>> Lattice.of_bytes(mean=0.5, scale=0.5).levels()[[0, 255]]
    tensor([-1.,  1.])
    """

    first: float
    step: float
    count: int

    def __post_init__(self) -> None:
        if not (math.isfinite(self.first) and math.isfinite(self.step) and self.step > 0) or self.count < 2:
            raise InputError(
                f"got {self.count} levels from {self.first} in steps of {self.step}; expected at least 2 levels and a "
                "positive step"
            )

    @classmethod
    def of_bytes(cls, mean: float, scale: float) -> Lattice:
        """The levels of bytes b as states (b / 255 - mean) / scale."""
        return cls(-mean / scale, 1 / (255 * scale), 256)

    @property
    def last(self) -> float:
        """The highest level."""
        return self.first + (self.count - 1) * self.step

    def levels(self, like: Tensor | None = None) -> Tensor:
        """All of them, (count,)."""
        dtype, device = (None, None) if like is None else (like.dtype, like.device)
        return self.first + self.step * torch.arange(
            self.count, dtype=dtype or torch.get_default_dtype(), device=device
        )

    def index(self, x: Tensor) -> Tensor:
        """The place of the nearest level, int64."""
        return ((x - self.first) / self.step).round().long().clamp(0, self.count - 1)

    def value(self, index: Tensor, like: Tensor) -> Tensor:
        """The level at each place, in the precision of `like`."""
        return self.first + self.step * index.to(like)


@dataclass(frozen=True)
class OnLattice(Head[Tensor]):
    r"""The posterior mean of numbers on a lattice, each with a prior of its own that the network states.

    The prior of a number is a mixture of point masses at a few levels, such as the lowest and the highest, where
    clipped numbers pile up, and of `bells` Gaussians $N(m_k, s_k^2)$ over the levels. With $y = x_t/\alpha$ and
    $\tau = \sigma/\alpha$ each part is weighed by $w_k N(y; m_k, s_k^2 + \tau^2)$ ($s = 0$ for the point masses), and
    has the mean of $N\big(\frac{m\tau^2 + y s^2}{s^2 + \tau^2}, \frac{s^2\tau^2}{s^2 + \tau^2}\big)$ over the levels.

    At noise below the step the estimate is the level itself, whatever the network says. With one part and a wide
    lattice it is the estimate of any other head.

    Args:
        lattice: the levels.
        bells: how many Gaussians.
        atoms: the places, from 0, of the levels with a point mass; the two ends by default.
        sigma_data: the standard deviation of the data, for the scale of the inputs.

    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> head, process = OnLattice(Lattice(-1.0, 0.5, 5)), variance_preserving(Euclidean((1, 8, 8)))
    >>> x = torch.full((1, 1, 8, 8), 0.4)
    >>> t = torch.tensor(1e-3)
    >>> float(head.estimate(process, torch.zeros(1, *head.output_shape(process)), x, t)[0, 0, 0, 0])
    0.5
    """

    lattice: Lattice
    bells: int = 2
    atoms: tuple[int, ...] = (0, -1)
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        count = self.lattice.count
        if self.bells < 1 or not self.atoms or not all(-count <= place < count for place in self.atoms):
            raise InputError(
                f"got {self.bells} bells and atoms at {self.atoms}; expected at least one of each, at places among "
                f"{count} levels"
            )

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """That of the points, with an axis of channels."""
        shape: tuple[int, ...] = process.space.event_shape
        return (1, *shape) if len(shape) == 2 else shape

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """A weight for every atom, and a weight, a mean and a width for every bell, of every channel."""
        channels, *sizes = self.input_shape(process)
        return ((len(self.atoms) + 3 * self.bells) * channels, *sizes)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance."""
        alpha, sigma = (expand(part.to(x_t), x_t) for part in process.alpha_sigma(t))
        scale = torch.hypot(alpha * self.sigma_data, sigma)
        return (x_t / scale).reshape(-1, *self.input_shape(process))

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """See the class."""
        alpha, sigma = (part.to(x_t) for part in process.alpha_sigma(t))
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
        """The mean over the levels of Gaussians on the line, where these are narrow enough to tell."""
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
    """The log density of N(0, variance), up to a constant."""
    return -0.5 * (offset.square() / variance + variance.log())
