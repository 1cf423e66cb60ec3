r"""How many ancestors a population had at an earlier time: the time scale of the Wright-Fisher kernel.

In Kingman's coalescent with mutation at total rate $\theta/2$, infinitely many lines merge and mutate, at rates
$\lambda_k = \frac12 k(k + \theta - 1)$ from k to k - 1, into $m$ at time t. The published alternating series of
$q_m(t)$ loses all digits for t below about 0.05 (Griffiths 1980; Jenkins and Spano 2017, arXiv 1506.06998). Here its
Laplace transform (by exponential waiting times; the closed form is this project's)

$$\hat q_m(s) = \frac{1}{\lambda_m + s}\prod_{k > m}\frac{\lambda_k}{\lambda_k + s}
= \frac{2\,\Gamma(c - D)\,\Gamma(c + D)}{\Gamma(m + 1)\Gamma(m + \theta)}, \qquad
c = m + \tfrac{\theta - 1}2,\quad D^2 = \tfrac{(\theta - 1)^2}4 - 2 s,$$

is inverted along a parabola through the real saddle point of $e^{st}\hat q_m(s)$, without cancellation: every $q_m(t)$
has a relative error of about 1e-13, however small it is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._errors import InputError, NonFiniteError
from unnoise._roots import bisect
from unnoise.laws.base import standard_normal
from unnoise.laws.categorical import Categorical

Floats = NDArray[np.float64]

NODES, STEP = 48, 0.25  # of the trapezoidal rule along half of the parabola
BEND = 0.225  # of the parabola, which must stay to the right of the poles: below 1/4
TERMS = 6  # of the sum of `_mean`
STENCIL = 12  # points of every interpolation
TIME_SPACING, LINE_SPACING = 0.08, 0.06  # of the table, in log t and log m
SINGLE = 64  # numbers of lines below this have a column of their own
FEW_FROM = 0.07  # from this time on no more than 63 lines are ever seen
BROADER, ENVELOPE = 1.2, 1.5  # of the proposals
MOST_ROUNDS = 1_000  # of rejection; each keeps two thirds


@dataclass(frozen=True)
class Lineages:
    r"""$\log q_m(t)$ for a range of times, interpolated in log t and log m to about 1e-11.

    Args:
        theta: $\theta$, the total mutation rate, positive.
        first: log of the first time of the table.
        most: the largest number of lines that is asked for.
        table: (times, columns): numbers of lines 0 to 63, then a grid in log m.
    """

    theta: float
    first: float
    most: int
    table: Tensor

    def at(self, time: Tensor) -> Tensor:
        """The table at times (n,), (n, columns), for `log_mass`."""
        place = (time.double().log() - self.first) / TIME_SPACING
        edge = STENCIL // 2 - 1
        if not ((place >= edge) & (place < len(self.table) - edge - 1)).all():
            first, last = (math.exp(self.first + TIME_SPACING * row) for row in (edge, len(self.table) - edge - 1))
            raise InputError(f"got a time of Wright-Fisher noise outside of this table, {first:.4g} to {last:.4g}")
        table = self.table.to(time.device)
        return _interpolated(place, lambda index: table[index])

    def log_mass(self, columns: Tensor, m: Tensor) -> Tensor:
        """Log q_m for m >= 0, (n, K), whole or not above 64, at the times of `at`."""
        place = torch.log(m.clamp(min=SINGLE).double() / SINGLE) / LINE_SPACING + SINGLE + STENCIL // 2 - 1
        many = _interpolated(place, lambda index: torch.gather(columns, 1, index))
        few = torch.gather(columns, 1, m.clamp(max=SINGLE - 1).long())
        return torch.where(m < SINGLE, few, many)

    def sample(self, time: Tensor, rng: torch.Generator) -> Tensor:
        """Draw numbers of lines at times (n,), int64."""
        early = time < FEW_FROM
        drawn = torch.empty(time.shape, dtype=torch.int64, device=time.device)
        drawn[early] = self._rejected(time[early], rng)
        drawn[~early] = Categorical(self.at(time[~early])[:, :SINGLE].exp(), 0).sample(rng)
        return drawn

    def moments(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of m for small times (Griffiths 1984)."""
        b = 0.5 * (self.theta - 1) * time
        b = torch.where(b.abs() < 1e-3, 1e-3, b)
        eta = b / torch.expm1(b)
        mean = 2 * eta / time
        return mean, mean * ((eta + b) / b) ** 2 * (1 + eta / (eta + b) - 2 * eta)

    def _rejected(self, time: Tensor, rng: torch.Generator) -> Tensor:
        """From a rounded normal law, a little broader than m, which is nearly normal."""
        (mean, variance), columns = self.moments(time), self.at(time)
        width = BROADER * variance.sqrt()
        drawn, left = torch.empty_like(time), torch.arange(len(time), device=time.device)
        for _ in range(MOST_ROUNDS):
            if not len(left):
                return drawn.long()
            z = standard_normal((len(left),), time, rng)
            m = (mean[left] + width[left] * z).round()
            away = (m - mean[left]).abs()  # measured from the mean, where the tails keep their digits
            nearer, farther = ((away + side).neg() / width[left] for side in (-0.5, 0.5))
            proposed = torch.special.ndtr(nearer) - torch.special.ndtr(farther)
            target = self.log_mass(columns[left], m.clamp(min=0)[:, None])[:, 0].exp()
            uniform = torch.rand(len(left), generator=rng, device=rng.device, dtype=torch.float64).to(time.device)
            accepted = (uniform * ENVELOPE * proposed < target) & (m >= 0)
            drawn[left[accepted]] = m[accepted]
            left = left[~accepted]
        raise NonFiniteError(f"{MOST_ROUNDS:,} rounds kept no number of lines at time {float(time[left[0]]):.4g}")


@functools.lru_cache(maxsize=16)
def lineages(theta: float, start: float, end: float) -> Lineages:
    """The table for times from `start` to `end`; about 1 s of work the first time.

    >>> table = lineages(3.0, 0.1, 0.2)
    >>> m = torch.arange(60)[None]
    >>> round(float(table.log_mass(table.at(torch.tensor([0.15])), m).exp().sum()), 10)
    1.0
    """
    margin, most = STENCIL // 2, 4 / start + 64
    first = math.log(start) - margin * TIME_SPACING
    rows = math.ceil((math.log(end) - first) / TIME_SPACING) + margin + 1
    beyond = math.ceil(math.log(most / SINGLE) / LINE_SPACING) + 2 * margin
    grid = SINGLE * np.exp(LINE_SPACING * (np.arange(beyond) - margin + 1))
    columns = np.concatenate([np.arange(SINGLE, dtype=np.float64), grid])
    times = np.exp(first + TIME_SPACING * np.arange(rows))
    values = [log_masses(theta, columns, np.full_like(columns, time)) for time in times]
    return Lineages(theta, first, int(most), torch.from_numpy(np.stack(values)))


def _interpolated(place: Tensor, look_up: Callable[[Tensor], Tensor]) -> Tensor:
    """Lagrange's interpolation of a uniform table at fractional places."""
    start = place.floor().long() - STENCIL // 2 + 1
    offset = (place - start)[..., None] - torch.arange(STENCIL, device=place.device)
    signs = [(-1) ** (STENCIL - 1 - k) * math.factorial(k) * math.factorial(STENCIL - 1 - k) for k in range(STENCIL)]
    weights = products_of_others(offset, -1) / torch.tensor(signs, dtype=torch.float64, device=place.device)
    total = torch.zeros((), dtype=torch.float64, device=place.device)
    for k in range(STENCIL):
        values = look_up(start + k)
        total = total + weights[..., k].reshape(*place.shape, *[1] * (values.ndim - place.ndim)) * values
    return total


def products_of_others(factors: Tensor, dim: int) -> Tensor:
    """The product of all other factors along an axis, without division."""
    last = factors.shape[dim] - 1
    ones = torch.ones_like(factors.narrow(dim, 0, 1))
    before = torch.cat([ones, factors.narrow(dim, 0, last)], dim).cumprod(dim)
    after = torch.cat([ones, factors.narrow(dim, 1, last).flip(dim)], dim).cumprod(dim).flip(dim)
    return before * after


def log_masses(theta: float, m: Floats, t: Floats) -> Floats:
    r"""$\log q_m(t)$ for m >= 0 and t > 0 of one shape, by the integral in the module."""
    from scipy.special import loggamma

    shift = _saddle(theta, m, t)
    pole = 0.5 * m * (m + theta - 1)
    width = 1 / np.sqrt(_curvature(theta, m, shift - pole))
    u = STEP * np.arange(NODES)[:, None]
    bend = BEND / shift
    along = 1j * width * u - bend * (width * u) ** 2
    root = np.sqrt(0.25 * (theta - 1) ** 2 - 2 * (shift - pole + along) + 0j)
    centre = m + 0.5 * (theta - 1)
    exponent = along * t + loggamma(centre - root) + loggamma(centre + root)
    height = exponent[0].real
    slope = 1j * width - 2 * bend * width**2 * u
    terms = (np.exp(exponent - height) * slope).imag
    integral = STEP / math.pi * (terms.sum(0) - 0.5 * terms[0])
    scale = math.log(2) - loggamma(m + 1.0).real - loggamma(m + theta).real
    return np.asarray(np.log(integral) + height + scale + (shift - pole) * t)


def _saddle(theta: float, m: Floats, t: Floats) -> Floats:
    r"""$s + \lambda_m > 0$ at the saddle, to a few digits: $\sum_{k\ge m} 1/(\lambda_k + s) = t$."""
    pole = 0.5 * m * (m + theta - 1)
    first, last = np.log(0.3 / t), np.log(4 * (m + theta + 2 / t) ** 2 + 2 / t)

    def beyond(log_s: Tensor) -> Tensor:
        return torch.as_tensor(_mean(theta, m, np.exp(log_s.numpy()) - pole) > t)

    start, end = torch.broadcast_tensors(torch.as_tensor(first), torch.as_tensor(last))  # type: ignore[no-untyped-call]
    low, high = bisect(beyond, start, end, 16)
    return np.asarray(np.exp(0.5 * (low + high).numpy()))


def _mean(theta: float, m: Floats, s: Floats) -> Floats:
    r"""About $\sum_{k\ge m} 1/(\lambda_k + s)$: an integral after a few terms."""
    centre, squared = m + 0.5 * (theta - 1), 0.25 * (theta - 1) ** 2 - 2 * s
    terms = sum(2 / ((centre + k) ** 2 - squared) for k in range(TERMS))
    ratio = np.sqrt(np.abs(squared)) / (centre + TERMS - 0.5)
    hyperbolic = np.arctanh(np.minimum(ratio, 1 - 1e-12))
    angle = np.where(squared > 0, hyperbolic, np.arctan(ratio)) / np.maximum(ratio, 1e-12)
    return np.asarray(terms + 2 / (centre + TERMS - 0.5) * np.where(ratio > 1e-6, angle, 1.0))


def _curvature(theta: float, m: Floats, s: Floats) -> Floats:
    r"""$\sum_{k\ge m} 1/(\lambda_k + s)^2$, by differences: it only scales the integral."""
    step = 1e-4 * (s + 0.5 * m * (m + theta - 1))
    return np.asarray((_mean(theta, m, s - step) - _mean(theta, m, s + step)) / (2 * step))
