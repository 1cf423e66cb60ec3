"""The Gaussian mixture and the kernel density of `baselines`, chosen by validation likelihood, refitted on all rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unnoise.evaluation._rows import Array, subsample

MOST_TRIAL_ROWS = 5_000  # for each fit on trial
MOST_MIXTURE_ROWS = 20_000  # for the final mixture
MOST_COMPONENTS = 128
MOST_OPERATIONS = 2e9  # per EM iteration, about a second on one core
REGULARISATIONS = (1e-5, 3e-4, 3e-3, 3e-2, 1e-1)  # variances added to standardised columns
PATIENCE = 2  # doublings without a gain that end the search
KINDS = {"full": "full-covariance", "diag": "diagonal"}

MOST_KERNELS = 10_000  # of the final density
MOST_VALIDATION = 1_000
BLOCK_NUMBERS = 4_000_000  # distances held at once, 32 MB
SMALLEST, LARGEST = 0.02, 2.0  # bandwidths, in standard deviations


@dataclass(frozen=True)
class Mixture:
    """`components` Gaussians with covariances of one kind."""

    components: int
    kind: str
    regularisation: float

    def operations(self, rows: int, columns: int) -> float:
        """Multiplications of one EM iteration."""
        per_row = columns if self.kind == "diag" else columns**2
        factorisations = 0 if self.kind == "diag" else columns**3
        return self.components * float(rows * per_row + factorisations)

    def fit(self, z: Array, seed: int) -> Any:
        """Scikit-learn's mixture of the rows z."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(
            self.components,
            covariance_type=self.kind,
            reg_covar=self.regularisation,
            max_iter=100,
            tol=1e-2,
            random_state=seed,
        )
        with warnings.catch_warnings():  # the likelihood alone decides about duplicate rows
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(z)


def fit_mixture(train: Array, validation: Array, seed: int) -> tuple[str, Callable[[Array], Array]]:
    """Description and log density of the mixture that is best on `validation`."""
    rng = np.random.default_rng(seed)
    few = subsample(train, MOST_TRIAL_ROWS, rng)
    best = max((_best_of_kind(kind, few, validation, seed) for kind in KINDS), key=lambda pair: pair[0])[1]
    whole = np.concatenate([train, validation])
    used = subsample(whole, MOST_MIXTURE_ROWS, rng)
    description = f"Gaussian mixture, {best.components} {KINDS[best.kind]} component{'s' * (best.components > 1)}"
    if len(used) < len(whole):
        description += f" (fitted on {len(used)} of {len(whole)} rows)"
    return description, best.fit(used, seed).score_samples


def _best_of_kind(kind: str, train: Array, validation: Array, seed: int) -> tuple[float, Mixture]:
    best, since = (-np.inf, Mixture(1, kind, REGULARISATIONS[0])), 0
    components = 1
    while since < PATIENCE and components <= min(MOST_COMPONENTS, len(train) // 2):
        trials = [Mixture(components, kind, regularisation) for regularisation in REGULARISATIONS]
        if components > 1 and trials[0].operations(*train.shape) > MOST_OPERATIONS:
            break
        scores = [float(trial.fit(train, seed).score(validation)) for trial in trials]
        top = int(np.argmax(scores))
        best, since = ((scores[top], trials[top]), 0) if scores[top] > best[0] else (best, since + 1)
        components *= 2
    return best


@dataclass(frozen=True)
class Kernels:
    r"""The density $p(z) = \frac1n\sum_i N(z; z_i, h^2 C)$; the same squared distances serve every bandwidth h.

    Here C is the identity or the (shrunk) covariance.

    Args:
        centres: (n, d), in the coordinates z @ `whitener`.
        whitener: W with $W W^T = C^{-1}$.
        bandwidth: h.
    """

    centres: Array = field(repr=False)
    whitener: Array = field(repr=False)
    bandwidth: float = 1.0

    def log_density(self, z: Array) -> Array:
        """Log density of every row, block by block to limit memory."""
        rows = max(1, BLOCK_NUMBERS // len(self.centres))
        blocks = [self.log_densities(z[i : i + rows], np.array([self.bandwidth]))[0] for i in range(0, len(z), rows)]
        return np.concatenate(blocks) if blocks else np.empty(0)

    def log_densities(self, z: Array, bandwidths: Array) -> Array:
        """Log densities, (bandwidths, rows)."""
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
    """Description and log density of the kernels that are best on `validation`."""
    from sklearn.covariance import ledoit_wolf

    rng = np.random.default_rng(seed)
    few, judges = subsample(train, MOST_TRIAL_ROWS, rng), subsample(validation, MOST_VALIDATION, rng)
    values, vectors = np.linalg.eigh(ledoit_wolf(few)[0])
    shapes = {
        "round Gaussian kernels": np.eye(train.shape[1]),
        "Gaussian kernels shaped like the covariance": vectors / np.sqrt(values),
    }
    trials = {name: _best_bandwidth(Kernels(few @ w, w), judges) for name, w in shapes.items()}
    shape = max(trials, key=lambda name: trials[name][0])
    bandwidth = trials[shape][1]

    whole = np.concatenate([train, validation])
    centres = subsample(whole, MOST_KERNELS, rng)
    number = f"{len(centres)}" if len(centres) == len(whole) else f"{len(centres)} of {len(whole)}"
    description = f"Kernel density, {shape} of bandwidth {bandwidth:.2g} on {number} rows"
    return description, Kernels(centres @ shapes[shape], shapes[shape], bandwidth).log_density


def _best_bandwidth(kernels: Kernels, judges: Array) -> tuple[float, float]:
    """The mean log density of the judges, and the bandwidth."""
    step = (LARGEST / SMALLEST) ** (1 / 14)
    coarse = SMALLEST * step ** np.arange(15)
    middle = coarse[kernels.log_densities(judges, coarse).mean(axis=1).argmax()]
    fine = middle * step ** np.linspace(-1, 1, 9)
    scores = kernels.log_densities(judges, fine).mean(axis=1)
    return float(scores.max()), float(fine[scores.argmax()])
