r"""Scalar functions of time: a value and its rate.

A schedule here is the integrated noise rate $B(t) = \int_0^{\tau(t)} \beta$, for $t \in [0, 1]$, increasing. A process
reads it: a variance-preserving diffusion has $\alpha = e^{-B/2}$, a refreshing Markov chain keeps a site with
probability $e^{-B}$. The same function may be stated by the logarithm of the signal-to-noise ratio that a
variance-preserving process then has, $\lambda = -\log(e^B - 1)$: any $\lambda(t)$ that decreases strictly will do
(`LogSNR`, `Knots`), and `Learned` learns it.

Every schedule states its endpoints. Kernels are singular at $B = 0$, so time is trimmed once, here, and by nobody
else: $\tau(t) = \tau_{min} + (\tau_{max} - \tau_{min}) t$, so that $t = 0$ is clean up to a stated residue.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from unnoise._errors import InputError

LOOKS = 1025  # times at which a function of time is seen to decrease
BISECTIONS = 40  # to find a time to rounding


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


class ByLogSNR(Schedule):
    r"""A schedule that is stated by a strictly decreasing $\lambda(t)$: $B = \log(1 + e^{-\lambda})$."""

    @abstractmethod
    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\lambda(t)$."""

    @abstractmethod
    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\lambda/dt < 0$."""

    @abstractmethod
    def time_at(self, log_snr: Tensor) -> Tensor:
        r"""The t at which $\lambda(t)$ is this; a level that is never reached gives a time outside [0, 1]."""

    def value(self, t: Tensor) -> Tensor:
        """See the class."""
        return softplus(-self.log_snr(t))

    def rate(self, t: Tensor) -> Tensor:
        r"""$-\lambda'/(1 + e^\lambda)$."""
        return -self.log_snr_rate(t) * torch.sigmoid(-self.log_snr(t))

    def inverse(self, value: Tensor) -> Tensor:
        r"""$\lambda = -\log(e^B - 1)$, which keeps its digits at both ends."""
        return self.time_at(-value - torch.log(-torch.expm1(-value)))


@dataclass(frozen=True)
class LinearLogSNR(ByLogSNR):
    r"""$\lambda(t)$ is a line: equal times to equal ratios of noise levels.

    $\lambda$ runs from `maximum` at t = 0 to `minimum` at t = 1. The defaults are $\sigma = 0.0013$ and
    $\alpha = 0.0067$. Kingma et al. 2021 (arXiv 2107.00630), their fixed linear schedule.

    >>> schedule = LinearLogSNR(maximum=5.0, minimum=-5.0)
    >>> round(float(schedule.value(torch.tensor(0.5))), 6) == round(math.log(2), 6)
    True
    """

    maximum: float = 13.3
    minimum: float = -10.0

    def log_snr(self, t: Tensor) -> Tensor:
        """See the class."""
        return self.maximum - (self.maximum - self.minimum) * t

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """See the class."""
        return torch.full_like(t, self.minimum - self.maximum)

    def time_at(self, log_snr: Tensor) -> Tensor:
        """See the class."""
        return (self.maximum - log_snr) / (self.maximum - self.minimum)


@dataclass(frozen=True)
class LogSNR(ByLogSNR):
    r"""Any strictly decreasing $\lambda(t)$, as a function of tensors: its rate by automatic differentiation.

    Args:
        function: from times in [0, 1], (n,), to the logarithms of the signal-to-noise ratio.

    Raises:
        InputError: the function is not finite, or does not decrease from each of 1025 times to the next.

    >>> schedule = LogSNR(lambda t: 8 - 16 * t**2)
    >>> schedule.log_snr_rate(torch.tensor(0.5)), schedule.time_at(torch.tensor(4.0))
    (tensor(-16.), tensor(0.5000))
    """

    function: Callable[[Tensor], Tensor]

    def __post_init__(self) -> None:
        times = torch.linspace(0, 1, LOOKS, dtype=torch.float64)
        _check_decreasing(times, self.function(times))

    def log_snr(self, t: Tensor) -> Tensor:
        """See the class."""
        return self.function(t)

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """The derivative of the function, itself differentiable."""
        return derivative(self.function, t)

    def time_at(self, log_snr: Tensor) -> Tensor:
        """By bisection; beyond the ends the function goes on along its tangents."""
        return _time_at(self, log_snr)


@dataclass(frozen=True)
class Knots(ByLogSNR):
    r"""$\lambda(t)$ on lines between knots: a schedule that was drawn by hand or measured.

    Args:
        times: increasing from 0 to 1.
        log_snrs: decreasing, one for each time.

    Raises:
        InputError: the times do not increase from 0 to 1, or the values do not decrease.

    >>> Knots((0.0, 0.25, 1.0), (10.0, 4.0, -8.0)).time_at(torch.tensor([7.0, -2.0]))
    tensor([0.1250, 0.6250])
    """

    times: tuple[float, ...]
    log_snrs: tuple[float, ...]

    def __post_init__(self) -> None:
        times, levels = (torch.tensor(part, dtype=torch.float64) for part in (self.times, self.log_snrs))
        if len(times) != len(levels) or len(times) < 2 or times[0] != 0 or times[-1] != 1 or (times.diff() <= 0).any():
            raise InputError(
                f"got {len(levels)} values of the log SNR at the times {self.times}; expected one for each of two or "
                "more times that increase from 0 to 1"
            )
        _check_decreasing(times, levels)

    def log_snr(self, t: Tensor) -> Tensor:
        """See the class."""
        return self._line(t, self.times, self.log_snrs)[0]

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """That of the line to the right of t."""
        return self._line(t, self.times, self.log_snrs)[1]

    def time_at(self, log_snr: Tensor) -> Tensor:
        """The inverse of lines is lines; the first and the last go on beyond the ends."""
        return self._line(-log_snr, tuple(-level for level in self.log_snrs), self.times)[0]

    @staticmethod
    def _line(x: Tensor, xs: tuple[float, ...], ys: tuple[float, ...]) -> tuple[Tensor, Tensor]:
        """The value at x of lines through the points, and their slope there."""
        knots, values = x.new_tensor(xs), x.new_tensor(ys)
        place = (torch.searchsorted(knots, x.detach().contiguous(), right=True) - 1).clamp(0, len(xs) - 2)
        slope = (values.diff() / knots.diff())[place]
        return values[place] + slope * (x - knots[place]), slope


@dataclass(eq=False)
class Learned(nn.Module, ByLogSNR):
    r"""A monotone network and, on request, learnt ends: $\lambda(t) = \lambda_0 - (\lambda_0 - \lambda_1)\,u(t)$.

    $u$ is a positive combination of a line and of `units` sigmoids of t with positive slopes, scaled to go from 0 to
    1; it starts near the line. Kingma et al. 2021 (arXiv 2107.00630), appendix H.

    The mean of the bound does not depend on u, only its Monte Carlo variance does. So `log_snr` and its rate pass
    gradients to the ends and none to u, where they would be noise; u learns from `log_density` alone. `objectives.VDM`
    trains all of it together with a denoiser, which `denoisers.Neural` saves and averages with its weights.

    Args:
        maximum: $\lambda_0$, at t = 0, to start with.
        minimum: $\lambda_1$, at t = 1, to start with.
        units: how many sigmoids.
        learn_ends: whether the ends move; each keeps to its own side of the middle.

    Raises:
        InputError: a maximum that is not above the minimum, or no units.

    >>> schedule = Learned(maximum=5.0, minimum=-7.0)
    >>> schedule.log_snr(torch.tensor([0.0, 1.0])).detach()
    tensor([ 5., -7.])
    """

    maximum: float = 13.3
    minimum: float = -10.0
    units: int = 32
    learn_ends: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.maximum) and math.isfinite(self.minimum) and self.maximum > self.minimum):
            raise InputError(
                f"got a log SNR from {self.maximum} to {self.minimum}; expected a maximum above the minimum"
            )
        if self.units < 1:
            raise InputError(f"got {self.units} units; expected at least 1")
        super().__init__()
        self.reach = nn.Parameter(torch.zeros(2), requires_grad=self.learn_ends)  # log of the distance to the middle
        self.weights = nn.Parameter(torch.zeros(self.units + 1))  # logarithms; the first is that of the line
        self.slopes = nn.Parameter(torch.full((self.units,), math.log(2 * self.units)))  # logarithms
        self.centres = nn.Parameter((torch.arange(self.units) + 0.5) / self.units)

    def log_snr(self, t: Tensor) -> Tensor:
        """See the class."""
        first, last = self._ends(t)
        return first - (first - last) * self._travelled(t, live=False)[0]

    def log_snr_rate(self, t: Tensor) -> Tensor:
        """See the class."""
        first, last = self._ends(t)
        return -(first - last) * self._travelled(t, live=False)[1]

    def time_at(self, log_snr: Tensor) -> Tensor:
        """By bisection; beyond the ends u goes on along its tangents."""
        return _time_at(self, log_snr)

    def log_density(self, t: Tensor) -> Tensor:
        r"""$\log|dt/d\lambda|$ at $\lambda(t)$ as a function of the weights of u, up to a constant, (n,).

        A time drawn evenly is a level drawn with this density, so it says how often the level of t is looked at. Its
        gradient is that at a fixed level: the time moves with the weights (implicit differentiation).
        """
        there, speed = self._travelled(t.detach(), live=True)
        moved = t.detach() + (there.detach() - there) / speed.detach()
        return -torch.log(self._travelled(moved, live=True)[1])

    def _ends(self, t: Tensor) -> tuple[Tensor, Tensor]:
        middle, half = 0.5 * (self.maximum + self.minimum), 0.5 * (self.maximum - self.minimum)
        up, down = half * self.reach.to(t).exp()
        return middle + up, middle - down

    def _travelled(self, t: Tensor, *, live: bool) -> tuple[Tensor, Tensor]:
        """U and its rate; only if `live` do gradients reach the weights."""
        line, weights, slopes, centres = self._shape(t, live)
        at, first, last = (
            torch.sigmoid(slopes * (time[..., None] - centres)) for time in (t, *t.new_tensor([0.0, 1.0]))
        )
        whole = line + (weights * (last - first)).sum(-1)
        so_far = line * t + (weights * (at - first)).sum(-1)
        speed = line + (weights * slopes * at * (1 - at)).sum(-1)
        return so_far / whole, speed / whole

    def _shape(self, t: Tensor, live: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The weight of the line, and weights, slopes and centres of the sigmoids, on the device and in the type of t.

        Weights are shares of `units`, so that a line and sigmoids of weight 1 are about as steep.
        """
        parts = (part.to(t) if live else part.detach().to(t) for part in (self.weights, self.slopes, self.centres))
        weights, slopes, centres = parts
        weights = weights.exp() / self.units
        return weights[0], weights[1:], slopes.exp(), centres


def derivative(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """That of a function of every number by itself, also where gradients are off; itself differentiable."""
    slope: Tensor = torch.func.grad(lambda at: function(at).sum())(x)
    return slope


def _time_at(schedule: ByLogSNR, log_snr: Tensor) -> Tensor:
    """The time of a level by bisection, and one Newton step: for the last digits, for what is beyond, for gradients."""
    with torch.no_grad():
        low, high = torch.zeros_like(log_snr), torch.ones_like(log_snr)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            early = schedule.log_snr(middle) > log_snr
            low, high = torch.where(early, middle, low), torch.where(early, high, middle)
        t = 0.5 * (low + high)
        rate = schedule.log_snr_rate(t)
    return t + (log_snr - schedule.log_snr(t)) / rate


def _check_decreasing(times: Tensor, log_snrs: Tensor) -> None:
    """Raise InputError where the log SNR is not a number or not below the one before."""
    if log_snrs.shape != times.shape or not torch.isfinite(log_snrs).all():
        raise InputError(
            f"got a log SNR of shape {tuple(log_snrs.shape)} that is not finite everywhere on [0, 1]; expected one "
            f"finite number for each of {len(times)} times"
        )
    falling = log_snrs.detach().diff() < 0
    if not falling.all():
        k = int((~falling).long().argmax())
        raise InputError(
            f"the log SNR goes from {float(log_snrs[k]):.6g} at t = {float(times[k]):.4g} to "
            f"{float(log_snrs[k + 1]):.6g} at t = {float(times[k + 1]):.4g}; it must decrease strictly from t = 0, "
            "data, to t = 1, noise"
        )


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
