"""The times at which a sampler stops: decreasing, from t = 1 to t = 0, in float64."""

from __future__ import annotations

import functools
import itertools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise._checks import real, reals
from unnoise._errors import InputError
from unnoise.processes import Gaussian, Process, leaves, require


class Grid(ABC):
    """A rule that places a given number of times, decreasing from t = 1, noise, to t = 0, data, in float64.

    A sampler of k steps asks for k + 1 times.

    >>> class Squares(Grid):
    ...     def __call__(self, process, count):
    ...         return torch.linspace(1, 0, count, dtype=torch.float64) ** 2
    >>> Squares()(None, 3)
    tensor([1.0000, 0.2500, 0.0000], dtype=torch.float64)
    """

    @abstractmethod
    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """`count` decreasing times; the first is 1 and the last 0."""


@dataclass(frozen=True)
class UniformGrid(Grid):
    """Equal steps in t; on `processes.edm` the grid of Karras et al. 2022.

    >>> UniformGrid()(None, 3)
    tensor([1.0000, 0.5000, 0.0000], dtype=torch.float64)
    """

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """1, ..., 0."""
        return torch.linspace(1, 0, count, dtype=torch.float64)


class OfNoise(Grid):
    r"""A grid in $\log\tilde\sigma = \log(\sigma/\alpha)$, of Gaussian processes; on a product, of the first factor.

    One of your own states `log_levels`.

    Raises:
        InputError: the process, or the first factor, is not Gaussian.

    >>> from unnoise import processes, spaces
    >>> UniformLogSNR()(processes.Brownian(spaces.Torus(1)), 3)
    Traceback (most recent call last):
    unnoise._errors.InputError: ...
    """

    @abstractmethod
    def log_levels(self, highest: float, lowest: float, count: int) -> Tensor:
        r"""`count` decreasing values of $\log\tilde\sigma$, from `highest` to `lowest`."""

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """The times of these levels."""
        first = require(next(leaves(process))[1], Gaussian, type(self).__name__, "grids.UniformGrid")
        ends = -0.5 * first.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64))
        times = first.time_at(-2 * self.log_levels(float(ends[0]), float(ends[1]), count))
        times[0], times[-1] = 1, 0  # rounding must not move them
        return times


@dataclass(frozen=True)
class UniformLogSNR(OfNoise):
    r"""Equal steps in $\lambda = \log\mathrm{SNR}$ (Lu et al. 2022, arXiv 2206.00927).

    >>> from unnoise import processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(1))
    >>> process.log_snr(UniformLogSNR()(process, 3)).diff()
    tensor([11.9322, 11.9322], dtype=torch.float64)
    """

    def log_levels(self, highest: float, lowest: float, count: int) -> Tensor:
        """Equal steps."""
        return torch.linspace(highest, lowest, count, dtype=torch.float64)


@dataclass(frozen=True)
class Karras(OfNoise):
    r"""Equal steps in $\tilde\sigma^{1/\rho}$, $\tilde\sigma = \sigma/\alpha$.

    Karras et al. 2022 (arXiv 2206.00364, eq. 5).

    Args:
        rho: $\rho$, above 0, else InputError; the larger, the more steps at little noise.

    >>> from unnoise import processes, spaces
    >>> process = processes.edm(spaces.Euclidean(1))
    >>> process.alpha_sigma(Karras(rho=1.0)(process, 3))[1]  # a line
    tensor([8.0000e+01, 4.0001e+01, 2.0000e-03], dtype=torch.float64)
    """

    rho: float = 7.0

    def __post_init__(self) -> None:
        real(above=0, rho=self.rho)

    def log_levels(self, highest: float, lowest: float, count: int) -> Tensor:
        r"""Equal steps of the root."""
        first, last = math.exp(highest / self.rho), math.exp(lowest / self.rho)
        return self.rho * torch.linspace(first, last, count, dtype=torch.float64).log()


@dataclass(frozen=True)
class LogNormalGrid(OfNoise):
    r"""A share of the levels is uniform in $\log\tilde\sigma$, the others normal.

    Around $\tilde\sigma = 1$, where data take shape; wider than the law of EDM's training times (Karras et al. 2022,
    arXiv 2206.00364).

    Args:
        mean: of $\log\tilde\sigma$.
        deviation: of $\log\tilde\sigma$.
        uniform: the share that is uniform.
    """

    mean: float = 0.0
    deviation: float = 1.6
    uniform: float = 0.35

    def __post_init__(self) -> None:
        real(mean=self.mean)
        real(above=0, deviation=self.deviation)
        real(least=0, most=1, uniform=self.uniform)

    def log_levels(self, highest: float, lowest: float, count: int) -> Tensor:
        """Equal steps of the distribution function."""
        return torch.tensor(_log_normal(self, highest, lowest, count), dtype=torch.float64)


@functools.lru_cache(maxsize=32)
def _log_normal(grid: LogNormalGrid, highest: float, lowest: float, count: int) -> list[float]:
    """Once for all runs: small ones would spend more time here than in their network."""
    levels = torch.linspace(highest, lowest, 4096, dtype=torch.float64)
    normal = torch.special.ndtr((levels - grid.mean) / grid.deviation)
    below = grid.uniform * (levels - lowest) / (highest - lowest) + (1 - grid.uniform) * normal
    share = (below - below[-1]) / (below[0] - below[-1])
    found: list[float] = np.interp(np.linspace(1, 0, count), share.flip(0).numpy(), levels.flip(0).numpy()).tolist()
    return found


@dataclass(frozen=True)
class Fitted(OfNoise):
    r"""Levels at equal shares of a measured density, as `samplers.tune` makes them.

    Args:
        knots: decreasing values of $\log\tilde\sigma$ at equal shares of the steps; linear in between.

    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> process = edm(Euclidean(1))
    >>> times = Fitted((4.0, 0.0, -1.0, -6.0))(process, 4)
    >>> process.alpha_sigma(times)[1].log()
    tensor([ 4.3820,  0.0000, -1.0000, -6.2146], dtype=torch.float64)
    """

    knots: tuple[float, ...]

    def __post_init__(self) -> None:
        reals("knots", self.knots, fewest=2)
        if any(not high > low for high, low in itertools.pairwise(self.knots)):
            raise InputError(f"got knots {self.knots}; expected at least two decreasing numbers")

    @classmethod
    def of(cls, levels: Tensor, density: Tensor, uniform: float = 0.0, knots: int = 65) -> Fitted:
        r"""Steps in proportion to a density.

        Args:
            levels: (k,), decreasing values of $\log\tilde\sigma$.
            density: (k,), of steps there; its scale does not matter.
            uniform: the share of evenly spread steps.
            knots: how many are kept.
        """
        widths, middle = levels[:-1] - levels[1:], 0.5 * (density[:-1] + density[1:])
        shares = widths * ((1 - uniform) * middle / (widths * middle).sum() + uniform / widths.sum())
        passed = torch.cat([shares.new_zeros(1), shares.cumsum(0)])
        found = np.interp(np.linspace(0, float(passed[-1]), knots), passed.numpy(), levels.numpy())
        return cls(tuple(found.tolist()))

    def log_levels(self, highest: float, lowest: float, count: int) -> Tensor:
        """By interpolation between the process's own ends."""
        found = torch.from_numpy(
            np.interp(np.linspace(0, 1, count), np.linspace(0, 1, len(self.knots)), np.array(self.knots))
        )
        found[0], found[-1] = highest, lowest
        return found
