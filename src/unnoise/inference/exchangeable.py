"""Whether an observation is several points in any order, which teach the likelihood of one of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unnoise.inference.parameters import Floats
from unnoise.inference.simulations import Simulations

FEWEST, MOST = 500, 3000  # simulations that are looked at
POINTS = 3  # at least
NUMBERS = 64  # of an observation, at most
SHUFFLES = 99
LEVEL = 0.01  # p-value above which points count as alike


def point_shape(simulations: Simulations, z: Floats) -> tuple[int, int] | None:
    """How many points an observation may be, and of how many numbers each; None if it is none.

    The smallest points are found that can be shuffled within every observation without a difference: in the means of
    their numbers and of the squares, alone and times those of the parameters, and in products across points. Shuffled
    simulations show what is chance.

    Args:
        simulations: of single observations, vectors or (points, numbers).
        z: the parameters of each in their chart, (n, d).

    >>> z = np.random.default_rng(0).normal(size=(1000, 1))
    >>> x = z + np.random.default_rng(1).normal(size=(1000, 6))
    >>> point_shape(Simulations(z, x), z), point_shape(Simulations(z, x + np.arange(6)), z)
    ((6, 1), None)
    """
    x, shape = simulations.x, simulations.shape
    n, count = len(x), x[0].size
    if simulations.observations > 1 or len(shape) not in (1, 2) or n < FEWEST or not 1 < count <= NUMBERS:
        return None
    rng = np.random.default_rng(0)
    some = rng.permutation(n)[:MOST]
    told, numbers = _with_squares(z[some]), x[some].reshape(len(some), -1)
    if np.isnan(numbers).any():
        return None
    sizes = [shape[1]] if len(shape) == 2 else [size for size in range(1, count // POINTS + 1) if count % size == 0]
    for size in sizes:
        points = numbers.reshape(len(some), -1, size)
        if points.shape[1] >= POINTS and _alike(points, told, rng):
            return points.shape[1], size
    return None


def _alike(points: Floats, told: Floats, rng: np.random.Generator) -> bool:
    """Whether points (n, m, k) are like shuffled ones, told what is told of the parameters, (n, p)."""
    low, middle, high = np.quantile(points, [0.25, 0.5, 0.75], axis=(0, 1))
    seen = _with_squares(np.arcsinh((points - middle) / np.where(high > low, high - low, 1.0)))
    found = [_differences(seen, told)]
    for _ in range(SHUFFLES):
        order = rng.random(points.shape[:2]).argsort(axis=1)
        found.append(_differences(np.take_along_axis(seen, order[..., None], axis=1), told))
    sizes = np.abs(np.stack(found))
    chance = sizes.mean(axis=0)
    worst = (sizes / np.where(chance > 0, chance, 1.0)).max(axis=1)
    return bool(np.mean(worst >= worst[0]) > LEVEL)


def _differences(seen: Floats, told: Floats) -> Floats:
    """Of points in their means times what is told, and of pairs of points in their products, in one row."""
    n, m, k = seen.shape
    means = np.einsum("nmk,np->mkp", seen, told) / n
    products = (seen.reshape(n, -1).T @ seen.reshape(n, -1) / n).reshape(m, k, m, k).transpose(0, 2, 1, 3)
    pairs = products[~np.eye(m, dtype=bool)]
    return np.concatenate([(means - means.mean(axis=0)).ravel(), (pairs - pairs.mean(axis=0)).ravel()])


def _with_squares(numbers: Floats) -> NDArray[np.float64]:
    """Standardised along the last axis, a 1 beside them, and their squares, (..., 1 + 2 k)."""
    axes = tuple(range(numbers.ndim - 1))
    spread = numbers.std(axis=axes)
    unit = (numbers - numbers.mean(axis=axes)) / np.where(spread > 0, spread, 1.0)
    return np.concatenate([np.ones_like(unit[..., :1]), unit, unit**2 - 1], axis=-1)
