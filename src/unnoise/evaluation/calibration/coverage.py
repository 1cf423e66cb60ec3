"""How often the region of highest density holds the truth, at every level, beside that level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import real, whole
from unnoise._errors import InputError
from unnoise.evaluation._rows import as_rows
from unnoise.evaluation.calibration._columns import FEWEST
from unnoise.evaluation.calibration._uniform import (
    CalibrationCurve,
    Ranks,
    cells_test,
    curve_of,
    ranks_among,
    uniform_cells,
)
from unnoise.evaluation.calibration.ranks import LEVEL


@dataclass(frozen=True, eq=False)
class DensityCoverage:
    """The result of `density_coverage`.

    Attributes:
        p_value: of chance.
        statistic: how seldom a calibrated curve is as far off at the place where this one is farthest off.
        curve: the share of truths in regions of each level.
        ranks: how many draws are denser than each truth, (n,).
        words: in what way it is off, if it is.
    """

    p_value: float
    statistic: float
    curve: CalibrationCurve
    ranks: Ranks
    words: str


def density_coverage(log_probs: Any, log_prob_truths: Any, *, level: float = LEVEL, seed: int = 0) -> DensityCoverage:
    r"""Expected coverage of the regions of highest density.

    The region of level a holds the share a of draws that are densest. The truth lies in it where fewer than that share
    of its draws are denser. So the curve is that of the ranks of $\log q(\theta | x)$, and its p-value exact. A bound
    on the log density, or an estimate with noise, serves as well: only what the check can see depends on it.

    A posterior that ignores the observations passes, if its draws follow the prior.

    Args:
        log_probs: log densities of the draws of each row given its observation, (n, k).
        log_prob_truths: of the truths, (n,).
        level: the p-value up to which it is not to be believed; the band is left as seldom.
        seed: of the order of ties.

    Raises:
        InputError: fewer than 10 rows, shapes that do not fit, or a number that is not finite.

    References:
        Hermans et al. (2022), A trust crisis in simulation-based inference? arXiv 2110.06581.

    >>> rng = np.random.default_rng(0)
    >>> narrow, truths = 0.5 * rng.normal(size=(200, 50)), rng.normal(size=200)
    >>> density_coverage(-2 * narrow**2, -2 * truths**2).words
    'regions are too small'
    """
    whole(seed=seed)
    real(above=0, below=1, level=level)
    drawn = as_rows(log_probs, "the log densities of the draws", least=FEWEST)
    truth = as_rows(_column_of(log_prob_truths), "the log densities of the truths")
    if truth.shape != (len(drawn), 1):
        raise InputError(f"got {truth.size} log densities of truths for {len(drawn)} rows of draws; expected as many")
    ranks = ranks_among(-drawn, -truth[:, 0], np.random.default_rng(seed))
    cells = uniform_cells(drawn.shape[1] + 1)
    statistic, p_value = cells_test(ranks, cells)
    curve = curve_of(ranks, cells, level)
    words = "regions are too large" if curve.excess > 0 else "regions are too small"
    return DensityCoverage(p_value, statistic, curve, ranks, words)


def _column_of(values: Any) -> Any:
    """One axis as a column; anything else as it is."""
    if hasattr(values, "detach") and not isinstance(values, type):
        return values[:, None] if values.ndim == 1 else values
    return np.asarray(values, dtype=object)[:, None] if np.ndim(values) == 1 and len(values) else values
