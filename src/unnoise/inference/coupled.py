"""Whether a row of a batch gets another observation because of the rows beside it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from unnoise.inference.parameters import Floats

COPIES = 64  # of each of two rows, beside each other and alone
CHANCE = 1e-8  # of an error where rows are free, over all numbers of an observation
ROUNDING = 1e-5  # relative, of outputs without chance

Simulate = Callable[[Floats, int], Floats | Exception]  # of rows (n, d), and a seed


def are_coupled(together: Simulate, alone: Simulate, row: Floats, other: Floats, seed: int, count: int = 3) -> bool:
    """Whether rows see each other in a simulator that takes batches, as one of single rows that divides by a sum.

    With the same noise a row that is free of the others does not change when they do. Where it changes, as noise that
    is drawn step by step may be dealt otherwise, the means of many copies in a batch and alone tell.

    Args:
        together: of batches.
        alone: the same of batches of one row.
        row: parameters, (d,).
        other: different ones.
        seed: of the noise.
        count: rows of a batch.

    >>> rows = np.array([[1.0, 2.0], [3.0, 1.0]])
    >>> def shares(theta, seed):
    ...     return theta / theta.sum()
    >>> are_coupled(shares, shares, *rows, seed=0), are_coupled(np.subtract, np.subtract, *rows, seed=0)
    (True, False)
    """
    batches = np.tile(row, (3, count, 1))
    batches[1, 1:] = batches[2, :-1] = other
    same, first, last = (together(batch, seed) for batch in batches)
    if _equal(same, first, 0) and _equal(same, last, -1):
        return False
    beside = together(np.tile([row, other], (COPIES, 1)), seed)
    if not isinstance(beside, np.ndarray):
        return False
    for place, one in enumerate((row, other)):
        found = (alone(one[None], seed + copy) for copy in range(1, COPIES + 1))
        apart = [each for each in found if isinstance(each, np.ndarray)]
        if len(apart) == COPIES and _differ(beside[place::2], np.concatenate(apart)):
            return True
    return False


def _equal(a: Floats | Exception, b: Floats | Exception, place: int) -> bool:
    if not (isinstance(a, np.ndarray) and isinstance(b, np.ndarray)):
        return False
    return np.array_equal(a[place], b[place], equal_nan=True)


def _differ(a: Floats, b: Floats) -> bool:
    """Whether some mean differs, of what was seen of (copies, *shape)."""
    (mean, error), (other, its_error) = (_mean(values.reshape(len(values), -1)) for values in (a, b))
    far = math.sqrt(2 * math.log(2 * len(mean) / CHANCE))  # of a normal law, over all means
    chance = far * np.hypot(error, its_error) + ROUNDING * (np.abs(mean) + np.abs(other))
    return bool((np.abs(mean - other) > chance).any())  # not where one is NaN, which was seen too seldom


def _mean(values: Floats) -> tuple[Floats, Floats]:
    """Means and their standard errors, (k,), of what is no hole in (n, k); NaN of what was seen in fewer than half."""
    there = ~np.isnan(values)
    count = np.where(there.sum(axis=0) < len(values) / 2, np.nan, there.sum(axis=0))
    mean = np.where(there, values, 0.0).sum(axis=0) / count
    spread = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0) / count
    return mean, np.sqrt(spread / count)
