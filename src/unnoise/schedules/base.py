r"""What a schedule is: one increasing function of time, stated as a noise rate or as a signal-to-noise ratio.

The integrated noise rate is $B(t) = \int_0^{\tau(t)} \beta$ for $t \in [0, 1]$: a variance-preserving diffusion has
$\alpha = e^{-B/2}$, a refreshing Markov chain keeps a site with probability $e^{-B}$. The log signal-to-noise ratio of
that diffusion, $\lambda = -\log(e^B - 1)$, states the same: every schedule answers in both, and serves every process.

Kernels are singular at $B = 0$ and $B = \infty$. Schedules keep off both: most by
$\tau(t) = \tau_{min} + (\tau_{max} - \tau_{min}) t$.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

from unnoise._checks import real
from unnoise._errors import InputError
from unnoise._roots import bisect

HALVINGS = 40  # to find a time to rounding
LOOKS = 1025  # times at which a log SNR is seen to decrease
Function = Callable[[Tensor], Tensor]


class Schedule(ABC):
    """An increasing function $B(t)$ on [0, 1] with its derivative.

    Your own states `value` and `rate`; `testing.check_schedule` says whether they agree.
    """

    @abstractmethod
    def value(self, t: Tensor) -> Tensor:
        """$B(t)$."""

    @abstractmethod
    def rate(self, t: Tensor) -> Tensor:
        r"""$\beta(t) = dB/dt$."""

    def inverse(self, value: Tensor) -> Tensor:
        """The t at which B(t) = value; outside [0, 1] for a value never reached."""
        return inverted(self.value, self.rate, value)

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\lambda = -\log(e^B - 1)$."""
        return _log_odds(self.value(t))

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\lambda/dt = -\beta/(1 - e^{-B}) < 0$."""
        return self.rate(t) / torch.expm1(-self.value(t))

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""The t at which $\lambda(t)$ is this."""
        return self.inverse(softplus(-log_snr))


class ByLogSNR(Schedule):
    r"""A schedule that is stated by a strictly decreasing $\lambda(t)$: $B = \log(1 + e^{-\lambda})$."""

    @abstractmethod
    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\lambda(t)$."""

    @abstractmethod
    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\lambda/dt < 0$."""

    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""The t at which $\lambda(t)$ is this; outside [0, 1] for a level never reached."""
        return inverted(self.log_snr, self.log_snr_rate, log_snr, sign=-1)

    def value(self, t: Tensor) -> Tensor:
        r"""$B = \log(1 + e^{-\lambda})$."""
        return softplus(-self.log_snr(t))

    def rate(self, t: Tensor) -> Tensor:
        r"""$-\lambda'/(1 + e^\lambda)$."""
        return -self.log_snr_rate(t) * torch.sigmoid(-self.log_snr(t))

    def inverse(self, value: Tensor) -> Tensor:
        r"""At $\lambda = -\log(e^B - 1)$."""
        return self.time_at(_log_odds(value))


def _log_odds(value: Tensor) -> Tensor:
    r"""$-\log(e^B - 1)$, in a form that keeps its digits at both ends."""
    return -value - torch.log(-torch.expm1(-value))


def inverted(function: Function, rate: Function, wanted: Tensor, sign: int = 1) -> Tensor:
    """The time at which a function that increases (sign 1) or decreases (-1) has a value: bisection, then Newton.

    The Newton step is for the last digits, for values beyond the ends, and for gradients.
    """
    with torch.no_grad():
        ends = torch.zeros_like(wanted), torch.ones_like(wanted)
        low, high = bisect(lambda t: sign * (wanted - function(t)) > 0, *ends, HALVINGS)
        t = 0.5 * (low + high)
        slope = rate(t)
    return t + (wanted - function(t)) / slope


def derivative(function: Function, x: Tensor) -> Tensor:
    """Of a function of every number by itself, also where gradients are off."""
    slope: Tensor = torch.func.grad(lambda at: function(at).sum())(x)
    return slope


def check_decreasing(log_snr: Function) -> None:
    """Raise InputError unless a log SNR is finite and decreases over 1025 times."""
    times = torch.linspace(0, 1, LOOKS, dtype=torch.float64)
    levels = log_snr(times)
    if not isinstance(levels, Tensor) or levels.shape != times.shape:
        got = f"shape {tuple(levels.shape)}" if isinstance(levels, Tensor) else f"type {type(levels).__name__}"
        raise InputError(f"got a log SNR of {got}; expected one number for each of {LOOKS} times")
    levels = levels.detach()
    if not levels.isfinite().all():
        k = int((~levels.isfinite()).long().argmax())
        got = f"the log SNR is {float(levels[k])} at t = {float(times[k]):.4g}"
        raise InputError(
            f"{got}; it must be finite on all of [0, 1]: choose ends that leave some noise and some signal"
        )
    falling = levels.diff() < 0
    if not falling.all():
        k = int((~falling).long().argmax())
        start, end = (f"{float(levels[j]):.6g} at t = {float(times[j]):.4g}" for j in (k, k + 1))
        raise InputError(f"the log SNR goes from {start} to {end}; it must decrease strictly from t = 0, data")


def check(schedule: Schedule, holds: Callable[[], bool], expected: str) -> None:
    """Raise InputError, with the schedule as asked for, unless its fields are finite numbers that hold."""
    real(**vars(schedule))
    if not holds():
        raise InputError(f"got {schedule}; expected {expected}")
