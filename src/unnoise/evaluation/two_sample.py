r"""Two-sample tests: do samples follow the law of a reference?

* Classifier two-sample test (C2ST): cross-validated accuracy of telling samples from reference, 1/2 at no difference.
* Energy distance: 2 E|X - Y| - E|X - X'| - E|Y - Y'|, zero only for equal laws.

References:
    Lopez-Paz, Oquab (2017), Revisiting classifier two-sample tests, arXiv 1610.06545.
    Lueckmann et al. (2021), Benchmarking simulation-based inference, arXiv 2101.04653 (settings of the C2ST).
    Székely, Rizzo (2013), Energy statistics: a class of statistics based on distances.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import whole
from unnoise.evaluation._rows import SIDES, Array, as_pair, subsample

Labels = NDArray[np.int64]

BLOCK = 1_000  # rows compared with all others at once
BATCH = 200  # rows of a step of the classifier, as scikit-learn has it


@dataclass(frozen=True)
class ClassifierTest:
    """The result of `classifier_test`.

    Attributes:
        accuracy: the share of rows whose side is told, cross-validated; .5 where nothing can be told, 1 where all.
        standard_error: of the accuracy.
        p_value: of no difference, by Fisher's exact test of another fit.
        rows: of each side.
        description: of the classifier, for reports.
    """

    accuracy: float
    standard_error: float
    p_value: float
    rows: int
    description: str


@dataclass(frozen=True)
class EnergyDistance:
    """The result of `energy_distance`, in the units of the rows.

    Attributes:
        value: unbiased, so it may be a little below 0.
        standard_error: of the value.
        floor: its root mean square between two samples of one law: below twice that nothing is told.
    """

    value: float
    standard_error: float
    floor: float


def classifier_test(
    reference: Any,
    samples: Any,
    *,
    seed: int = 1,
    folds: int = 5,
    max_width: int | None = 128,
    max_epochs: int = 200,
    max_rows: int = 10_000,
) -> ClassifierTest:
    """Cross-validated accuracy of a multilayer perceptron that tells samples from reference.

    Two hidden layers of 10 d ReLU units, Adam until the loss stalls, columns standardised by the training folds'
    reference. `max_width=None` and `max_epochs=10_000` reproduce sbibm's published numbers. Both sides have the same
    number of rows, at most `max_rows`; few rows bias the accuracy towards 1/2.

    Folds share training rows, so the p-value is of another classifier, trained on one half and tested on the other: for
    equal laws labels are exchangeable, and Fisher's exact test holds.

    The standard error sqrt(accuracy (1 - accuracy) / (2 rows)) ignores the variation between fits; no unbiased one
    exists (Bengio, Grandvalet 2004).

    >>> rng = np.random.default_rng(0)
    >>> found = classifier_test(rng.normal(size=(200, 2)), rng.normal(size=(200, 2)) + 3.0)
    >>> found.accuracy > 0.95, found.p_value < 1e-6
    (True, True)
    """
    from sklearn.model_selection import StratifiedKFold

    whole(seed=seed)
    whole(least=2, most=1_000, folds=folds)
    whole(least=1, most=10**6, max_epochs=max_epochs)
    whole(least=1, max_rows=max_rows)
    whole(least=1, or_none=True, max_width=max_width)
    x, y = as_pair(reference, samples, SIDES, least=2 * folds)
    rng = np.random.default_rng(seed)
    rows = min(len(x), len(y), max_rows)
    features = np.concatenate([subsample(x, rows, rng), subsample(y, rows, rng)])
    labels = np.repeat([0, 1], rows)
    width = min(10 * x.shape[1], max_width or 10 * x.shape[1])

    def judge(parts: int) -> Iterator[tuple[Labels, Labels]]:
        """(guesses, labels) of each held-out part."""
        splitter = StratifiedKFold(parts, shuffle=True, random_state=seed)
        for fit, held_out in splitter.split(features, labels):
            classifier = _new_classifier(width, max_epochs, seed, len(fit))
            yield _classify(classifier, features[fit], labels[fit], features[held_out]), labels[held_out]

    found = list(judge(folds))
    hits = sum(int((guesses == truth).sum()) for guesses, truth in found)
    accuracy = hits / len(labels)
    return ClassifierTest(
        accuracy=accuracy,
        standard_error=float(np.sqrt(accuracy * (1 - accuracy) / len(labels))),
        p_value=_fisher(*(found[0] if folds == 2 else next(judge(2)))),
        rows=rows,
        description=f"MLP, two hidden layers of {width}, {folds}-fold cross-validation, {rows} rows a side",
    )


def _new_classifier(width: int, max_epochs: int, seed: int, rows: int) -> Any:
    from sklearn.neural_network import MLPClassifier

    shuffle = rows > BATCH  # the order of rows in one batch is rounding, and took half of the time
    return MLPClassifier(
        (width, width), batch_size=min(BATCH, rows), shuffle=shuffle, max_iter=max_epochs, random_state=seed
    )


def _classify(classifier: Any, train: Array, labels: Labels, test: Array) -> Labels:
    from sklearn.exceptions import ConvergenceWarning

    reference = train[labels == 0]
    spread = reference.std(axis=0)
    shift, scale = reference.mean(axis=0), np.where(spread > 0, spread, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # max_epochs may stop it
        classifier.fit((train - shift) / scale, labels)
    return np.asarray(classifier.predict((test - shift) / scale))


def _fisher(guesses: Labels, labels: Labels) -> float:
    """P(at least as many hits) for shuffled labels."""
    from scipy.stats import hypergeom

    both = int((guesses * labels).sum())
    return float(hypergeom.sf(both - 1, len(labels), int(labels.sum()), int(guesses.sum())))


def energy_distance(x: Any, y: Any, *, seed: int = 0, max_rows: int = 5_000) -> EnergyDistance:
    r"""$2E\lVert X - Y\rVert - E\lVert X - X'\rVert - E\lVert Y - Y'\rVert$, 0 for equal laws alone.

    Szekely and Rizzo 2013. From all pairs of at most `max_rows` rows a side. For equal laws the variance is $2\zeta(1/n
    + 1/m)^2$, $\zeta = E\,h(X, X')^2$ with the doubly centred distance h, so the floor follows from x alone. The
    standard error adds the first-order term. Standardise columns of different units.

    Args:
        x: rows (n, d), at least 4.
        y: rows (m, d).
        seed: of the choice of rows.
        max_rows: the most rows of each side.

    Raises:
        InputError: too few rows, rows of different widths, or a number that is not finite.

    >>> rng = np.random.default_rng(0)
    >>> found = energy_distance(rng.normal(size=(500, 2)), rng.normal(size=(500, 2)) + 1.0)
    >>> 0.8 < found.value < 1.2, found.floor < 0.01
    (True, True)
    """
    whole(seed=seed)
    whole(least=4, max_rows=max_rows)
    first, second = as_pair(x, y, SIDES, least=4)
    rng = np.random.default_rng(seed)
    a, b = subsample(first, max_rows, rng), subsample(second, max_rows, rng)
    n, m = len(a), len(b)
    within_a = _distance_sums(a, a) / (n - 1)
    within_b = _distance_sums(b, b) / (m - 1)
    across_a, across_b = _distance_sums(a, b) / m, _distance_sums(b, a) / n

    value = 2 * across_a.mean() - within_a.mean() - within_b.mean()
    influence_a, influence_b = 2 * (across_a - within_a), 2 * (across_b - within_b)
    floor = (1 / n + 1 / m) * np.sqrt(2 * _degenerate_variance(a, within_a))
    # the noise of the estimated influences adds 2 floor^2
    first_order = influence_a.var() / n + influence_b.var() / m - 2 * floor**2
    variance = max(first_order, 0.0) + floor**2
    return EnergyDistance(float(value), float(np.sqrt(variance)), float(floor))


def _distance_sums(a: Array, b: Array) -> Array:
    from scipy.spatial.distance import cdist

    return np.concatenate([cdist(a[i : i + BLOCK], b).sum(axis=1) for i in range(0, len(a), BLOCK)])


def _degenerate_variance(a: Array, means: Array) -> float:
    """The mean of h(X, X')^2 over pairs of distinct rows."""
    from scipy.spatial.distance import cdist

    total = 0.0
    for i in range(0, len(a), BLOCK):
        centred = cdist(a[i : i + BLOCK], a) - means[i : i + BLOCK, None] - means + means.mean()
        np.put_along_axis(centred, np.arange(i, i + len(centred))[:, None], 0.0, axis=1)
        total += float(np.square(centred).sum())
    return total / (len(a) * (len(a) - 1))
