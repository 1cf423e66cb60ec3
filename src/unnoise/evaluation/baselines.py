r"""Baselines fitted on the same rows, which a learnt model should beat.

Densities are fitted on standardised columns z = (x - mean) / std and scored in the units of the rows,

    log p(x) = log p_z(z) - sum_i log std_i     (nats per row).

Validation likelihood chooses components, covariances and bandwidth; the choice is fitted again on all rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise.evaluation._fits import fit_kernel_density, fit_mixture
from unnoise.evaluation._rows import Array, as_rows

LogDensity = Callable[[Array], Array]
Whole = NDArray[np.integer]

FEWEST_ROWS = 10  # for a training and a validation part
VALIDATION_SHARE = 0.2
MOST_VALIDATION = 5_000


@dataclass(frozen=True)
class Baseline:
    """A fitted density of rows in their own units, such as `fit_baselines` makes.

    Attributes:
        description: for reports.
        shift: taken off every column, (d,).
        scale: by which it is divided then, (d,); `score_samples` pays for both.
        standard_log_density: of standardised rows (n, d), in nats, (n,).

    >>> uniform = lambda rows: np.zeros(len(rows))  # on a square of side 1
    >>> Baseline("uniform", np.zeros(2), np.full(2, 2.0), uniform).score_samples(np.zeros((1, 2)))  # - log 4
    array([-1.3863])
    """

    description: str
    shift: Array = field(repr=False)
    scale: Array = field(repr=False)
    standard_log_density: LogDensity = field(repr=False)

    def score_samples(self, test: Any) -> Array:
        """Log density of each row, (n,), in nats."""
        rows = as_rows(test, "the test rows")
        if rows.shape[1] != len(self.shift):
            raise InputError(
                f"the test rows have {rows.shape[1]} columns; expected the {len(self.shift)} columns that this "
                "baseline was fitted on."
            )
        log_density = self.standard_log_density((rows - self.shift) / self.scale)
        return np.asarray(log_density - np.log(self.scale).sum())


def fit_baselines(train: Any, rng_seed: int = 0) -> dict[str, Baseline]:
    """Fit a Gaussian, a Gaussian mixture and a kernel density on `train`, (n, d), already dequantised.

    Args:
        train: rows; with repeated values densities grow without bound.
        rng_seed: of all randomness.

    Raises:
        InputError: fewer than 10 rows, a constant column, or a number that is not finite.

    References:
        Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices.
        Parzen (1962), On estimation of a probability density function and mode.

    >>> rows = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 100.0]
    >>> baselines = fit_baselines(rows, rng_seed=0)
    >>> print(round(baselines["Gaussian"].score_samples(rows).mean(), 1))
    -7.4
    """
    whole(most=2**32 - 1, rng_seed=rng_seed)
    rows = as_rows(train, "the training rows", least=FEWEST_ROWS)
    shift, scale = rows.mean(axis=0), rows.std(axis=0)
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(shift))
    if constant.size:
        raise InputError(
            f"column {constant[0]} of the training rows is constant, so its density is infinite; drop the column."
        )
    z = (rows - shift) / scale
    split = _split(z, rng_seed)
    fits = {
        "Gaussian": _fit_gaussian(z),
        "Gaussian mixture": fit_mixture(*split, rng_seed),
        "Kernel density": fit_kernel_density(*split, rng_seed),
    }
    return {name: Baseline(description, shift, scale, density) for name, (description, density) in fits.items()}


def independent_log_prob(train: Whole, test: Whole) -> Array:
    """The log-probability of test rows, (m,) in nats, under independent sites with the frequencies of `train`.

    Every count is one more, so that no state has probability 0.

    Args:
        train: states from 0, (n, sites).
        test: states from 0, (m, sites).

    >>> train = np.array([[0], [0], [1]])
    >>> np.exp(independent_log_prob(train, np.array([[0], [1]])))
    array([0.6, 0.4])
    """
    states, sites = int(max(train.max(), test.max())) + 1, np.arange(train.shape[1])
    counts = np.ones((len(sites), states))
    np.add.at(counts, (sites, train), 1.0)
    log_share = np.log(counts / counts.sum(1, keepdims=True))
    return np.asarray(log_share[sites, test].sum(1))


def _fit_gaussian(z: Array) -> tuple[str, LogDensity]:
    from scipy.stats import multivariate_normal
    from sklearn.covariance import ledoit_wolf

    covariance, shrinkage = ledoit_wolf(z)
    law = multivariate_normal(z.mean(axis=0), covariance, allow_singular=True)
    description = f"Gaussian, full covariance (Ledoit-Wolf shrinkage {shrinkage:.2g})"
    return description, lambda rows: np.atleast_1d(law.logpdf(rows))


def _split(z: Array, seed: int) -> tuple[Array, Array]:
    order = np.random.default_rng(seed).permutation(len(z))
    held_out = min(max(int(VALIDATION_SHARE * len(z)), 2), MOST_VALIDATION)
    return z[order[held_out:]], z[order[:held_out]]
