"""At which times a denoiser is asked: the variance of an objective depends on it, not its value."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, instance, real, whole
from unnoise._errors import InputError
from unnoise.processes import Gaussian, HasKernel


def low_discrepancy(n: int, rng: torch.Generator) -> Tensor:
    r"""Uniform numbers $(u + i/n) \bmod 1$: one random offset, evenly spread.

    Each is uniform, so no mean changes, but the variance of a batch falls (Kingma et al. 2021, arXiv 2107.00630,
    appendix I).
    """
    instance(torch.Generator, rng=rng)
    offset = torch.rand((), generator=rng, device=rng.device)
    return (offset + torch.arange(n, device=rng.device) / n) % 1


def stratum(u: Tensor, count: int) -> Tensor:
    """Which of `count` equal parts of [0, 1] numbers lie in, from 0 on; 1 itself is in the last.

    >>> stratum(torch.tensor([0.0, 0.3, 1.0]), 4)
    tensor([0, 1, 3])
    """
    return (u * count).long().clamp(max=count - 1)


class Times(ABC):
    """A law on [0, 1], as the image of uniform numbers: times $t(u)$ and their density $p(t)$ in dt.

    An objective divides by the density, so the law changes the variance of a loss and not its mean. A law of your own
    states `__call__`:

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Early(Times):  # p(t) = 2 (1 - t)
    ...     def __call__(self, process, u):
    ...         return 1 - (1 - u).sqrt(), 2 * (1 - u).sqrt()
    >>> times_at(Early(), None, torch.tensor([0.0, 0.75]))
    (tensor([0.0000, 0.5000]), tensor([2., 1.]))
    """

    @abstractmethod
    def __call__(self, process: HasKernel[Any], u: Tensor) -> tuple[Tensor, Tensor]:
        """Times of uniform numbers, and their density in dt."""


def times_at(times: Times, process: HasKernel[Any], u: Tensor) -> tuple[Tensor, Tensor]:
    """The times of uniform numbers, (n,), and their density in dt, (n,).

    Raises:
        InputError: the law gave other shapes.

    >>> times_at(UniformTimes(), None, torch.tensor([0.1, 0.9]))
    (tensor([0.1000, 0.9000]), tensor([1., 1.]))
    """
    t, density = times(process, u)
    if t.shape != u.shape or density.shape != u.shape:
        shapes = f"times of shape {tuple(t.shape)} and densities of shape {tuple(density.shape)}"
        got = f"{type(times).__name__} gave {shapes} for uniform numbers of shape {tuple(u.shape)}"
        raise InputError(f"{got}; return one of each per number")
    return t, density


@dataclass(frozen=True)
class UniformTimes(Times):
    """Uniform in t: $t = u$, of density 1."""

    def __call__(self, process: HasKernel[Any], u: Tensor) -> tuple[Tensor, Tensor]:
        """The numbers themselves, with density 1."""
        return u, torch.ones_like(u)


@dataclass(frozen=True)
class ImportanceTimes(Times):
    r"""The process's own choice, `process.importance_times`; the default of `Denoising`.

    For a Gaussian process uniform in $\lambda = \log\mathrm{SNR}$, of density $-\lambda'(t)/(\lambda(0) - \lambda(1))$:
    an error of the noise then weighs the same at all times.

    >>> from unnoise import processes, spaces
    >>> process = processes.edm(spaces.Euclidean(1))
    >>> t, _ = ImportanceTimes()(process, torch.tensor([0.0, 0.5, 1.0]))
    >>> process.log_snr(t).diff()  # equal steps
    tensor([-10.5966, -10.5966])
    """

    def __call__(self, process: HasKernel[Any], u: Tensor) -> tuple[Tensor, Tensor]:
        """The process's times, and their density."""
        return process.importance_times(u)


@dataclass(frozen=True)
class _EvenLaw(Times):
    steps: int
    least: ClassVar[int] = 1

    def __post_init__(self) -> None:
        whole(least=self.least, most=MOST_STEPS, steps=self.steps)


class StepTimes(_EvenLaw):
    r"""One of the times $1/T, 2/T, \dots, 1$ for `steps` T, all alike.

    >>> StepTimes(4)(None, torch.tensor([0.3]))
    (tensor([0.5000]), tensor([1.]))
    """

    def __call__(self, process: HasKernel[Any], u: Tensor) -> tuple[Tensor, Tensor]:
        """The end of the step that u falls into, with density 1 in the even law."""
        return (stratum(u, self.steps) + 1).to(u) / self.steps, torch.ones_like(u)


class WholeSteps(_EvenLaw):
    r"""One of the T times of a `processes.Chain`, $0, 1/(T - 1), \dots, 1$, all alike: density 1 in their even law.

    Args:
        steps: T, at least 2, else InputError.

    >>> WholeSteps(5)(None, torch.tensor([0.0, 0.5, 1.0]))[0]
    tensor([0.0000, 0.5000, 1.0000])
    """

    least = 2

    def __call__(self, process: HasKernel[Any], u: Tensor) -> tuple[Tensor, Tensor]:
        """With density 1 in the even law."""
        return stratum(u, self.steps).to(u) / (self.steps - 1), torch.ones_like(u)


@dataclass(frozen=True)
class LogNormalTimes(Times):
    r"""$\log(\sigma/\alpha) \sim N(\text{mean}, \text{deviation}^2)$, truncated to the process's range.

    By default Karras et al. 2022 (arXiv 2206.00364, table 1), shifted by log 2 to data of unit variance.

    Args:
        mean: of the log noise level.
        deviation: of the log noise level, above 0, else InputError.

    >>> from unnoise import processes, spaces
    >>> process = processes.edm(spaces.Euclidean(1))
    >>> t, _ = LogNormalTimes()(process, torch.tensor([0.5]))
    >>> -0.5 * process.log_snr(t)  # the median, log 2 - 1.2
    tensor([-0.5069])
    """

    mean: float = -1.2 + math.log(2)
    deviation: float = 1.2

    def __post_init__(self) -> None:
        real(mean=self.mean)
        real(above=0, deviation=self.deviation)

    def __call__(self, process: Gaussian, u: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        r"""Density $N(\log\tilde\sigma)\,|d\log\tilde\sigma/dt|$ over the mass inside the range."""
        levels = -0.5 * process.log_snr(u.new_tensor([0.0, 1.0], dtype=torch.float64))
        ends = (levels - self.mean) / self.deviation
        low, high = torch.special.ndtr(ends)
        z = torch.special.ndtri(low + (high - low) * u.double()).clamp(*ends)  # far tails round to infinity
        t = process.time_at(-2 * (self.mean + self.deviation * z))
        density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) / self.deviation / (high - low)
        return t.to(u), (density * -0.5 * process.log_snr_rate(t)).to(u)


@dataclass(frozen=True)
class OneLevel(Times):
    r"""The one time at which $\sigma_t/\alpha_t$ is `sigma`: a denoising autoencoder (Vincent 2011).

    For walk-jump sampling. The loss is no bound, but the KL rate at that time.

    Args:
        sigma: the noise level, one of the process.
    """

    sigma: float

    def __post_init__(self) -> None:
        real(above=0, sigma=self.sigma)

    def __call__(self, process: Gaussian, u: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """One time, with density 1 in its point mass."""
        low, high = torch.exp(-0.5 * process.log_snr(u.new_tensor([0.0, 1.0], dtype=torch.float64))).tolist()
        if not low <= self.sigma <= high:
            raise InputError(f"got sigma = {self.sigma}; expected one of the process's levels, {low:.4g} to {high:.4g}")
        t = process.time_at(torch.tensor(-2 * math.log(self.sigma), dtype=torch.float64))
        return t.to(u).expand_as(u), torch.ones_like(u)
