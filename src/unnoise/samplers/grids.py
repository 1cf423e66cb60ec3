"""At which times a sampler stops: decreasing, from t = 1 to t = 0, in float64."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise.processes import AffineGaussian, Process


class Grid(ABC):
    """A rule that places a given number of times."""

    @abstractmethod
    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """`count` decreasing times; the first is 1 and the last 0."""


@dataclass(frozen=True)
class Uniform(Grid):
    """Equal steps in t, the process's own clock. On `processes.EDM` this is the grid of Karras et al. 2022.

    >>> Uniform()(None, 3)
    tensor([1.0000, 0.5000, 0.0000], dtype=torch.float64)
    """

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """1, ..., 0."""
        return torch.linspace(1, 0, count, dtype=torch.float64)


@dataclass(frozen=True)
class UniformLogSNR(Grid):
    """Equal steps in the log signal-to-noise ratio (log-linear noise levels)."""

    def __call__(self, process: AffineGaussian, count: int) -> Tensor:  # type: ignore[override]
        """See the class."""
        first, last = process.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)).tolist()
        return _pinned(process.time_at(torch.linspace(first, last, count, dtype=torch.float64)))


@dataclass(frozen=True)
class Karras(Grid):
    r"""Equal steps in $(\sigma/\alpha)^{1/\rho}$ (Karras et al. 2022, arXiv 2206.00364, eq. 5)."""

    rho: float = 7.0

    def __call__(self, process: AffineGaussian, count: int) -> Tensor:  # type: ignore[override]
        """See the class."""
        ends = torch.exp(-0.5 / self.rho * process.log_snr(torch.tensor([1.0, 0.0], dtype=torch.float64)))
        roots = torch.linspace(float(ends[0]), float(ends[1]), count, dtype=torch.float64)
        return _pinned(process.time_at(-2 * self.rho * roots.log()))


def _pinned(times: Tensor) -> Tensor:
    """Rounding must not move the ends."""
    times[0], times[-1] = 1, 0
    return times
