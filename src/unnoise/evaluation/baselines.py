r"""Three densities that any learnt density should beat, fitted on the same rows.

All three are fitted on standardised columns z = (x - mean) / std and scored in the units of the rows,

    log p(x) = log p_z(z) - sum_i log std_i     (nats per row),

so that the shrinkage and the bandwidth mean the same whatever the units of the columns are. What has to be
chosen (number of components, kind of covariance, bandwidth) is chosen by likelihood on a validation split
carved from the training rows, and the choice is then fitted again on all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unnoise._errors import InputError
from unnoise.evaluation._kernel_density import fit_kernel_density
from unnoise.evaluation._mixture import fit_mixture
from unnoise.evaluation._rows import Array, as_rows

LogDensity = Callable[[Array], Array]

FEWEST_ROWS = 10  # fewer cannot be split into rows to fit on and rows to choose by
VALIDATION_SHARE = 0.2
MOST_VALIDATION = 5_000


@dataclass(frozen=True)
class Baseline:
    """A fitted density of rows in the units they were given in, and what it is in words."""

    description: str
    shift: Array = field(repr=False)
    scale: Array = field(repr=False)
    standard_log_density: LogDensity = field(repr=False)

    def score_samples(self, test: Any) -> Array:
        """Log density of each row, (n,), in nats, with respect to volume in the units of the rows."""
        rows = as_rows(test, "the test rows")
        if rows.shape[1] != len(self.shift):
            raise InputError(
                f"the test rows have {rows.shape[1]} columns; this baseline was fitted on {len(self.shift)} "
                "columns, give it the same ones."
            )
        log_density = self.standard_log_density((rows - self.shift) / self.scale)
        return np.asarray(log_density - np.log(self.scale).sum())


def fit_baselines(train: Any, rng_seed: int = 0) -> dict[str, Baseline]:
    """Fit a Gaussian, a Gaussian mixture and a kernel density on `train`, (n, d), already dequantised.

    Args:
        train: rows of real numbers; repeated or rounded values make densities grow without bound.
        rng_seed: decides the validation split, the subsamples of large tables and the starts of the mixture.

    Returns:
        The baselines by name, from the simplest to the most flexible.

    References:
        Ledoit, Wolf (2004), A well-conditioned estimator for large-dimensional covariance matrices.
        Parzen (1962), On estimation of a probability density function and mode.

    >>> rows = np.random.default_rng(0).normal(size=(200, 2)) * [1.0, 100.0]
    >>> baselines = fit_baselines(rows, rng_seed=0)
    >>> print(round(baselines["Gaussian"].score_samples(rows).mean(), 1))
    -7.4
    >>> list(baselines)
    ['Gaussian', 'Gaussian mixture', 'Kernel density']
    """
    rows = as_rows(train, "the training rows", least=FEWEST_ROWS)
    shift, scale = rows.mean(axis=0), rows.std(axis=0)
    constant = np.flatnonzero(scale <= 1e-12 * np.abs(shift))
    if constant.size:
        raise InputError(
            f"column {constant[0]} of the training rows is constant; drop it, a density along it is infinite."
        )
    z = (rows - shift) / scale
    split = _split(z, rng_seed)
    fits = {
        "Gaussian": _fit_gaussian(z),
        "Gaussian mixture": fit_mixture(*split, rng_seed),
        "Kernel density": fit_kernel_density(*split, rng_seed),
    }
    return {name: Baseline(description, shift, scale, density) for name, (description, density) in fits.items()}


def _fit_gaussian(z: Array) -> tuple[str, LogDensity]:
    from scipy.stats import multivariate_normal
    from sklearn.covariance import ledoit_wolf

    covariance, shrinkage = ledoit_wolf(z)
    law = multivariate_normal(z.mean(axis=0), covariance, allow_singular=True)
    return f"Gaussian, full covariance (Ledoit-Wolf shrinkage {shrinkage:.2g})", lambda rows: np.atleast_1d(
        law.logpdf(rows)
    )


def _split(z: Array, seed: int) -> tuple[Array, Array]:
    order = np.random.default_rng(seed).permutation(len(z))
    held_out = min(max(int(VALIDATION_SHARE * len(z)), 2), MOST_VALIDATION)
    return z[order[held_out:]], z[order[:held_out]]
