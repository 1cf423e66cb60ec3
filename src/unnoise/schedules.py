r"""Scalar functions of time: a value and its rate.

A schedule here is the integrated noise rate $B(t) = \int_0^{\tau(t)} \beta$, for $t \in [0, 1]$, increasing. A process
reads it: a variance-preserving diffusion has $\alpha = e^{-B/2}$, a refreshing Markov chain keeps a site with
probability $e^{-B}$.

Every schedule states its endpoints. Kernels are singular at $B = 0$, so time is trimmed once, here, and by nobody
else: $\tau(t) = \tau_{min} + (\tau_{max} - \tau_{min}) t$, so that $t = 0$ is clean up to a stated residue.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor


class Schedule(ABC):
    """An increasing function $B(t)$ on [0, 1] with its derivative."""

    @abstractmethod
    def value(self, t: Tensor) -> Tensor:
        """$B(t)$."""

    @abstractmethod
    def rate(self, t: Tensor) -> Tensor:
        r"""$\beta(t) = dB/dt$."""

    @abstractmethod
    def inverse(self, value: Tensor) -> Tensor:
        """The t at which B(t) = value."""


@dataclass(frozen=True)
class Linear(Schedule):
    r"""$B = \beta_0 \tau + \frac12 (\beta_1 - \beta_0) \tau^2$, $\tau$ from `tau_min` to 1: a rate that grows linearly.

    With the defaults $B$ runs from 1e-6 to 10.05, that is $\alpha$ from 1 - 5e-7 to 0.0066 in a variance-preserving
    process: Ho et al. 2020 (arXiv 2006.11239) in continuous time, as in Song et al. 2021 (arXiv 2011.13456).

    >>> round(float(Linear().value(torch.tensor(1.0))), 4)
    10.05
    """

    start: float = 0.1
    end: float = 20.0
    tau_min: float = 1e-5

    def _tau(self, t: Tensor) -> Tensor:
        return self.tau_min + (1 - self.tau_min) * t

    def value(self, t: Tensor) -> Tensor:
        """See the class."""
        tau = self._tau(t)
        return self.start * tau + 0.5 * (self.end - self.start) * tau**2

    def rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return (self.start + (self.end - self.start) * self._tau(t)) * (1 - self.tau_min)

    def inverse(self, value: Tensor) -> Tensor:
        """The root of the quadratic, in its stable form."""
        root = torch.sqrt(self.start**2 + 2 * (self.end - self.start) * value)
        return (2 * value / (self.start + root) - self.tau_min) / (1 - self.tau_min)


@dataclass(frozen=True)
class Cosine(Schedule):
    r"""$B = -2\log\cos(\pi\tau/2)$, $\tau$ from `tau_min` to `tau_max`: $\alpha = \cos(\pi\tau/2)$ in a VP process.

    With the defaults $\alpha$ runs from 1 - 1.2e-6 to 0.0016, $\sigma$ from 0.0016 to 1. Nichol and Dhariwal 2021
    (arXiv 2102.09672), without their offset: the trimmed ends do its work.

    >>> round(float(torch.exp(-0.5 * Cosine().value(torch.tensor(1.0)))), 4)
    0.0016
    """

    tau_min: float = 1e-3
    tau_max: float = 1 - 1e-3

    def _angle(self, t: Tensor) -> Tensor:
        return 0.5 * math.pi * (self.tau_min + (self.tau_max - self.tau_min) * t)

    def value(self, t: Tensor) -> Tensor:
        r"""$\log(1 + \tan^2(\pi\tau/2))$, which keeps its digits at both ends."""
        return torch.log1p(torch.tan(self._angle(t)) ** 2)

    def rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return math.pi * (self.tau_max - self.tau_min) * torch.tan(self._angle(t))

    def inverse(self, value: Tensor) -> Tensor:
        r"""$\tan^2(\pi\tau/2) = e^B - 1$."""
        tau = 2 / math.pi * torch.atan(torch.sqrt(torch.expm1(value)))
        return (tau - self.tau_min) / (self.tau_max - self.tau_min)


@dataclass(frozen=True)
class LinearLogSNR(Schedule):
    r"""$B = \log(1 + e^{-\lambda})$ with $\lambda(t)$ linear: the log signal-to-noise ratio of a VP process is a line.

    $\lambda$ runs from `maximum` at t = 0 to `minimum` at t = 1. The defaults are $\sigma = 0.0013$ and
    $\alpha = 0.0067$. Kingma et al. 2021 (arXiv 2107.00630), their fixed linear schedule.

    >>> schedule = LinearLogSNR(maximum=5.0, minimum=-5.0)
    >>> round(float(schedule.value(torch.tensor(0.5))), 6) == round(math.log(2), 6)
    True
    """

    maximum: float = 13.3
    minimum: float = -10.0

    def value(self, t: Tensor) -> Tensor:
        """See the class."""
        return torch.nn.functional.softplus((self.maximum - self.minimum) * t - self.maximum)

    def rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return (self.maximum - self.minimum) * torch.sigmoid((self.maximum - self.minimum) * t - self.maximum)

    def inverse(self, value: Tensor) -> Tensor:
        r"""$\lambda = -\log(e^B - 1)$."""
        log_snr = -torch.log(torch.expm1(value))
        return (self.maximum - log_snr) / (self.maximum - self.minimum)


@dataclass(frozen=True)
class Erasing(Schedule):
    r"""$e^{-B}$, what survives, falls on a line from 1 - `lost` to `survival`.

    For a chain that refreshes its sites it is the log-linear noise of SEDD (Lou et al. 2024, arXiv 2310.16834) and, in
    continuous time, the $\beta_t = 1/(T - t + 1)$ of Sohl-Dickstein et al. 2015 (arXiv 1503.03585).

    >>> round(float(torch.exp(-Erasing().value(torch.tensor(0.75)))), 4)
    0.25
    """

    lost: float = 1e-5
    survival: float = 1e-5

    def _gone(self, t: Tensor) -> Tensor:
        return self.lost * (1 - t) + (1 - self.survival) * t

    def _kept(self, t: Tensor) -> Tensor:
        return (1 - self.lost) * (1 - t) + self.survival * t

    def value(self, t: Tensor) -> Tensor:
        """The logarithm of whichever share is the smaller, which keeps its digits at both ends."""
        return -torch.where(t < 0.5, torch.log1p(-self._gone(t)), torch.log(self._kept(t)))

    def rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return (1 - self.lost - self.survival) / self._kept(t)

    def inverse(self, value: Tensor) -> Tensor:
        """The share that is gone, on its line."""
        return (-torch.expm1(-value) - self.lost) / (1 - self.lost - self.survival)


@dataclass(frozen=True)
class Geometric(Schedule):
    r"""$\log B$ is a line from `start` to `end`: noise that spreads over many scales of length.

    >>> round(float(Geometric(0.01, 1.0).value(torch.tensor(0.5))), 4)
    0.1
    """

    start: float
    end: float

    def _growth(self) -> float:
        return math.log(self.end / self.start)

    def value(self, t: Tensor) -> Tensor:
        """See the class."""
        return self.start * torch.exp(self._growth() * t)

    def rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return self._growth() * self.value(t)

    def inverse(self, value: Tensor) -> Tensor:
        """See the class."""
        return torch.log(value / self.start) / self._growth()


@dataclass(frozen=True)
class Exponential(Schedule):
    r"""$B = a (b^\tau - 1)$, $\tau$ from `tau_min` to 1: a rate that grows exponentially.

    Campbell et al. 2022 (arXiv 2205.14987) and Benton et al. 2024 (arXiv 2211.03595), for their Gaussian rates.

    >>> float(Exponential(3.0, 100.0).value(torch.tensor(1.0)))
    297.0
    """

    scale: float = 3.0
    base: float = 100.0
    tau_min: float = 1e-5

    def _exponent(self, t: Tensor) -> Tensor:
        return math.log(self.base) * (self.tau_min + (1 - self.tau_min) * t)

    def value(self, t: Tensor) -> Tensor:
        """See the class."""
        return self.scale * torch.expm1(self._exponent(t))

    def rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return self.scale * math.log(self.base) * (1 - self.tau_min) * torch.exp(self._exponent(t))

    def inverse(self, value: Tensor) -> Tensor:
        """See the class."""
        return (torch.log1p(value / self.scale) / math.log(self.base) - self.tau_min) / (1 - self.tau_min)
