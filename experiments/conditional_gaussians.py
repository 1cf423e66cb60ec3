r"""Mixtures of Gaussians: any conditional in closed form.

Of a component with mean $\mu$ and covariance C, given the coordinates B the coordinates A are Gaussian with mean
$\mu_A + C_{AB}C_{BB}^{-1}(x_B - \mu_B)$ and covariance $C_{AA} - C_{AB}C_{BB}^{-1}C_{BA}$, and the component's weight
changes by its density of $x_B$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

RIDGES = (0.05, 0.2, 0.8)  # variances added to every coordinate, that are tried
COMPONENTS = (1, 5, 10, 20, 40)  # that are tried


@dataclass(frozen=True)
class Gaussians:
    """A mixture.

    Attributes:
        weights: (k,).
        means: (k, d).
        covariances: (k, d, d).
    """

    weights: Floats
    means: Floats
    covariances: Floats

    @classmethod
    def fit(cls, train: Floats, components: int, ridge: float, seed: int) -> Gaussians:
        """By EM, with a variance added to every coordinate."""
        from sklearn.mixture import GaussianMixture

        found = GaussianMixture(components, reg_covar=ridge, random_state=seed).fit(train)
        return cls(found.weights_, found.means_, found.covariances_)

    @classmethod
    def best(cls, train: Floats, validation: Floats, counts: tuple[int, ...], seed: int) -> Gaussians:
        """By the likelihood of validation rows."""
        tried = [cls.fit(train, count, ridge, seed) for count in counts for ridge in RIDGES]
        return max(tried, key=lambda law: float(law.log_prob(validation).mean()))

    def log_prob(self, x: Floats, cells: Mask | None = None) -> Floats:
        """The log density of some coordinates of rows, (n,)."""
        return np.asarray(scipy.special.logsumexp(self._logs(x, slice(None) if cells is None else cells), 1))

    def given(self, x: Floats, known: Mask) -> Conditional:
        """The law of the other coordinates of one row; known is (d,), x is (n, d)."""
        logs = self._logs(x, known) if known.any() else np.tile(np.log(self.weights), (len(x), 1))
        weights = np.exp(logs - scipy.special.logsumexp(logs, 1, keepdims=True))
        means, roots = [], []
        for mean, covariance in zip(self.means, self.covariances, strict=True):
            gain = scipy.linalg.solve(
                covariance[np.ix_(known, known)], covariance[np.ix_(known, ~known)], assume_a="pos"
            )
            rest = covariance[np.ix_(~known, ~known)] - covariance[np.ix_(~known, known)] @ gain
            means.append(mean[~known] + (x[:, known] - mean[known]) @ gain)
            roots.append(np.linalg.cholesky(rest))
        return Conditional(weights, np.stack(means, 1), np.stack(roots))

    def _logs(self, x: Floats, cells: Any) -> Floats:
        """Of each component, with its weight, (n, k)."""
        logs = []
        for mean, covariance in zip(self.means, self.covariances, strict=True):
            root = np.linalg.cholesky(covariance[cells][:, cells])
            white = scipy.linalg.solve_triangular(root, (x - mean)[:, cells].T, lower=True)
            logs.append(
                -0.5 * (white**2).sum(0) - np.log(np.diag(root)).sum() - 0.5 * len(root) * math.log(2 * math.pi)
            )
        return np.asarray(np.stack(logs, 1) + np.log(self.weights))


@dataclass(frozen=True)
class Conditional:
    """Laws of n rows.

    Attributes:
        weights: (n, k).
        means: (n, k, hidden).
        roots: of the covariances, (k, hidden, hidden).
    """

    weights: Floats
    means: Floats
    roots: Floats

    @property
    def mean(self) -> Floats:
        """Of the mixture, (n, hidden)."""
        return np.asarray((self.weights[:, :, None] * self.means).sum(1))

    def draw(self, rng: np.random.Generator) -> Floats:
        """One of each row, (n, hidden)."""
        n = len(self.weights)
        chosen = (self.weights.cumsum(1) < rng.random((n, 1))).sum(1).clip(max=self.weights.shape[1] - 1)
        white = rng.normal(size=(n, self.means.shape[2]))
        spread = np.einsum("nij,nj->ni", self.roots[chosen], white)
        return np.asarray(self.means[np.arange(n), chosen] + spread)
