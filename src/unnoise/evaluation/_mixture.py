"""The Gaussian mixture of `baselines`, its size, shape and regularisation chosen by held-out likelihood."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise.evaluation._rows import Array, subsample

MOST_ROWS = 20_000  # that the chosen mixture is fitted on
MOST_TRIAL_ROWS = 5_000  # that each mixture on trial is fitted on
MOST_COMPONENTS = 128
MOST_OPERATIONS = 2e9  # of one EM iteration, about a second on one core; larger mixtures are not tried
REGULARISATIONS = (1e-5, 3e-4, 3e-3, 3e-2, 1e-1)  # variances added to standardised columns
PATIENCE = 2  # doublings without a gain before a kind of covariance is given up


@dataclass(frozen=True)
class Choice:
    """A mixture that can be fitted: `components` Gaussians with covariances of one kind."""

    components: int
    kind: str
    regularisation: float

    def operations(self, rows: int, columns: int) -> float:
        """Multiplications of one EM iteration."""
        per_row = columns if self.kind == "diag" else columns**2
        factorisations = 0 if self.kind == "diag" else columns**3
        return self.components * float(rows * per_row + factorisations)

    def fit(self, z: Array, seed: int) -> Any:
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
        with warnings.catch_warnings():  # duplicated rows make k-means warn; the likelihood alone decides
            warnings.simplefilter("ignore", ConvergenceWarning)
            return mixture.fit(z)


def fit_mixture(train: Array, validation: Array, seed: int) -> tuple[str, Callable[[Array], Array]]:
    """The mixture that is best on `validation`, then fitted on all rows: (description, log density)."""
    rng = np.random.default_rng(seed)
    few = subsample(train, MOST_TRIAL_ROWS, rng)
    best = max((_best_of_kind(kind, few, validation, seed) for kind in ("full", "diag")), key=lambda pair: pair[0])[1]
    whole = np.concatenate([train, validation])
    used = subsample(whole, MOST_ROWS, rng)
    description = f"Gaussian mixture, {best.components} {_WORDS[best.kind]} component{'s' * (best.components > 1)}"
    if len(used) < len(whole):
        description += f" (fitted on {len(used)} of {len(whole)} rows)"
    return description, best.fit(used, seed).score_samples


_WORDS = {"full": "full-covariance", "diag": "diagonal"}


def _best_of_kind(kind: str, train: Array, validation: Array, seed: int) -> tuple[float, Choice]:
    """Double the number of components while that helps, under every regularisation."""
    best, since = (-np.inf, Choice(1, kind, REGULARISATIONS[0])), 0
    components = 1
    while since < PATIENCE and components <= min(MOST_COMPONENTS, len(train) // 2):
        choices = [Choice(components, kind, regularisation) for regularisation in REGULARISATIONS]
        if components > 1 and choices[0].operations(*train.shape) > MOST_OPERATIONS:
            break
        scores = [float(choice.fit(train, seed).score(validation)) for choice in choices]
        top = int(np.argmax(scores))
        best, since = ((scores[top], choices[top]), 0) if scores[top] > best[0] else (best, since + 1)
        components *= 2
    return best
