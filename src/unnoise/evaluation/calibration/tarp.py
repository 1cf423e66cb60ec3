"""Tests of accuracy with random points: are truths as near to a point of reference as draws are?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import real, whole
from unnoise._errors import InputError
from unnoise.evaluation._rows import Array, as_rows
from unnoise.evaluation.calibration import _columns
from unnoise.evaluation.calibration._uniform import (
    CalibrationCurve,
    Ranks,
    cells_test,
    curve_of,
    ranks_among,
    uniform_cells,
)
from unnoise.evaluation.calibration.ranks import LEVEL

BLOCK = 500  # rows compared with all others at once
ALIKE = 1e-9  # observations that are nearer to each other count as equal


@dataclass(frozen=True, eq=False)
class PointCoverage:
    """The result of `point_coverage`.

    Attributes:
        p_value: of chance.
        statistic: how seldom a calibrated curve is as far off at the place where this one is farthest off.
        curve: the share of truths in balls around references that hold each share of the draws.
        ranks: how many draws are nearer to the reference than the truth, (n,).
        words: in what way it is off, if it is.
    """

    p_value: float
    statistic: float
    curve: CalibrationCurve
    ranks: Ranks
    words: str


def point_coverage(
    draws: Any,
    truths: Any,
    observations: Any = None,
    *,
    references: Any = None,
    categorical: Any = (),
    periods: Mapping[int, float] | None = None,
    level: float = LEVEL,
    seed: int = 0,
) -> PointCoverage:
    r"""Coverage of balls around points of reference (TARP), which takes no density and looks at all columns at once.

    Of each row the ball around its reference that reaches to the truth holds a share of the draws; under the posterior
    the shares are uniform, whatever references depend on but truth and draws. As they depend on the observation, the
    check sees a posterior that ignores it. By default the reference of a row is the truth of an earlier row, in a
    random order, with the observation most like its own: it is independent of all ranks before it, so that the p-value
    is exact. Distances are Euclidean between features: numbers in standard deviations, levels by one-hot codes, angles
    on the circle, holes by a flag.

    Args:
        draws: of each row, (n, k, d), numbers and codes of levels; NaN is missing.
        truths: (n, d).
        observations: numbers that say what each row was given, (n, c); without them any earlier truth is a reference.
        references: points of your own, (n, d), which may depend on the observations.
        categorical: the places of the columns of truths that hold codes.
        periods: after how much the columns of angles come round again, by their places.
        level: the p-value up to which it is not to be believed; the band is left as seldom.
        seed: of the order of rows, and of ties.

    Raises:
        InputError: fewer than 10 rows, shapes that do not fit, infinity, or a place that there is not.

    References:
        Lemos et al. (2023), Sampling-based accuracy testing of posterior estimators, arXiv 2302.03026.

    >>> rng = np.random.default_rng(0)
    >>> x, draws = rng.normal(size=(200, 1)), 1.1 * rng.normal(size=(200, 50, 1))
    >>> truths = x + 0.45 * rng.normal(size=(200, 1))
    >>> point_coverage(draws, truths, x).p_value < 1e-6  # the draws have the law of truths, but ignore x
    True
    """
    whole(seed=seed)
    real(above=0, below=1, level=level)
    drawn, truth, seen = _columns.checked(draws, truths, observations)
    rng = np.random.default_rng(seed)
    if references is None:
        near, far = _columns.together(drawn, truth, categorical, periods)
        points = _of_earlier(far, _columns.features(seen), rng)
    else:
        points = as_rows(references, "the references", holes=True)
        if points.shape != truth.shape:
            raise InputError(f"got references of shape {points.shape}; expected {truth.shape}, as the truths")
        near, far = _columns.together(np.concatenate([drawn, points[:, None]], 1), truth, categorical, periods)
        near, points = near[:, :-1], near[:, -1]
    ranks = ranks_among(((near - points[:, None]) ** 2).sum(-1), ((far - points) ** 2).sum(-1), rng)
    cells = uniform_cells(drawn.shape[1] + 1)
    statistic, p_value = cells_test(ranks, cells)
    curve = curve_of(ranks, cells, level)
    blind = "draws are farther off than truths: too wide, or blind to what was given"
    words = blind if curve.excess > 0 else "draws are nearer than truths: too narrow, or not where truths are"
    return PointCoverage(p_value, statistic, curve, ranks, words)


def _of_earlier(truths: Array, observations: Array, rng: np.random.Generator) -> Array:
    """Of each row the truth of the row with the nearest observation of those before it in a random order.

    The first row has none before it, and gets the mean.
    """
    from scipy.spatial.distance import cdist

    n, order = len(truths), rng.permutation(len(truths))
    truths, observations, points = truths[order], observations[order], np.zeros_like(truths)
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        distances = rng.random((len(rows), n)) * ALIKE  # rows that are as near are chosen at random
        if observations.shape[1]:
            distances += cdist(observations[rows], observations)
        distances[np.arange(n) >= rows[:, None]] = np.inf
        points[rows] = truths[distances.argmin(1)]
    points[0] = 0.0
    return np.asarray(points[np.argsort(order)])
