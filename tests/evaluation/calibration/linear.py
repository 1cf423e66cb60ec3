"""A Gaussian linear model, whose posterior is known, and posteriors that are wrong in one way each.

theta ~ N(0, I) and x = theta + s e, so that theta given x is N(x / (1 + s^2), s^2 / (1 + s^2) I).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Truths = tuple[np.ndarray, np.ndarray, np.ndarray]  # draws, truths, observations
NOISE = 0.5
SPREAD = (NOISE**2 / (1 + NOISE**2)) ** 0.5

# Of the mean and the spread of a posterior, those of another one.
WRONG: dict[str, Callable[[np.ndarray], tuple[np.ndarray, float]]] = {
    "exact": lambda mean: (mean, SPREAD),
    "narrow": lambda mean: (mean, 0.5 * SPREAD),
    "wide": lambda mean: (mean, 2 * SPREAD),
    "shifted": lambda mean: (mean + SPREAD, SPREAD),
    "blind": lambda mean: (np.zeros_like(mean), 1.0),  # the prior
}


def posterior(kind: str, n: int = 300, draws: int = 20, columns: int = 2, seed: int = 0) -> Truths:
    """Draws (n, draws, columns), truths and observations (n, columns)."""
    rng = np.random.default_rng(seed)
    truths = rng.normal(size=(n, columns))
    x = truths + NOISE * rng.normal(size=(n, columns))
    mean, spread = WRONG[kind](x / (1 + NOISE**2))
    return mean[:, None] + spread * rng.normal(size=(n, draws, columns)), truths, x


def log_density(kind: str, points: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Log densities of points (n, ..., columns) given x, (n, ...), but for a constant."""
    mean, spread = WRONG[kind](x / (1 + NOISE**2))
    mean = mean.reshape(len(mean), *[1] * (points.ndim - 2), -1)
    return -0.5 * (((points - mean) / spread) ** 2).sum(-1)
