r"""What a schedule is: one increasing function of time, stated as a noise rate or as a signal-to-noise ratio.

The integrated noise rate is $B(t) = \int_0^{\tau(t)} \beta$ for $t \in [0, 1]$: a variance-preserving diffusion has
$\alpha = e^{-B/2}$, a refreshing Markov chain keeps a site with probability $e^{-B}$. The log signal-to-noise ratio of
that diffusion, $\lambda = -\log(e^B - 1)$, states the same: every schedule answers in both, and serves every process.

Kernels are singular at $B = 0$ and $B = \infty$. Schedules keep off both: most by
$\tau(t) = \tau_{min} + (\tau_{max} - \tau_{min}) t$.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from unnoise._checks import real
from unnoise._errors import InputError
from unnoise._roots import bisect

HALVINGS = 40  # to find a time to rounding
LOOKS = 1025  # times at which a schedule is seen to fall or rise
GAP, SLOPE_ERROR = 1e-3, 0.05  # between times whose difference is a slope; of which rates may be off
Function = Callable[[Tensor], Tensor]


class Schedule(ABC):
    r"""An increasing function $B(t)$ on [0, 1], the integrated noise rate, with its derivative $\beta(t)$.

    Your own states `value` and `rate`; `testing.check_schedule` says whether they agree. All else follows: the inverse
    by bisection, and $\lambda = -\log(e^B - 1)$, the log signal-to-noise ratio of the diffusion with $\alpha =
    e^{-B/2}$.

    >>> class Square(Schedule):
    ...     def value(self, t):
    ...         return 0.01 + 5 * t**2
    ...     def rate(self, t):
    ...         return 10 * t
    >>> Square().inverse(torch.tensor(1.26)), Square().log_snr(torch.tensor([0.0, 1.0]))
    (tensor(0.5000), tensor([ 4.6002, -5.0033]))
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
    r"""A schedule stated by a strictly decreasing $\lambda(t) = \log\mathrm{SNR}$: $B = \log(1 + e^{-\lambda})$.

    Your own states `log_snr` and `log_snr_rate`; a function alone is enough for `LogSNR`.

    >>> class Line(ByLogSNR):
    ...     def log_snr(self, t):
    ...         return 5 - 10 * t
    ...     def log_snr_rate(self, t):
    ...         return torch.full_like(t, -10.0)
    >>> Line().value(torch.tensor(0.5)), Line().rate(torch.tensor(0.5))  # log 2 and 10 / 2
    (tensor(0.6931), tensor(5.))
    """

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
    levels = _values("log SNR", log_snr, times)
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


def check_log_snr(schedule: Schedule) -> None:
    """Raise InputError unless the log SNR is finite and decreases over 1025 times, and its rate is its slope."""
    _once(_check_log_snr, schedule)


def check_increasing(schedule: Schedule, *, from_zero: bool = False) -> None:
    """Raise InputError unless B(t) is finite and increases over 1025 times, and `rate` is its slope.

    Args:
        schedule: of jumps or heat.
        from_zero: whether B(0) may be 0, as where kernels are not singular.
    """
    _once(_check_increasing, schedule, from_zero)


def _once(check: Any, schedule: Schedule, *more: bool) -> None:
    """Look at equal schedules once: tables have one for each of many columns."""
    try:
        hash(schedule)
    except TypeError:
        check = check.__wrapped__
    check(schedule, *more)


@functools.lru_cache(maxsize=64)
def _check_log_snr(schedule: Schedule) -> None:
    check_decreasing(schedule.log_snr)
    check_slope("log SNR", schedule.log_snr, schedule.log_snr_rate)


@functools.lru_cache(maxsize=64)
def _check_increasing(schedule: Schedule, from_zero: bool) -> None:
    times = torch.linspace(0, 1, LOOKS, dtype=torch.float64)
    levels = _values("value", schedule.value, times)
    wrong = ~levels.isfinite() | (levels < 0) | (torch.cat([levels[:1], levels]).diff() < 0)
    if wrong.any() or not levels[-1] > levels[0] or (levels[0] == 0 and not from_zero):
        k = int(wrong.long().argmax()) or LOOKS - 1
        ends = " and ".join(f"{float(levels[j]):.6g} at t = {float(times[j]):.4g}" for j in (0, k))
        least = "0" if from_zero else "above 0"
        raise InputError(f"the value of the schedule is {ends}; it must be finite and increase from {least} at t = 0")
    check_slope("value", schedule.value, schedule.rate)


def check_slope(name: str, function: Function, rate: Function) -> None:
    """Raise InputError if a rate is not the derivative of a function: all that is learnt with it would be wrong.

    By differences at 41 times, of which half may lie at bends.
    """
    t = torch.linspace(0.05, 0.95, 41, dtype=torch.float64)
    slopes = (_values(name, function, t + GAP) - _values(name, function, t - GAP)) / (2 * GAP)
    rates = _values(f"rate of the {name}", rate, t)
    errors = (rates - slopes).abs() / torch.maximum(rates.abs(), slopes.abs()).clamp(min=torch.finfo(t.dtype).tiny)
    if not errors.median() < SLOPE_ERROR:
        got = f"the rate of the {name} is {float(rates[20]):.4g} at t = 0.5, where its slope is {float(slopes[20]):.4g}"
        raise InputError(f"{got}; it must be the derivative: testing.check_schedule compares both")


def _values(name: str, function: Function, times: Tensor) -> Tensor:
    """Of a schedule at these times, without gradients."""
    with torch.no_grad():
        found = function(times)
    if not isinstance(found, Tensor) or found.shape != times.shape:
        got = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"type {type(found).__name__}"
        raise InputError(f"got a {name} of {got}; expected one number for each of {len(times)} times")
    return found


def check(schedule: Schedule, holds: Callable[[], bool], expected: str) -> None:
    """Raise InputError, with the schedule as asked for, unless its fields are finite numbers that hold."""
    real(**vars(schedule))
    if not holds():
        raise InputError(f"got {schedule}; expected {expected}")
