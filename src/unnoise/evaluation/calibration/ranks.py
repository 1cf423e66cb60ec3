r"""Simulation-based calibration: the rank of each truth among draws of its posterior, column by column.

If $\theta, x \sim p$ and $\theta_1, ..., \theta_k \sim q(\cdot | x)$ with q the posterior of p, the truth is
exchangeable with the draws, and its rank uniform on 0, ..., k. The same ranks, from the middle outwards, are the
coverage of central intervals.

References:
    Talts et al. (2018), Validating Bayesian inference algorithms with simulation-based calibration, arXiv 1804.06788.
    Säilynoja, Bürkner, Vehtari (2022), Graphical test for discrete uniformity, arXiv 2103.10522.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import real, whole
from unnoise._errors import InputError
from unnoise.evaluation._mixed import categorical_mask
from unnoise.evaluation.calibration import _columns
from unnoise.evaluation.calibration._uniform import (
    CalibrationCurve,
    Ranks,
    cells_test,
    curve_of,
    ranks_among,
    uniform_cells,
)

LEVEL = 0.005  # p-value up to which a check is not to be believed


@dataclass(frozen=True, eq=False)
class ColumnCalibration:
    """The check of one column.

    Attributes:
        name: of the column.
        p_value: of chance, among all columns.
        statistic: how seldom a calibrated curve is as far off at the place where this one is farthest off.
        curve: of ranks, or of the coverage of central intervals.
        words: in what way it is off, if it is.
    """

    name: str
    p_value: float
    statistic: float
    curve: CalibrationCurve
    words: str


@dataclass(frozen=True, eq=False)
class RankCalibration:
    """The result of `rank_calibration`.

    Attributes:
        p_value: of chance, of all columns together.
        statistic: the least one of a column.
        columns: the one that is farthest off first.
        ranks: of each truth in each column, (n, d), from 0 to `draws`.
        draws: of each row.
    """

    p_value: float
    statistic: float
    columns: tuple[ColumnCalibration, ...]
    ranks: Ranks
    draws: int


@dataclass(frozen=True, eq=False)
class IntervalCoverage:
    """The result of `interval_coverage`.

    Attributes:
        p_value: of chance, of all columns together.
        statistic: the least one of a column.
        columns: the one that is farthest off first; none of levels, which have no middle.
    """

    p_value: float
    statistic: float
    columns: tuple[ColumnCalibration, ...]


def rank_calibration(
    draws: Any,
    truths: Any,
    *,
    categorical: Any = (),
    periods: Mapping[int, float] | None = None,
    names: Sequence[str] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> RankCalibration:
    """Simulation-based calibration: is the rank of a truth among its draws uniform, in every column?

    The p-value of a column is exact at any number of rows and draws: that of the empirical distribution function
    leaving its simultaneous band. Of several columns it is the least one times their number. Ties, as of levels, zeros
    and holes (which come last), are broken at random; angles are ranked by their signed difference to the mean of truth
    and draws.

    A posterior that ignores the observations passes, if its draws follow the prior.

    Args:
        draws: of each row, (n, k, d), numbers and codes of levels; NaN is missing.
        truths: (n, d).
        categorical: the places of the columns that hold codes.
        periods: after how much the columns of angles come round again, by their places.
        names: of the columns.
        level: the p-value up to which a column is not to be believed; its band is left as seldom.
        seed: of the order of ties.

    Raises:
        InputError: fewer than 10 rows, shapes that do not fit, infinity, or a place that there is not.

    >>> rng = np.random.default_rng(0)
    >>> draws, truths = rng.normal(size=(200, 99, 1)), rng.normal(size=(200, 1))
    >>> rank_calibration(draws, truths).p_value > 0.005, rank_calibration(0.5 * draws, truths).columns[0].words
    (True, 'draws are too narrow')
    """
    ranks, found = _ranks(draws, truths, categorical, periods, names, level, seed)
    draws_of_row, d = int(np.shape(draws)[1]), ranks.shape[1]
    cells = uniform_cells(draws_of_row + 1)
    columns = [_column(found[j], ranks[:, j], cells, d, level, _rank_words) for j in range(d)]
    p_value, statistic, ordered = _joined(columns)
    return RankCalibration(p_value, statistic, ordered, ranks, draws_of_row)


def interval_coverage(
    draws: Any,
    truths: Any,
    *,
    categorical: Any = (),
    periods: Mapping[int, float] | None = None,
    names: Sequence[str] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> IntervalCoverage:
    """How often the central interval of a column holds the truth, at every level, beside that level.

    Arguments are those of `rank_calibration`, of whose ranks it is a summary that sees too narrow and too wide draws
    sooner, and no shift of columns that are as wide as they should be. Around the mean of angles.

    Raises:
        InputError: as there; or all columns hold levels, which have no middle.

    >>> rng = np.random.default_rng(0)
    >>> narrow, truths = 0.5 * rng.normal(size=(200, 99, 1)), rng.normal(size=(200, 1))
    >>> curve = interval_coverage(narrow, truths).columns[0].curve
    >>> bool(curve.share[np.searchsorted(curve.level, 0.9)] < 0.7)
    True
    """
    ranks, found = _ranks(draws, truths, categorical, periods, names, level, seed)
    kept = np.flatnonzero(~categorical_mask(categorical, ranks.shape[1]))
    if not kept.size:
        raise InputError("got columns of levels alone, which have no central interval; see rank_calibration")
    k = int(np.shape(draws)[1])
    inner = k % 2  # 2 rank - k is odd where k is
    outwards = (np.abs(2 * ranks - k) - inner) // 2
    cells = tuple((1.0 if 2 * j + inner == 0 else 2.0) / (k + 1) for j in range((k - inner) // 2 + 1))
    columns = [_column(found[j], outwards[:, j], cells, kept.size, level, _interval_words) for j in kept]
    return IntervalCoverage(*_joined(columns))


def _ranks(
    draws: Any,
    truths: Any,
    categorical: Any,
    periods: Mapping[int, float] | None,
    names: Sequence[str] | None,
    level: float,
    seed: int,
) -> tuple[Ranks, list[str]]:
    whole(seed=seed)
    real(above=0, below=1, level=level)
    drawn, truth, _ = _columns.checked(draws, truths)
    d = truth.shape[1]
    categorical_mask(categorical, d)
    ordered = _columns.in_order(drawn, truth, _columns.periods_of(periods, d))
    return ranks_among(*ordered, np.random.default_rng(seed)), _columns.names_or_places(names, d)


def _column(
    name: str,
    places: Ranks,
    cells: tuple[float, ...],
    columns: int,
    level: float,
    words: Callable[[CalibrationCurve], str],
) -> ColumnCalibration:
    statistic, p_value = cells_test(places, cells)
    curve = curve_of(places, cells, level / columns)
    return ColumnCalibration(name, min(1.0, columns * p_value), statistic, curve, words(curve))


def _joined(columns: Sequence[ColumnCalibration]) -> tuple[float, float, tuple[ColumnCalibration, ...]]:
    ordered = tuple(sorted(columns, key=lambda one: (one.p_value, one.statistic)))
    return ordered[0].p_value, ordered[0].statistic, ordered


def _rank_words(curve: CalibrationCurve) -> str:
    """Truths that have low ranks lie below the draws; ranks that gather at both ends are of narrow draws."""
    off = curve.share - curve.level
    half = np.searchsorted(curve.level, 0.5)
    bulge = float(off[:half].mean() - off[half:].mean())
    if abs(curve.excess) >= 0.5 * abs(bulge):
        return "draws are too high" if curve.excess > 0 else "draws are too low"
    return "draws are too narrow" if bulge > 0 else "draws are too wide"


def _interval_words(curve: CalibrationCurve) -> str:
    return "intervals are too wide" if curve.excess > 0 else "intervals are too narrow"
