"""A two-sample test by boosted trees, which see what a smooth classifier misses: atoms, levels, edges, holes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import whole
from unnoise.evaluation._mixed import Flags, categorical_mask, frequent
from unnoise.evaluation._rows import SIDES, Array, as_pair, subsample

MOST_LEVELS = 250  # of one column, as the trees have 255 bins; rarer ones share a code


@dataclass(frozen=True)
class TreesTest:
    """The result of `trees_test`.

    Attributes:
        auc: area under the ROC curve, cross-validated; .5 where nothing can be told, 1 where all.
        standard_error: of the area, from the spread of the folds.
        p_value: of no difference, by the test of Mann and Whitney of another fit.
        rows: of each side.
        description: of the trees, for reports.
    """

    auc: float
    standard_error: float
    p_value: float
    rows: int
    description: str


def trees_test(
    reference: Any,
    samples: Any,
    *,
    categorical: Any = (),
    seed: int = 0,
    folds: int = 5,
    max_rows: int = 20_000,
) -> TreesTest:
    """How well gradient-boosted trees tell samples from reference: their cross-validated area under the ROC curve.

    1/2 at no difference, 1 if they always tell. Scikit-learn's `HistGradientBoostingClassifier` as it comes. Trees cut
    at thresholds, so they see that zero is too rare, that a value lies between two whole numbers, or that a level goes
    with the wrong cells, where `classifier_test` sees smooth differences of many columns: "cannot tell" needs both.

    Folds share training rows, so the p-value is of another fit, trained on one half and tested on the other: for equal
    laws the labels of the held-out half are exchangeable, and the test of Mann and Whitney holds. The standard error is
    the spread of the folds over the root of their number.

    Args:
        reference: rows (n, d) of numbers and of codes of levels; NaN is missing.
        samples: rows (m, d); as many of both sides are used.
        categorical: the places of the columns that hold codes.
        seed: of the choice of rows, of the folds and of the trees.
        folds: of the cross-validation.
        max_rows: the most rows of each side.

    Raises:
        InputError: fewer than 2 rows a fold, rows of different widths, infinity, or a place that there is not.

    References:
        Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree.
        Grinsztajn et al. (2022), Why do tree-based models still outperform deep learning on tabular data?

    >>> rng = np.random.default_rng(0)
    >>> reference, samples = rng.normal(size=(2, 200, 2))
    >>> reference[:150, 0] = 0.0  # three in four are exactly zero
    >>> trees_test(reference, samples).auc > 0.8
    True
    """
    whole(most=2**32 - 1, seed=seed)
    whole(least=2, most=1_000, folds=folds)
    whole(least=2 * folds, max_rows=max_rows)
    x, y = as_pair(reference, samples, SIDES, least=2 * folds, holes=True)
    mask = categorical_mask(categorical, x.shape[1])
    rng = np.random.default_rng(seed)
    rows = min(len(x), len(y), max_rows)
    features = _features(np.concatenate([subsample(x, rows, rng), subsample(y, rows, rng)]), mask)
    labels = np.repeat([0, 1], rows)
    aucs = np.array([_auc(*scored) for scored in _held_out(features, labels, mask, folds, seed)])
    return TreesTest(
        auc=float(aucs.mean()),
        standard_error=float(aucs.std() / np.sqrt(folds)),
        p_value=_mann_whitney(*next(_held_out(features, labels, mask, 2, seed))),
        rows=rows,
        description=f"gradient-boosted trees, {folds}-fold cross-validation, {rows} rows a side",
    )


def _features(rows: Array, mask: Flags) -> Array:
    """Numbers as they are; levels by rank, a bin each; 0 in a column without values."""
    features = rows.copy()
    for place in np.flatnonzero(mask):
        codes = frequent(rows[:, place], MOST_LEVELS)
        features[:, place] = np.where(codes > MOST_LEVELS, np.nan, codes)
    features[:, np.isnan(features).all(axis=0)] = 0.0
    return features


def _held_out(
    features: Array, labels: NDArray[np.int64], mask: Flags, folds: int, seed: int
) -> Iterator[tuple[Array, NDArray[np.int64]]]:
    """The scores of the held-out rows of each fold, and their labels."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for fit, held_out in splitter.split(features, labels):
        trees = HistGradientBoostingClassifier(categorical_features=mask, random_state=seed)
        yield trees.fit(features[fit], labels[fit]).decision_function(features[held_out]), labels[held_out]


def _auc(scores: Array, labels: NDArray[np.int64]) -> float:
    """The share of pairs of a sample and a reference row in which the sample has the higher score; ties count half."""
    from scipy.stats import rankdata

    ones = int(labels.sum())
    above = float(rankdata(scores)[labels == 1].sum()) - ones * (ones + 1) / 2
    return above / (ones * (len(labels) - ones))


def _mann_whitney(scores: Array, labels: NDArray[np.int64]) -> float:
    """P(at least this AUC) for shuffled labels, normal with the correction for ties; 1 if all scores are equal."""
    from scipy.stats import mannwhitneyu

    if np.ptp(scores) == 0:
        return 1.0
    ours, theirs = scores[labels == 1], scores[labels == 0]
    return float(mannwhitneyu(ours, theirs, alternative="greater", method="asymptotic").pvalue)
