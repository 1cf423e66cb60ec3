r"""Schedules that state the log signal-to-noise ratio, $\lambda(t)$."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import function, instance
from unnoise.schedules.base import ByLogSNR, Schedule, check, check_decreasing, derivative


@dataclass(frozen=True)
class LinearLogSNR(ByLogSNR):
    r"""$\lambda(t) = \lambda_0 - (\lambda_0 - \lambda_1) t$, by default from $\sigma = 0.0013$ to $\alpha = 0.0067$.

    Kingma et al. 2021 (arXiv 2107.00630).

    Args:
        maximum: $\lambda_0$, at t = 0, data.
        minimum: $\lambda_1$, at t = 1, noise, below the maximum, else InputError.

    >>> LinearLogSNR(maximum=5.0, minimum=-5.0).value(torch.tensor(0.5))  # log 2
    tensor(0.6931)
    """

    maximum: float = 13.3
    minimum: float = -10.0

    def __post_init__(self) -> None:
        check(self, lambda: self.minimum < self.maximum, "a maximum above the minimum, both finite")

    def log_snr(self, t: Tensor) -> Tensor:
        """On a line."""
        return self.maximum - (self.maximum - self.minimum) * t

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """The slope of the line."""
        return torch.full_like(t, self.minimum - self.maximum)

    def time_at(self, log_snr: Tensor) -> Tensor:
        """By the line."""
        return (self.maximum - log_snr) / (self.maximum - self.minimum)


@dataclass(frozen=True)
class LogSNR(ByLogSNR):
    r"""Any strictly decreasing $\lambda(t)$, as a function of tensors: its rate by automatic differentiation.

    It must be finite and decrease over 1025 times, else InputError.

    >>> schedule = LogSNR(lambda t: 8 - 16 * t**2)
    >>> schedule.log_snr_rate(torch.tensor(0.5)), schedule.time_at(torch.tensor(4.0))
    (tensor(-16.), tensor(0.5000))
    """

    function: Callable[[Tensor], Tensor]

    def __post_init__(self) -> None:
        function(function=self.function)
        check_decreasing(self.function)

    def log_snr(self, t: Tensor) -> Tensor:
        """The function."""
        return self.function(t)

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """The derivative of the function, itself differentiable."""
        return derivative(self.function, t)


@dataclass(frozen=True)
class PowerLogSNR(ByLogSNR):
    r"""$\lambda = -2\log\sigma$ with $\sigma^{1/\rho}$ on a line from `sigma_min` to `sigma_max`.

    Even times are the grid of Karras et al. 2022 (arXiv 2206.00364), $\rho = 7$.

    >>> round(float(torch.exp(-0.5 * PowerLogSNR(0.25, 4.0, 0.5).log_snr(torch.tensor(0.5)))), 4)  # squares on a line
    2.8339
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        expected = "0 < sigma_min < sigma_max and rho > 0, all finite"
        check(self, lambda: 0 < self.sigma_min < self.sigma_max and self.rho > 0, expected)

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$-2\rho$ times the logarithm of the line."""
        start, slope = self._root()
        return -2 * self.rho * torch.log(start + slope * t)

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$-2\rho$ times the slope over the line."""
        start, slope = self._root()
        return -2 * self.rho * slope / (start + slope * t)

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$\sigma^{1/\rho} = e^{-\lambda/2\rho}$."""
        start, slope = self._root()
        return (torch.exp(-0.5 * log_snr / self.rho) - start) / slope

    def _root(self) -> tuple[float, float]:
        start, end = self.sigma_min ** (1 / self.rho), self.sigma_max ** (1 / self.rho)
        return start, end - start


@dataclass(frozen=True)
class LogitLogSNR(ByLogSNR):
    r"""$\lambda = 2\log\frac{1 - \tau}\tau$, $\tau$ from `tau_min` to `tau_max`: $\alpha = 1 - \tau$ on a line.

    That is rectified flow in its own time (Liu et al. 2023, arXiv 2209.03003; Lipman et al. 2023, arXiv 2210.02747).

    Args:
        tau_min: $\tau$ at t = 0, above 0, else InputError.
        tau_max: $\tau$ at t = 1, below 1.

    >>> from unnoise import processes, spaces
    >>> flow = processes.Gaussian(spaces.Euclidean(1), LogitLogSNR(0.1, 0.9), processes.paths.Straight())
    >>> flow.alpha_sigma(torch.tensor([0.0, 1.0]))
    (tensor([0.9000, 0.1000]), tensor([0.1000, 0.9000]))
    """

    tau_min: float = 1e-3
    tau_max: float = 1 - 1e-3

    def __post_init__(self) -> None:
        expected = "0 < tau_min < tau_max < 1: at 0 there is no noise, at 1 no signal, and neither is undone"
        check(self, lambda: 0 < self.tau_min < self.tau_max < 1, expected)

    def _tau(self, t: Tensor) -> Tensor:
        return self.tau_min + (self.tau_max - self.tau_min) * t

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$2\log(1 - \tau) - 2\log\tau$."""
        tau = self._tau(t)
        return 2 * (torch.log1p(-tau) - torch.log(tau))

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$-2\dot\tau/\tau(1 - \tau)$."""
        tau = self._tau(t)
        return -2 * (self.tau_max - self.tau_min) / (tau * (1 - tau))

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$\tau/(1 - \tau) = e^{-\lambda/2}$."""
        return (torch.sigmoid(-0.5 * log_snr) - self.tau_min) / (self.tau_max - self.tau_min)


@dataclass(frozen=True)
class SquaredNoise(ByLogSNR):
    r"""$\lambda = -B - 2\log(1 - e^{-B})$, B of `rates`: $\alpha = e^{-B/2}$, $\sigma = 1 - e^{-B}$ on its path.

    The noise is the square of that of a variance-preserving process: sub-VP (Song et al. 2021, arXiv 2011.13456).

    Args:
        rates: the schedule whose B it is.

    >>> from unnoise.schedules import Linear
    >>> schedule, t = SquaredNoise(Linear()), torch.tensor(0.3)
    >>> b = Linear().value(t)
    >>> schedule.log_snr(t), torch.log(torch.exp(-b) / (1 - torch.exp(-b)) ** 2)
    (tensor(0.0839), tensor(0.0839))
    """

    rates: Schedule

    def __post_init__(self) -> None:
        instance(Schedule, rates=self.rates)

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$-2\log(2\sinh(B/2))$."""
        value = self.rates.value(t)
        return -value - 2 * torch.log(-torch.expm1(-value))

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$-\beta\coth(B/2)$."""
        return -self.rates.rate(t) / torch.tanh(0.5 * self.rates.value(t))

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""$2\sinh(B/2) = e^{-\lambda/2}$."""
        return self.rates.inverse(2 * torch.asinh(0.5 * torch.exp(-0.5 * log_snr)))
