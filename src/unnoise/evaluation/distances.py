r"""Wasserstein distances of two samples, in the units of the rows.

$$W_p(x, y) = \min_\pi\Big(\frac1n\sum_i|x_i - y_{\pi(i)}|^p\Big)^{1/p}$$

over all matchings $\pi$. Compare with the distance of two samples of one law, which is large in many dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import real, whole
from unnoise.evaluation._rows import Array, as_pair, subsample

Indices = NDArray[np.int64]

NAMES = ("the rows of x", "the rows of y")
NUMBERS_AT_ONCE = 2**22


def wasserstein(x: Any, y: Any, *, order: float = 2.0, seed: int = 0, max_rows: int = 4_000) -> float:
    r"""$W_p$ between two samples, by the best of all matchings (exact optimal transport).

    Memory grows as $n^2$ (128 MB at 4,000 rows), time as $n^3$ at most. The larger sample is reduced at random to the
    size of the smaller.

    Args:
        x: rows, (n, *event).
        y: rows, (m, *event).
        order: p, at least 1.
        seed: of the random choice of rows.
        max_rows: the most rows of each sample.

    Raises:
        InputError: rows of different widths or NaN, or an order below 1.

    >>> wasserstein([[0.0, 0.0], [1.0, 0.0]], [[1.0, 2.0], [0.0, 2.0]])
    2.0
    """
    real(least=1, order=order)
    whole(seed=seed)
    whole(least=1, max_rows=max_rows)
    first, second = as_pair(x, y, NAMES)
    rng = np.random.default_rng(seed)
    n = min(len(first), len(second), max_rows)
    a, b = subsample(first, n, rng), subsample(second, n, rng)
    moved = np.abs(np.sort(a, 0) - np.sort(b, 0))[:, 0] ** order if a.shape[1] == 1 else _matched(a, b, order)
    return float(moved.mean() ** (1 / order))


def sliced_wasserstein(x: Any, y: Any, *, order: float = 2.0, directions: int = 500, seed: int = 0) -> float:
    r"""$\big(E_\theta W_p(\theta\cdot x, \theta\cdot y)^p\big)^{1/p}$ over random directions $\theta$.

    Sorting solves every projection. For a shift by v and p = 2 it is $|v|/\sqrt d$. Arguments are as for `wasserstein`,
    and `directions`, uniform on the sphere.

    References:
        Rabin et al. (2012), Wasserstein barycenter and its application to texture mixing.

    >>> round(sliced_wasserstein([[0.0, 0.0], [1.0, 0.0]], [[0.0, 2.0], [1.0, 2.0]], directions=5000), 1)
    1.4
    """
    real(least=1, order=order)
    whole(seed=seed)
    whole(least=1, most=10**6, directions=directions)
    first, second = as_pair(x, y, NAMES)
    rows_x, rows_y, widths = _levels(len(first), len(second))
    total = 0.0
    for along in _directions(first.shape[1], directions, len(widths), np.random.default_rng(seed)):
        gap = np.sort(first @ along, 0)[rows_x] - np.sort(second @ along, 0)[rows_y]
        total += float((widths @ np.abs(gap) ** order).sum())
    return float((total / directions) ** (1 / order))


def _matched(a: Array, b: Array, order: float) -> Array:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(a, b, "sqeuclidean") if order == 2 else cdist(a, b) ** order
    return np.asarray(cost[linear_sum_assignment(cost)])


def _levels(n: int, m: int) -> tuple[Indices, Indices, Array]:
    """Intervals on which both quantile functions are constant: each sample's row, and the width."""
    ends = np.unique(np.concatenate([np.arange(n + 1) * m, np.arange(m + 1) * n]))  # in units of 1 / nm: exact
    return ends[:-1] // m, ends[:-1] // n, np.diff(ends) / (n * m)


def _directions(d: int, count: int, rows: int, rng: np.random.Generator) -> Iterator[Array]:
    """Unit vectors, (d, some)."""
    size = max(1, NUMBERS_AT_ONCE // rows)
    for start in range(0, count, size):
        normal = rng.standard_normal((d, min(size, count - start)))
        yield normal / np.linalg.norm(normal, axis=0)
