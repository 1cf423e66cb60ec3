r"""Rivals whose margins are those of the training rows: a Gaussian copula, and independent columns.

Fitted and sampled in closed form. With $F_j$ the distribution function of column j in the training rows, a row is

$$x_j = F_j^{-1}(\Phi(z_j)), \qquad z \sim N(0, R),$$

where R is the correlation of the normal scores of the training rows. Atoms, levels and holes so have the shares of the
training rows; what is simplified is how columns hang together. Codes of levels count as numbers in their order.

References:
    Sklar (1959), Fonctions de répartition à n dimensions et leurs marges.
    Rüschendorf (2009), On the distributional transform, Sklar's theorem, and the empirical copula process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from unnoise._checks import whole
from unnoise.evaluation._mixed import codes_of
from unnoise.evaluation._rows import Array, as_rows


@dataclass(frozen=True)
class GaussianCopula:
    """Empirical margins under the dependence of a Gaussian.

    Attributes:
        ordered: the training rows, each column in order, NaN last, (n, d).
        correlation: of the normal scores, (d, d).

    >>> x = np.random.default_rng(0).normal(size=(500, 1)) * [1.0, -2.0]  # the columns fall together
    >>> drawn = GaussianCopula.fit(x, seed=0).sample(1000, seed=1)
    >>> round(float(np.corrcoef(drawn.T)[0, 1]), 2), set(drawn[:, 0]) <= set(x[:, 0])
    (-1.0, True)
    """

    ordered: Array = field(repr=False)
    correlation: Array = field(repr=False)

    @classmethod
    def fit(cls, train: Any, *, seed: int = 0) -> Self:
        """The copula of training rows (n, d), NaN where missing; equal values are ranked at random by `seed`."""
        from scipy.special import ndtri
        from scipy.stats import rankdata

        whole(seed=seed)
        rows = as_rows(train, "the training rows", least=2, holes=True)
        codes = np.stack([codes_of(values)[1] for values in rows.T], axis=1)
        noise = np.random.default_rng(seed).random(codes.shape)  # orders equal values
        scores = ndtri((rankdata(codes + noise, axis=0) - 0.5) / len(rows))
        return cls(np.sort(rows, axis=0), np.atleast_2d(np.corrcoef(scores.T)))

    def sample(self, n: int, *, seed: int = 0) -> Array:
        """New rows, (n, d)."""
        from scipy.special import ndtr

        whole(seed=seed, n=n)
        values, axes = np.linalg.eigh(self.correlation)
        normal = np.random.default_rng(seed).standard_normal((n, len(values)))
        z = normal @ (axes * np.sqrt(np.maximum(values, 0.0))).T
        place = np.minimum((ndtr(z) * len(self.ordered)).astype(np.int64), len(self.ordered) - 1)
        return np.take_along_axis(self.ordered, place, axis=0)


@dataclass(frozen=True)
class IndependentColumns:
    """The margins of the training rows, as if no column told anything of another.

    Attributes:
        rows: the training rows, (n, d).

    >>> drawn = IndependentColumns(np.array([[0.0, 0.0], [1.0, 1.0]])).sample(1000)
    >>> 400 < int((drawn[:, 0] == drawn[:, 1]).sum()) < 600
    True
    """

    rows: Array = field(repr=False)

    def __post_init__(self) -> None:
        as_rows(self.rows, "the training rows", holes=True)

    def sample(self, n: int, *, seed: int = 0) -> Array:
        """New rows, (n, d), every cell from a training row of its own."""
        whole(seed=seed, n=n)
        known = as_rows(self.rows, "the training rows", holes=True)
        place = np.random.default_rng(seed).integers(0, len(known), (n, known.shape[1]))
        return np.take_along_axis(known, place, axis=0)
