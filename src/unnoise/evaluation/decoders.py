r"""The probability of whole numbers given their least noisy state, $p(x_0 | x_{t=0})$: the end of a bound on bits.

`SoftmaxDecoder` is that of Kingma et al. 2021 (arXiv 2107.00630, eq. 8), `BinDecoder` that of Ho et al. 2020 (arXiv
2006.11239, eq. 13). Given the state the numbers are independent, with probabilities that sum to one over all levels.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import flag, instance
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser
from unnoise.evaluation._asked import priced
from unnoise.processes import Gaussian, require
from unnoise.spaces import Lattice

REACH = 16.0  # standard deviations; beyond it a level is less likely by exp(-50)


@dataclass(frozen=True)
class Decoder(ABC):
    """A law of levels given the state z at t = 0 of a Gaussian process: $p(x_0 | z)$, of sum one over the levels.

    With it a bound on whole numbers is one on probabilities, in nats. One of your own states `name`,
    `log_probabilities` and `log_prob`.

    Args:
        lattice: the levels, evenly spaced.
    """

    lattice: Lattice

    def __post_init__(self) -> None:
        instance(Lattice, lattice=self.lattice)

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is, for reports."""

    @abstractmethod
    def log_probabilities(self, denoiser: Denoiser, z: Tensor, cond: Any = None) -> Tensor:
        """The log-probability of every level, (*z.shape, count), in nats."""

    @abstractmethod
    def log_prob(self, denoiser: Denoiser, x_0: Tensor, z: Tensor, cond: Any = None) -> Tensor:
        """The log-probability of the levels x_0 at the states z, (n,), in nats."""

    def cost(self, denoiser: Denoiser, x_0: Tensor, cond: Any, rng: torch.Generator) -> Tensor:
        """A draw of $-log p(x_0 | X_{t=0})$, (n,), in nats.

        Raises:
            InputError: data between the levels, or noise that is not Gaussian.
        """
        process = gaussian(denoiser, type(self).__name__)
        self.check(x_0)
        z = process.marginal(x_0, torch.zeros((), dtype=x_0.dtype, device=x_0.device)).sample(rng)
        return -self.log_prob(denoiser, x_0, z, cond)

    def check(self, x_0: Tensor) -> None:
        """Refuse data off the levels by more than a hundredth of a step."""
        off = (x_0 - self.lattice.value(self.lattice.index(x_0), x_0)).abs()
        if float(off.max()) > 0.01 * self.lattice.step:
            raise InputError(
                f"got data {float(off.max()) / self.lattice.step:.3g} steps off the levels of the decoder; give it "
                "states of whole numbers, without dequantisation noise"
            )


@dataclass(frozen=True)
class SoftmaxDecoder(Decoder):
    r"""$p(x_0 = v | z) \propto N(z; \alpha_0 v, \sigma_0^2)$ over the levels v: Bayes' rule with a flat prior.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> decoder = SoftmaxDecoder(Lattice(0.0, 1.0, 3))
    >>> coin = Exact(edm(Euclidean(1), sigma_min=1.0), torch.tensor([[0.0], [2.0]]))
    >>> decoder.log_probabilities(coin, torch.tensor([[1.0]])).exp()
    tensor([[[0.2741, 0.4519, 0.2741]]])
    """

    @property
    def name(self) -> str:
        """With the number of levels."""
        return f"softmax decoder over {self.lattice.count} levels"

    def log_probabilities(self, denoiser: Denoiser, z: Tensor, cond: Any = None) -> Tensor:
        """Bayes' rule."""
        alpha, sigma = _ends(denoiser, z, type(self).__name__)
        distance = (z[..., None] - alpha * self.lattice.levels(z)) / sigma
        return torch.log_softmax(-0.5 * distance.square(), -1)

    def log_prob(self, denoiser: Denoiser, x_0: Tensor, z: Tensor, cond: Any = None) -> Tensor:
        r"""The sum over near levels: $-\log\sum_j e^{j r\epsilon - j^2 r^2/2}$ per number.

        With $\epsilon = (z - \alpha x_0)/\sigma$ and $r = \alpha\,\text{step}/\sigma$.
        """
        alpha, sigma = _ends(denoiser, z, type(self).__name__)
        noise, apart = (z - alpha * x_0) / sigma, alpha * self.lattice.step / sigma
        index, total = self.lattice.index(x_0), torch.zeros_like(z)
        for j in range(1, min(self.lattice.count - 1, math.ceil(REACH / apart)) + 1):
            for place in (j, -j):
                inside = (index + place >= 0) & (index + place < self.lattice.count)
                exponent = place * apart * noise - 0.5 * (place * apart) ** 2
                total = torch.logaddexp(total, exponent.masked_fill(~inside, -torch.inf))
        return priced(denoiser.asked(cond), -total)


@dataclass(frozen=True)
class BinDecoder(Decoder):
    r"""$\int N(x; \hat x_0(z), \sigma_0^2/\alpha_0^2)\,dx$ over the bin of each level, half a step to each side.

    The outermost bins are unbounded. The mean is the denoiser's at t = 0, or the rescaled state.

    Args:
        denoised: take the denoiser's mean; else $z/\alpha_0$.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> decoder = BinDecoder(Lattice(0.0, 1.0, 3), denoised=False)
    >>> coin = Exact(edm(Euclidean(1), sigma_min=1.0), torch.tensor([[0.0], [2.0]]))
    >>> decoder.log_probabilities(coin, torch.tensor([[1.0]])).exp()
    tensor([[[0.3085, 0.3829, 0.3085]]])
    """

    denoised: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(denoised=self.denoised)

    @property
    def name(self) -> str:
        """With the number of bins."""
        return f"Gaussian decoder integrated over {self.lattice.count} bins"

    def log_probabilities(self, denoiser: Denoiser, z: Tensor, cond: Any = None) -> Tensor:
        """The mass of every bin."""
        mean, scale = self._gaussian(denoiser, z, cond)
        index = torch.arange(self.lattice.count, device=z.device)
        return self._log_mass(index, mean[..., None], scale).to(z)

    def log_prob(self, denoiser: Denoiser, x_0: Tensor, z: Tensor, cond: Any = None) -> Tensor:
        """The mass of one bin per number."""
        mean, scale = self._gaussian(denoiser, z, cond)
        return priced(denoiser.asked(cond), self._log_mass(self.lattice.index(x_0), mean, scale)).to(z)

    def _gaussian(self, denoiser: Denoiser, z: Tensor, cond: Any) -> tuple[Tensor, float]:
        alpha, sigma = _ends(denoiser, z, type(self).__name__)
        mean = denoiser(z, torch.zeros((), dtype=z.dtype, device=z.device), cond) if self.denoised else z / alpha
        return mean.double(), sigma / alpha

    def _log_mass(self, index: Tensor, mean: Tensor, scale: float) -> Tensor:
        """The log of a difference of normal distribution functions, taken in the tail where both are small."""
        centre, half = self.lattice.value(index, mean), 0.5 * self.lattice.step
        low = ((centre - half - mean) / scale).masked_fill(index == 0, -torch.inf)
        high = ((centre + half - mean) / scale).masked_fill(index == self.lattice.count - 1, torch.inf)
        right = low + high > 0
        low, high = torch.where(right, -high, low), torch.where(right, -low, high)
        upper, lower = torch.special.log_ndtr(high), torch.special.log_ndtr(low)
        mass: Tensor = upper + torch.log(-torch.expm1(lower - upper))
        return mass


def gaussian(denoiser: Denoiser, asker: str) -> Gaussian:
    """The process of a denoiser; an InputError unless it is Gaussian."""
    return require(denoiser.process, Gaussian, asker, "evaluation.Bound alone, which bounds probabilities there")


def _ends(denoiser: Denoiser, z: Tensor, asker: str) -> tuple[float, float]:
    alpha, sigma = gaussian(denoiser, asker).alpha_sigma(torch.zeros((), dtype=torch.float64))
    return float(alpha), float(sigma)
