"""A local classifier two-sample test: for which observations are draws told from truths?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import real, refuse, whole
from unnoise._errors import InputError
from unnoise.evaluation._rows import Array
from unnoise.evaluation.calibration import _columns
from unnoise.evaluation.calibration._uniform import CalibrationCurve, Ranks, curve_of, ranks_among, uniform_cells
from unnoise.evaluation.calibration.ranks import LEVEL

FEWEST_LOCAL = 40  # rows, half of which a classifier learns from
REPEATS = 4  # draws of each row in training, beside as many copies of its truth
MOST_DRAWS = 50  # of each row that are scored


@dataclass(frozen=True, eq=False)
class LocalTest:
    r"""The result of `local_test`.

    Attributes:
        p_value: of chance, of all observations together.
        statistic: the mean share of draws that a truth is scored above, 1/2 at no difference, at most 1.
        curve: of the ranks of truths among their draws by the score, from the highest.
        distances: for each observation, the mean of $(c - 1/2)^2$ over its draws, with c the classifier's probability,
            (n,).
        p_values: of each observation, from `trials` classifiers that had nothing to learn, (n,); at least
            1 / (trials + 1), and 1 without trials.
        words: in what way it is off, if it is.
    """

    p_value: float
    statistic: float
    curve: CalibrationCurve
    distances: Array
    p_values: Array
    words: str


def local_test(
    draws: Any,
    truths: Any,
    observations: Any = None,
    *,
    categorical: Any = (),
    periods: Mapping[int, float] | None = None,
    classifier: Any = None,
    trials: int = 20,
    level: float = LEVEL,
    seed: int = 0,
) -> LocalTest:
    r"""Can a classifier that is shown the observation tell truths from draws, and for which observations?

    It learns from one half of the rows to tell pairs (truth, observation) from pairs (draw, observation), and is asked
    about the other; then the halves change places. Under the posterior a truth is exchangeable with its draws, so that
    its rank by the score is uniform, whatever the classifier has learnt: the p-value is that of the mean rank, one-
    sided, twice the less of both halves. It sees a posterior that ignores the observation.

    The distance at one observation is judged by classifiers that are shown a draw as the truth (Linhart et al. 2023).

    Args:
        draws: of each row, (n, k, d), two or more, numbers and codes of levels; NaN is missing.
        truths: (n, d).
        observations: numbers that say what each row was given, (n, c).
        categorical: the places of the columns of truths that hold codes.
        periods: after how much the columns of angles come round again, by their places.
        classifier: one of scikit-learn with `predict_proba`; by default boosted trees of eight leaves.
        trials: classifiers that have nothing to learn, for the p-values of single observations.
        level: the p-value up to which it is not to be believed; the band of the curve is left as seldom.
        seed: of halves, trees and ties.

    Raises:
        InputError: fewer than 40 rows or 2 draws, shapes that do not fit, infinity, or a place that there is not.

    References:
        Linhart, Gramfort, Rodrigues (2023), L-C2ST: local diagnostics for posterior approximations in simulation-based
        inference, arXiv 2306.03580.

    >>> rng = np.random.default_rng(0)
    >>> x, draws = rng.normal(size=(200, 1)), 1.1 * rng.normal(size=(200, 20, 1))
    >>> truths = x + 0.45 * rng.normal(size=(200, 1))
    >>> local_test(draws, truths, x, trials=0).p_value < 1e-6  # the draws have the law of truths, but ignore x
    True
    """
    whole(most=2**32 - 1, seed=seed)
    whole(most=10_000, trials=trials)
    real(above=0, below=1, level=level)
    if classifier is not None and not (hasattr(classifier, "predict_proba") and hasattr(classifier, "get_params")):
        refuse("classifier", classifier, "a classifier of scikit-learn with predict_proba, or None")
    drawn, truth, seen = _columns.checked(draws, truths, observations)
    if len(truth) < FEWEST_LOCAL or drawn.shape[1] < 2:
        got = f"{len(truth)} rows of {drawn.shape[1]} draws"
        raise InputError(f"got {got}; expected {FEWEST_LOCAL} rows of 2 draws or more for a local test")
    near, far = _columns.together(drawn[:, :MOST_DRAWS], truth, categorical, periods)
    judge = _Judge(near, far, _columns.features(seen), classifier, np.random.default_rng(seed), seed)
    of_truths, of_draws = judge.scores(judge.truths)
    ranks = ranks_among(-of_draws, -of_truths, judge.rng)
    shares = 1.0 - (ranks + 0.5) / (of_draws.shape[1] + 1)
    p_value = min(1.0, 2.0 * min(_mean_test(shares[half], of_draws.shape[1]) for half in judge.halves))
    distances = ((of_draws - 0.5) ** 2).mean(1)
    return LocalTest(
        p_value,
        float(shares.mean()),
        curve_of(ranks, uniform_cells(of_draws.shape[1] + 1), level),
        distances,
        judge.local_p_values(distances, trials),
        "a classifier tells truths from draws",
    )


class _Judge:
    """Classifiers of two halves of the rows, each asked about the other."""

    def __init__(
        self, draws: Array, truths: Array, observations: Array, classifier: Any, rng: np.random.Generator, seed: int
    ) -> None:
        self.draws, self.truths, self.observations, self.rng = draws, truths, observations, rng
        self.classifier = _trees(seed) if classifier is None else classifier
        self.halves = np.array_split(rng.permutation(len(truths)), 2)

    def scores(self, truths: Array) -> tuple[Array, Array]:
        """The probabilities of being a truth: of truths (n,) and of draws (n, k), by the classifier of other rows."""
        of_truths, of_draws = np.empty(len(truths)), np.empty(self.draws.shape[:2])
        for fit, asked in zip(self.halves, self.halves[::-1], strict=True):
            told = self._fitted(fit, truths)
            of_truths[asked] = told.predict_proba(self._pairs(truths[asked, None], asked))[:, 1]
            of_draws[asked] = told.predict_proba(self._pairs(self.draws[asked], asked))[:, 1].reshape(len(asked), -1)
        return of_truths, of_draws

    def local_p_values(self, distances: Array, trials: int) -> Array:
        """How often classifiers that learn to tell one draw from others are as far from 1/2 at each observation."""
        above = np.ones(len(distances))
        for _ in range(trials):
            chosen = self.rng.integers(self.draws.shape[1], size=len(distances))
            _, of_draws = self.scores(self.draws[np.arange(len(chosen)), chosen])
            above += ((of_draws - 0.5) ** 2).mean(1) >= distances
        return np.asarray(above / (trials + 1))

    def _fitted(self, rows: Ranks, truths: Array) -> Any:
        from sklearn.base import clone

        repeats = min(REPEATS, self.draws.shape[1])
        chosen = self.rng.permuted(np.tile(np.arange(self.draws.shape[1]), (len(rows), 1)), axis=1)[:, :repeats]
        pairs = [
            self._pairs(self.draws[rows[:, None], chosen], rows),
            self._pairs(np.repeat(truths[rows, None], repeats, axis=1), rows),
        ]
        return clone(self.classifier).fit(np.concatenate(pairs), np.repeat([0, 1], len(pairs[0])))

    def _pairs(self, points: Array, rows: Ranks) -> Array:
        """Points (n, k, f) beside the observations of their rows, (n k, f + c)."""
        beside = np.repeat(self.observations[rows], points.shape[1], axis=0)
        return np.concatenate([points.reshape(len(beside), -1), beside], axis=1)


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, min_samples_leaf=40, early_stopping=False, random_state=seed
    )


def _mean_test(shares: Array, draws: int) -> float:
    """P(at least this mean) of n independent uniform ranks, as of a normal, whose tails are heavier."""
    from scipy.special import ndtr

    variance = (1.0 - 1.0 / (draws + 1) ** 2) / 12.0
    return float(ndtr(-(shares.mean() - 0.5) / np.sqrt(variance / len(shares))))
