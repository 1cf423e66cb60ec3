r"""Are ranks uniform? The exact law of the largest pointwise surprise of an empirical distribution function.

A truth that is exchangeable with its k draws has a uniform rank on 0, ..., k. Of n such ranks the number $N_i$ in the
first i cells is binomial, and surprises by $2 \min(P(B_i \le N_i), P(B_i \ge N_i))$. The least over i is the statistic.

Its law (Säilynoja, Bürkner, Vehtari 2022, arXiv 2103.10522) is that of a path that stays between bounds. Counts of
cells are independent Poisson numbers given that they sum to n, so the path is a Markov chain, and its probability a
product of convolutions: exact, without simulation.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unnoise.evaluation._rows import Array

Ranks = NDArray[np.int64]

CLEAR = 1e-9  # up to which the sum over cells stands for the p-value, as the difference from 1 loses its digits
NUDGE = 1e-9  # relative; what surprises just as much is outside
HALVINGS = 18  # of the interval of logarithms that holds the level of a band


@dataclass(frozen=True, eq=False)
class CalibrationCurve:
    """The share of truths up to each level, beside the level itself, which a calibrated model gives.

    Attributes:
        level: from 0 to 1, (cells + 1,).
        share: of truths, (cells + 1,).
        lower: the lower end of the band that all of a calibrated curve lies in, but for one in 1 / `rate`.
        upper: the upper end.
        rate: how often a calibrated curve leaves the band.
    """

    level: Array
    share: Array
    lower: Array
    upper: Array
    rate: float

    @property
    def gap(self) -> float:
        """The share less the level where they differ most."""
        differences = self.share - self.level
        return float(differences[np.abs(differences).argmax()])

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Where the share leaves the band, (cells + 1,)."""
        return np.asarray((self.share < self.lower) | (self.share > self.upper))

    @property
    def excess(self) -> float:
        """The mean of the share less the level: above 0 where truths come early."""
        return float(np.trapezoid(self.share - self.level, self.level))


def ranks_among(draws: Array, truths: Array, rng: np.random.Generator) -> Ranks:
    """How many of the draws (n, k, ...) are below the truth (n, ...), those equal to it at random.

    >>> int(ranks_among(np.array([[1.0, 2.0, 4.0]]), np.array([3.0]), np.random.default_rng(0))[0])
    2
    """
    below, equal = (draws < truths[:, None]).sum(1), (draws == truths[:, None]).sum(1)
    return np.asarray(below + rng.integers(0, equal + 1), dtype=np.int64)


def uniform_cells(cells: int) -> tuple[float, ...]:
    """As many cells of one probability."""
    return (1.0 / cells,) * cells


def cells_test(places: Ranks, cells: tuple[float, ...]) -> tuple[float, float]:
    """The statistic and its p-value of n independent places among cells of these probabilities."""
    from scipy.stats import binom

    n, inner = len(places), np.cumsum(cells)[:-1].clip(0.0, 1.0)
    counts = np.cumsum(np.bincount(places, minlength=len(cells)))[:-1]
    tails = np.minimum(binom.cdf(counts, n, inner), binom.sf(counts - 1, n, inner))
    statistic = min(1.0, 2.0 * float(tails.min())) if len(tails) else 1.0
    return statistic, exceeded(statistic, n, cells)


def exceeded(statistic: float, n: int, cells: tuple[float, ...]) -> float:
    """How often the least surprise of n calibrated ranks is at most this."""
    at_most = statistic * (len(cells) - 1)
    if at_most <= CLEAR:
        return at_most
    lower, upper = _inside(statistic, n, cells)
    return float(np.clip(1.0 - _stays(n, cells, lower, upper), 0.0, min(1.0, at_most)))


def curve_of(places: Ranks, cells: tuple[float, ...], rate: float) -> CalibrationCurve:
    """The curve of n places, in the band that all of a calibrated one lies in but for a share `rate` of them."""
    n = len(places)
    lower, upper = band(n, cells, rate)
    share = np.cumsum(np.bincount(places, minlength=len(cells))) / n
    level = np.cumsum(cells)
    level[-1] = 1.0
    level, share, low, high = (np.concatenate([[0.0], part]) for part in (level, share, lower / n, upper / n))
    return CalibrationCurve(level, share, low, high, rate)


@functools.lru_cache(maxsize=64)
def band(n: int, cells: tuple[float, ...], rate: float) -> tuple[Array, Array]:
    """The counts up to each cell from which a calibrated path of n ranks strays at a rate of at most `rate`."""
    low, high = np.log(rate / len(cells)), 0.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if exceeded(float(np.exp(middle)), n, cells) <= rate else (low, middle)
    lower, upper = _inside(float(np.exp(low)), n, cells)
    return np.append(lower, n).astype(float), np.append(upper, n).astype(float)


def _inside(statistic: float, n: int, cells: tuple[float, ...]) -> tuple[Ranks, Ranks]:
    """The least and the largest count up to each inner cell that surprises less than this."""
    from scipy.stats import binom

    inner, tail = np.cumsum(cells)[:-1].clip(0.0, 1.0), min(0.5 * statistic * (1.0 + NUDGE), 1.0)
    return binom.ppf(tail, n, inner).astype(np.int64), binom.isf(tail, n, inner).astype(np.int64)


def _stays(n: int, cells: tuple[float, ...], lower: Ranks, upper: Ranks) -> float:
    """The probability that the counts up to each inner cell all lie within bounds."""
    from scipy.stats import poisson

    if (lower > upper).any():
        return 0.0
    path, first = np.ones(1), 0
    for probability, low, high in zip(cells, [*lower, n], [*upper, n], strict=False):
        steps = poisson.pmf(np.arange(high - first + 1), n * probability)
        reached = np.convolve(path, steps)[: high - first + 1]
        path, first = reached[max(low - first, 0) :], max(low, first)
    return float(path[0] / poisson.pmf(n, n))
