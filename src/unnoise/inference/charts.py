r"""Charts that take parameters to all of $R^d$: of numbers between ends, whole numbers, and shares that sum to one.

All of them send a uniform law to N(0, 1) for each number of the chart. Densities are with respect to Lebesgue measure,
for whole numbers to counting measure, and for shares to Lebesgue measure on all but the last.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

EDGE = 2.0**-60  # of the width of a box, within which a number counts as so far inside
LEAST = 1e-30  # of shares, which single precision holds
FAR = 37.0  # of a chart of shares, beyond which double precision holds none
SUM = 1e-4  # how far from 1 shares may sum


class PriorChart(ABC):
    """Points z, (..., free), for values theta, (..., numbers)."""

    @abstractmethod
    def contains(self, theta: Floats) -> Flags:
        """Which values are possible, (...,)."""

    @abstractmethod
    def inside(self, z: Floats) -> Floats:
        """Values of points: never on an end."""

    @abstractmethod
    def outside(self, theta: Floats, rng: torch.Generator | None = None) -> Floats:
        """Points of values; an end counts as just inside.

        Args:
            theta: values.
            rng: of where in its cell a whole number lies; None for the middle.
        """

    @abstractmethod
    def log_volume(self, z: Floats) -> Floats:
        r"""$\log|\partial\theta/\partial z|$, (...,)."""

    @abstractmethod
    def volume_slopes(self, z: Floats) -> Floats:
        r"""$\partial\log|\partial\theta/\partial z|/\partial z_i$."""

    @abstractmethod
    def pulled(self, slopes: Floats, z: Floats) -> Floats:
        r"""$\sum_j g_j\,\partial\theta_j/\partial z_i$ of slopes g in theta; 0 for whole numbers."""


@dataclass(frozen=True, eq=False)
class Ranges(PriorChart):
    r"""Numbers each of which may have a least and a greatest value.

    A number with both is $\theta = a + (b - a)\,\Phi(z)$, with the normal distribution function $\Phi$; with one
    $\theta = a + e^z$ or $b - e^z$; without ends $\theta = z$. A whole number is that of the cell around it, k ± 1/2.

    Args:
        low: the least values, of whole numbers the ends of their cells; minus infinity without one.
        high: the greatest.
        whole: which are whole.

    >>> Ranges(np.array([0.5]), np.array([3.5]), np.array([True])).inside(np.array([[-1.0], [0.0], [9.0]])).tolist()
    [[1.0], [2.0], [3.0]]
    """

    low: Floats
    high: Floats
    whole: Flags

    def contains(self, theta: Floats) -> Flags:
        """Those in the box, its ends with it."""
        fits = (theta >= self.low) & (theta <= self.high) & (~self.whole | (theta == np.round(theta)))
        return np.asarray(fits.all(axis=-1))

    def inside(self, z: Floats) -> Floats:
        """Values of points."""
        from scipy.special import ndtr

        low, high, left, right = self._sides()
        width = np.where(left & right, high - low, 1.0)
        with np.errstate(over="ignore"):
            away = np.exp(z)
        share = width * ndtr(-np.abs(z))
        near = np.where(z < 0, low + share, high - share)
        theta = np.where(left & right, near, np.where(left, low + away, np.where(right, high - away, z)))
        least, most = np.nextafter(self.low, np.inf), np.nextafter(self.high, -np.inf)
        ends = np.finfo(np.float64)
        theta = np.clip(theta, np.where(left, least, ends.min), np.where(right, most, ends.max))
        return np.where(self.whole, np.round(theta), theta)

    def outside(self, theta: Floats, rng: torch.Generator | None = None) -> Floats:
        """Points of values."""
        from scipy.special import ndtri

        if rng is not None and self.whole.any():
            place = torch.rand(theta.shape, generator=rng, dtype=torch.float64).numpy() - 0.5
            theta = theta + np.where(self.whole, place, 0.0)
        low, high, left, right = self._sides()
        above, below = np.maximum(theta - low, 0), np.maximum(high - theta, 0)
        width = np.where(left & right, high - low, 1.0)
        shares = (np.maximum(part / width, EDGE) for part in (above, below))
        under, over = (np.where(left & right, share, 0.5) for share in shares)
        both = np.where(under < over, ndtri(under), -ndtri(over))
        alone = np.log(np.maximum(np.where(left, above, below), np.finfo(np.float64).tiny))
        return np.where(left & right, both, np.where(left | right, alone, theta))

    def log_volume(self, z: Floats) -> Floats:
        """Of points, of whole numbers that of their cells."""
        return np.asarray(self._log_slopes(z).sum(axis=-1))

    def volume_slopes(self, z: Floats) -> Floats:
        """Of points."""
        _, _, left, right = self._sides()
        return np.where(left & right, -z, np.where(left | right, 1.0, 0.0))

    def pulled(self, slopes: Floats, z: Floats) -> Floats:
        """Each by its own number alone."""
        _, _, left, right = self._sides()
        sign = np.where(self.whole, 0.0, np.where(right & ~left, -1.0, 1.0))
        return np.asarray(slopes * sign * np.exp(self._log_slopes(z)))

    def _log_slopes(self, z: Floats) -> Floats:
        low, high, left, right = self._sides()
        width = np.where(left & right, high - low, 1.0)
        both = np.log(width) - 0.5 * z**2 - 0.5 * math.log(2 * math.pi)
        return np.where(left & right, both, np.where(left | right, z, 0.0))

    def _sides(self) -> tuple[Floats, Floats, Flags, Flags]:
        """The ends, 0 where there is none, and where there are some."""
        left, right = np.isfinite(self.low), np.isfinite(self.high)
        return np.where(left, self.low, 0.0), np.where(right, self.high, 0.0), left, right


@dataclass(frozen=True)
class Shares(PriorChart):
    r"""Shares that sum to one, by what each takes of that which those before it leave.

    The i-th of K takes $v_i = 1 - \Phi(-z_i)^{1/(K-i)}$ of it, which is the i-th margin of a uniform law, $B(1, K-i)$,
    so that two shares are $\Phi(z)$ and the rest.

    Args:
        count: K, at least 2; several vectors of shares lie side by side.

    >>> Shares(3).inside(np.array([[0.0, 0.0], [30.0, 0.0]])).round(2).tolist()
    [[0.29, 0.35, 0.35], [1.0, 0.0, 0.0]]
    """

    count: int

    def contains(self, theta: Floats) -> Flags:
        """Those without negative parts, and of sum one."""
        rows = self._apart(theta, self.count)
        return np.asarray(((rows >= 0).all(-1) & (np.abs(rows.sum(-1) - 1) <= SUM)).all(-1))

    def inside(self, z: Floats) -> Floats:
        """Shares of points."""
        log_rest = self._log_rest(z)
        left = np.exp(np.cumsum(log_rest, -1))
        before = np.concatenate([np.ones_like(left[..., :1]), left], -1)
        rows = np.concatenate([-np.expm1(log_rest) * before[..., :-1], before[..., -1:]], -1)
        return self._beside(np.maximum(rows, LEAST))

    def outside(self, theta: Floats, rng: torch.Generator | None = None) -> Floats:
        """Points of shares."""
        from scipy.special import ndtri_exp

        rows = np.maximum(self._apart(theta, self.count), LEAST)
        left = np.cumsum(rows[..., ::-1], -1)[..., ::-1]
        taken = rows[..., :-1] / left[..., :-1]
        log_rest = np.where(taken < 0.5, np.log1p(-np.minimum(taken, 0.5)), np.log(left[..., 1:] / left[..., :-1]))
        return self._beside(np.clip(-ndtri_exp(self._left * log_rest), -FAR, FAR))

    def log_volume(self, z: Floats) -> Floats:
        """Of points, with respect to all shares but the last of each vector."""
        each = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
        return np.asarray(each.sum(-1) - z.shape[-1] / (self.count - 1) * math.lgamma(self.count))

    def volume_slopes(self, z: Floats) -> Floats:
        """Of points."""
        return -z

    def pulled(self, slopes: Floats, z: Floats) -> Floats:
        """By what a number takes from all shares after it."""
        from scipy.special import log_ndtr

        g, theta = self._apart(slopes, self.count), self._apart(self.inside(z), self.count)
        after = np.cumsum((g * theta)[..., ::-1], -1)[..., ::-1][..., 1:]
        left = np.cumsum(theta[..., ::-1], -1)[..., ::-1][..., 1:]
        points = self._apart(z, self.count - 1)
        rate = np.exp(-0.5 * points**2 - 0.5 * math.log(2 * math.pi) - log_ndtr(-points)) / self._left
        return self._beside((g[..., :-1] * left - after) * rate)

    def _log_rest(self, z: Floats) -> Floats:
        r"""$\log(1 - v_i)$."""
        from scipy.special import log_ndtr

        points = np.clip(self._apart(z, self.count - 1), -FAR, FAR)
        return np.asarray(log_ndtr(-points) / self._left)

    @property
    def _left(self) -> Floats:
        return np.arange(self.count - 1.0, 0, -1)

    def _apart(self, numbers: Floats, count: int) -> Floats:
        return numbers.reshape(*numbers.shape[:-1], -1, count)

    def _beside(self, rows: Floats) -> Floats:
        return rows.reshape(*rows.shape[:-2], -1)
