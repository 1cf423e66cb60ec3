"""Schedules that state the integrated noise rate B(t)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.schedules.base import Schedule, check


@dataclass(frozen=True)
class Linear(Schedule):
    r"""$B = \beta_0 \tau + \frac12 (\beta_1 - \beta_0) \tau^2$, $\tau$ from `tau_min` to 1: a linear rate.

    By default from 1e-6 to 10.05 (Song et al. 2021, arXiv 2011.13456, after Ho et al. 2020).

    Args:
        start: $\beta_0$, at least 0, per unit of $\tau$.
        end: $\beta_1$, above 0.
        tau_min: $\tau$ at t = 0, in [0, 1); else InputError.

    >>> round(float(Linear().value(torch.tensor(1.0))), 4)
    10.05
    """

    start: float = 0.1
    end: float = 20.0
    tau_min: float = 1e-5

    def __post_init__(self) -> None:
        expected = "rates start >= 0 and end > 0, both finite, and 0 <= tau_min < 1"
        check(self, lambda: self.start >= 0 and self.end > 0 and 0 <= self.tau_min < 1, expected)

    def _tau(self, t: Tensor) -> Tensor:
        return self.tau_min + (1 - self.tau_min) * t

    def value(self, t: Tensor) -> Tensor:
        """$B(t)$."""
        tau = self._tau(t)
        return self.start * tau + 0.5 * (self.end - self.start) * tau**2

    def rate(self, t: Tensor) -> Tensor:
        r"""$\beta(t)$."""
        return (self.start + (self.end - self.start) * self._tau(t)) * (1 - self.tau_min)

    def inverse(self, value: Tensor) -> Tensor:
        """The root of the quadratic, in its stable form."""
        root = torch.sqrt(self.start**2 + 2 * (self.end - self.start) * value)
        return (2 * value / (self.start + root) - self.tau_min) / (1 - self.tau_min)


@dataclass(frozen=True)
class Cosine(Schedule):
    r"""$B = -2\log\cos(\pi\tau/2)$, $\tau$ from `tau_min` to `tau_max`: $\alpha = \cos(\pi\tau/2)$ in a VP process.

    By default from $\sigma$ = 0.0016 to $\alpha$ = 0.0016. Nichol and Dhariwal 2021 (arXiv 2102.09672), with trimmed
    ends for their offset.

    Args:
        tau_min: $\tau$ at t = 0, at least 0, else InputError.
        tau_max: $\tau$ at t = 1, below 1, where no signal would be left.

    >>> torch.exp(-0.5 * Cosine(0.0, 0.5).value(torch.tensor(1.0)))  # cos of 45 degrees
    tensor(0.7071)
    """

    tau_min: float = 1e-3
    tau_max: float = 1 - 1e-3

    def __post_init__(self) -> None:
        expected = "0 <= tau_min < tau_max < 1: at tau = 1 no signal is left, which nothing can undo"
        check(self, lambda: 0 <= self.tau_min < self.tau_max < 1, expected)

    def _angle(self, t: Tensor) -> Tensor:
        return 0.5 * math.pi * (self.tau_min + (self.tau_max - self.tau_min) * t)

    def value(self, t: Tensor) -> Tensor:
        r"""$\log(1 + \tan^2(\pi\tau/2))$, which keeps its digits at both ends."""
        return torch.log1p(torch.tan(self._angle(t)) ** 2)

    def rate(self, t: Tensor) -> Tensor:
        r"""$\pi\dot\tau\tan(\pi\tau/2)$."""
        return math.pi * (self.tau_max - self.tau_min) * torch.tan(self._angle(t))

    def inverse(self, value: Tensor) -> Tensor:
        r"""$\tan^2(\pi\tau/2) = e^B - 1$."""
        tau = 2 / math.pi * torch.atan(torch.sqrt(torch.expm1(value)))
        return (tau - self.tau_min) / (self.tau_max - self.tau_min)


@dataclass(frozen=True)
class Erasing(Schedule):
    r"""$e^{-B}$, what survives, falls on a line from 1 - `lost` to `survival`.

    The log-linear noise of SEDD (Lou et al. 2024, arXiv 2310.16834); in steps the $\beta_t = 1/(T - t + 1)$ of
    Sohl-Dickstein et al. 2015 (arXiv 1503.03585).

    Args:
        lost: the share that is gone at t = 0, at least 0.
        survival: the share that is left at t = 1, above 0; both together below 1, else InputError.

    >>> torch.exp(-Erasing(0.0, 0.2).value(torch.tensor([0.0, 0.5, 1.0])))
    tensor([1.0000, 0.6000, 0.2000])
    """

    lost: float = 1e-5
    survival: float = 1e-5

    def __post_init__(self) -> None:
        expected = "lost >= 0 and survival > 0, together below 1: what does not survive cannot be undone"
        check(self, lambda: self.lost >= 0 and self.survival > 0 and self.lost + self.survival < 1, expected)

    def _gone(self, t: Tensor) -> Tensor:
        return self.lost * (1 - t) + (1 - self.survival) * t

    def _kept(self, t: Tensor) -> Tensor:
        return (1 - self.lost) * (1 - t) + self.survival * t

    def value(self, t: Tensor) -> Tensor:
        """The logarithm of the smaller share, which keeps its digits."""
        return -torch.where(t < 0.5, torch.log1p(-self._gone(t)), torch.log(self._kept(t)))

    def rate(self, t: Tensor) -> Tensor:
        """The speed of the line over what is left."""
        return (1 - self.lost - self.survival) / self._kept(t)

    def inverse(self, value: Tensor) -> Tensor:
        """The share that is gone, on its line."""
        return (-torch.expm1(-value) - self.lost) / (1 - self.lost - self.survival)


@dataclass(frozen=True)
class Geometric(Schedule):
    r"""$B = \text{start}\,(\text{end}/\text{start})^t$: $\log B$ is a line, noise over many scales of length.

    For heat on manifolds, where B is a variance in squared radians (Song and Ermon 2019, arXiv 1907.05600).

    Args:
        start: B at t = 0, above 0.
        end: B at t = 1, above `start`, else InputError.

    >>> Geometric(0.01, 4.0).value(torch.tensor([0.0, 0.5, 1.0]))
    tensor([0.0100, 0.2000, 4.0000])
    """

    start: float
    end: float

    def __post_init__(self) -> None:
        check(self, lambda: 0 < self.start < self.end, "0 < start < end, both finite")

    def _growth(self) -> float:
        return math.log(self.end / self.start)

    def value(self, t: Tensor) -> Tensor:
        """$B(t)$."""
        return self.start * torch.exp(self._growth() * t)

    def rate(self, t: Tensor) -> Tensor:
        """In proportion to B."""
        return self._growth() * self.value(t)

    def inverse(self, value: Tensor) -> Tensor:
        """The place on the line of logarithms."""
        return torch.log(value / self.start) / self._growth()


@dataclass(frozen=True)
class Exponential(Schedule):
    r"""$B = a (b^\tau - 1)$, $\tau$ from `tau_min` to 1: a rate that grows exponentially.

    Campbell et al. 2022 (arXiv 2205.14987), Benton et al. 2024 (arXiv 2211.03595).

    Args:
        scale: a, above 0.
        base: b, above 1.
        tau_min: $\tau$ at t = 0, in [0, 1); else InputError.

    >>> Exponential(3.0, 100.0).value(torch.tensor(1.0))
    tensor(297.0000)
    """

    scale: float = 3.0
    base: float = 100.0
    tau_min: float = 1e-5

    def __post_init__(self) -> None:
        expected = "scale > 0 and base > 1, both finite, and 0 <= tau_min < 1"
        check(self, lambda: self.scale > 0 and self.base > 1 and 0 <= self.tau_min < 1, expected)

    def _exponent(self, t: Tensor) -> Tensor:
        return math.log(self.base) * (self.tau_min + (1 - self.tau_min) * t)

    def value(self, t: Tensor) -> Tensor:
        """$B(t)$."""
        return self.scale * torch.expm1(self._exponent(t))

    def rate(self, t: Tensor) -> Tensor:
        r"""$\beta(t)$."""
        return self.scale * math.log(self.base) * (1 - self.tau_min) * torch.exp(self._exponent(t))

    def inverse(self, value: Tensor) -> Tensor:
        r"""$b^\tau = 1 + B/a$."""
        return (torch.log1p(value / self.scale) / math.log(self.base) - self.tau_min) / (1 - self.tau_min)
