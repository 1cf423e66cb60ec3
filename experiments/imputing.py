r"""How well hidden cells were filled: a score of draws that is proper.

The energy score of a row whose hidden cells are $x$, from independent draws $X_1, \dots, X_k$ of them,

$$\frac1k\sum_i d(X_i, x) - \frac1{2k(k-1)}\sum_{i \ne j} d(X_i, X_j),$$

is least in the mean for draws from the true law of what is hidden given the rest (Gneiting and Raftery 2007). The
distance is $d = \sqrt{\sum d_j^2}$ over the hidden cells j of the row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def energy_scores(truth: Any, draws: Sequence[Any], hidden: Mask, squares: Callable[[Any, Any], Floats]) -> Floats:
    """The energy score of every row with a hidden cell.

    Args:
        truth: n rows.
        draws: two or more fillings of them.
        hidden: (n, cells).
        squares: the squared distances of two fillings, (n, cells).

    >>> two = np.array([[0.0], [2.0]])
    >>> energy_scores(two, [two + 1, two - 1], two < 9, lambda a, b: (a - b) ** 2)  # 1 - 2 / 2
    array([0., 0.])
    """

    def distance(one: Any, other: Any) -> Floats:
        return np.asarray(np.sqrt(np.where(hidden, squares(one, other), 0.0).sum(1)))

    to_truth = np.mean([distance(draw, truth) for draw in draws], axis=0)
    between = np.mean([distance(one, other) for one, other in itertools.combinations(draws, 2)], axis=0)
    return np.asarray((to_truth - 0.5 * between)[hidden.any(1)])


def mean_and_error(scores: Floats) -> tuple[float, float]:
    """Over rows, with its standard error."""
    return float(scores.mean()), float(scores.std(ddof=1)) / len(scores) ** 0.5
