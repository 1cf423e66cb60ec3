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
