r"""The kernel density of `baselines`, the shape and width of its kernel chosen by held-out likelihood.

    log p(z) = log (1/n) sum_i N(z; z_i, h^2 C),    C = the identity or the (shrunk) covariance of the rows.

After whitening with C the squared distances do not depend on h, so that one matrix of them serves every
bandwidth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from unnoise.evaluation._rows import Array, subsample

MOST_ROWS = 10_000  # kernels of the final density
MOST_TRIAL_ROWS = 5_000  # kernels while the bandwidth is chosen
MOST_VALIDATION = 1_000
BLOCK_NUMBERS = 4_000_000  # distances held at once, 32 MB
SMALLEST, LARGEST = 0.02, 2.0  # bandwidths, in standard deviations


@dataclass(frozen=True)
class Kernels:
    """Gaussian kernels of width `bandwidth` at `centres` (n, d), both in the coordinates z @ `whitener`."""

    centres: Array = field(repr=False)
    whitener: Array = field(repr=False)
    bandwidth: float = 1.0

    def log_density(self, z: Array) -> Array:
        """Blockwise, so that memory does not grow with the number of rows."""
        rows = max(1, BLOCK_NUMBERS // len(self.centres))
        blocks = [self.log_densities(z[i : i + rows], np.array([self.bandwidth]))[0] for i in range(0, len(z), rows)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def log_densities(self, z: Array, bandwidths: Array) -> Array:
        """Log density of every row under every bandwidth, (bandwidths, rows)."""
        from scipy.spatial.distance import cdist

        n, d = self.centres.shape
        squares = cdist(z @ self.whitener, self.centres, "sqeuclidean")
        constant = np.linalg.slogdet(self.whitener)[1] - np.log(n) - d / 2 * np.log(2 * np.pi)
        nearest = squares.min(axis=1)
        squares -= nearest[:, None]  # so that no sum below underflows
        rows = [
            np.log(np.exp(squares / (-2 * h * h)).sum(axis=1)) - nearest / (2 * h * h) - d * np.log(h)
            for h in bandwidths
        ]
        return np.asarray(np.stack(rows) + constant)


def fit_kernel_density(train: Array, validation: Array, seed: int) -> tuple[str, Callable[[Array], Array]]:
    """The kernels that are best on `validation`, then centred on all rows: (description, log density)."""
    rng = np.random.default_rng(seed)
    few, judges = subsample(train, MOST_TRIAL_ROWS, rng), subsample(validation, MOST_VALIDATION, rng)
    shapes = {
        "round Gaussian kernels": np.eye(train.shape[1]),
        "Gaussian kernels shaped like the covariance": _whitener(few),
    }
    trials = {name: _best_bandwidth(Kernels(few @ w, w), judges) for name, w in shapes.items()}
    shape = max(trials, key=lambda name: trials[name][0])
    bandwidth = trials[shape][1]

    whole = np.concatenate([train, validation])
    centres = subsample(whole, MOST_ROWS, rng)
    number = f"{len(centres)}" if len(centres) == len(whole) else f"{len(centres)} of {len(whole)}"
    description = f"Kernel density, {shape} of bandwidth {bandwidth:.2g} on {number} rows"
    return description, Kernels(centres @ shapes[shape], shapes[shape], bandwidth).log_density


def _best_bandwidth(kernels: Kernels, judges: Array) -> tuple[float, float]:
    """A coarse grid, then a fine one around its best: (mean log density of the judges, bandwidth)."""
    step = (LARGEST / SMALLEST) ** (1 / 14)
    coarse = SMALLEST * step ** np.arange(15)
    middle = coarse[kernels.log_densities(judges, coarse).mean(axis=1).argmax()]
    fine = middle * step ** np.linspace(-1, 1, 9)
    scores = kernels.log_densities(judges, fine).mean(axis=1)
    return float(scores.max()), float(fine[scores.argmax()])


def _whitener(z: Array) -> Array:
    """W with W W^T = C^-1, C the shrunk covariance: distances after z @ W are Mahalanobis distances."""
    from sklearn.covariance import ledoit_wolf

    values, vectors = np.linalg.eigh(ledoit_wolf(z)[0])
    return np.asarray(vectors / np.sqrt(values))
