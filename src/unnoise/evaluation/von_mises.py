r"""A kernel density on the sphere, a baseline on the globe.

Training points have von Mises-Fisher kernels, and a share u is uniform:

$$p(x) = \frac u{4\pi} + \frac{1 - u}n\sum_i C(\kappa) e^{\kappa x\cdot x_i},\qquad
C(\kappa) = \frac\kappa{2\pi(1 - e^{-2\kappa})} e^{-\kappa},$$

with respect to area on $S^2$. Validation likelihood chooses u and $\kappa$, at most `most_kappa`, since for repeated
points it has no bound.

References:
    Hall, Watson, Cabrera (1987), Kernel density estimation with spherical data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from unnoise._errors import InputError
from unnoise.evaluation._rows import Array

GRID = 41  # bandwidths that are tried
UNIFORM = (1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1)  # shares of the uniform law that are tried
BLOCK = 512  # rows whose kernels are held at once


@dataclass(frozen=True)
class SphereKernelDensity:
    """A fitted kernel density on the sphere.

    >>> points = np.random.default_rng(0).normal(size=(100, 3)) + [0.0, 0.0, 4.0]
    >>> points /= np.linalg.norm(points, axis=1, keepdims=True)
    >>> found = SphereKernelDensity.fit(points[:80], points[80:])
    >>> bool(found.score_samples(points[80:]).mean() > -math.log(4 * math.pi))
    True
    """

    kappa: float
    uniform: float
    points: Array = field(repr=False)

    @classmethod
    def fit(cls, train: Array, validation: Array, most_kappa: float = 1e5) -> SphereKernelDensity:
        """Choose kappa, at most `most_kappa`, and the uniform share by validation likelihood of unit vectors (m, 3)."""
        if train.ndim != 2 or train.shape[1] != 3 or len(train) == 0 or len(validation) == 0:
            raise InputError(f"got points of shape {train.shape}; expected unit vectors (n, 3), to fit and to validate")
        best = (-math.inf, 1.0, UNIFORM[0])
        for kappa in np.geomspace(1.0, most_kappa, GRID):
            kernels = _log_kernels(validation, train, float(kappa))
            for share in UNIFORM:
                score = float(_mixed(kernels, share).mean())
                best = max(best, (score, float(kappa), share))
        return cls(best[1], best[2], train)

    def score_samples(self, test: Array) -> Array:
        """Log density of each row, (n,), in nats, with respect to area."""
        return _mixed(_log_kernels(test, self.points, self.kappa), self.uniform)

    @property
    def description(self) -> str:
        """The chosen parameters in words."""
        return f"von Mises-Fisher kernel density, kappa {self.kappa:.3g}, uniform share {self.uniform:g}"


def _log_kernels(x: Array, points: Array, kappa: float) -> Array:
    scale = math.log(kappa / (2 * math.pi)) - math.log(-math.expm1(-2 * kappa)) - math.log(len(points))
    parts = []
    for start in range(0, len(x), BLOCK):
        exponent = kappa * (x[start : start + BLOCK] @ points.T - 1.0)
        top = exponent.max(1)
        parts.append(top + np.log(np.exp(exponent - top[:, None]).sum(1)) + scale)
    return np.concatenate(parts)


def _mixed(log_kernels: Array, share: float) -> Array:
    return np.logaddexp(math.log1p(-share) + log_kernels, math.log(share / (4 * math.pi)))
