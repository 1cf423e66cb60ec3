"""The classifier two-sample test of the benchmark of simulation-based inference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unnoise._errors import InputError


def c2st(reference: ArrayLike, draws: ArrayLike, seed: int = 1, folds: int = 5) -> float:
    """How often a classifier tells draws from reference draws: 0.5 where they are alike, 1 where they are apart.

    As Lueckmann et al. 2021 (arXiv 2101.04653) define it: both in deviations of the reference, two hidden layers of
    10 d units, mean accuracy over shuffled folds. Their published figures are of 10,000 rows of each.

    Args:
        reference: (n, d).
        draws: (m, d).
        seed: of the classifier and the folds.
        folds: of the cross-validation.
    """
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    x, y = np.asarray(reference, np.float32), np.asarray(draws, np.float32)
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
        raise InputError(f"got tables of shapes {x.shape} and {y.shape}; expected two of equal width")
    mean, deviation = x.mean(0), x.std(0, ddof=1)
    both = np.concatenate([(x - mean) / deviation, (y - mean) / deviation])
    drawn = np.repeat([0.0, 1.0], [len(x), len(y)])
    layers: Any = (10 * x.shape[1],) * 2
    classifier = MLPClassifier(layers, max_iter=10_000, random_state=seed)
    shuffled = KFold(folds, shuffle=True, random_state=seed)
    return float(cross_val_score(classifier, both, drawn, cv=shuffled, scoring="accuracy").mean())
