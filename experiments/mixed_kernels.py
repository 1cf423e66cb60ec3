"""Kernel densities whose kernels have several widths at once, weighted by EM on validation points: a strong rival."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

AT_ONCE = 256  # rows
ROUNDS = 500  # of EM


@dataclass(frozen=True)
class TorusKernels:
    r"""$\sum_k w_k \frac1n\sum_j \prod_i \mathrm{vM}(x_i; p_{ji}, \kappa_k) + w_0 (2\pi)^{-d}$.

    Args:
        points: angles in radians, (n, d).
        kappas: concentrations, (k,).
        weights: of them, and of the uniform law last, (k + 1,).
    """

    points: Tensor
    kappas: Tensor
    weights: Tensor

    @classmethod
    def fit(cls, train: Tensor, validation: Tensor, most: float, least: float = 1.0, count: int = 20) -> TorusKernels:
        """Kernels at the training points; the weights of the widths have the highest likelihood of the validation."""
        kappas = torch.logspace(math.log10(least), math.log10(most), count, dtype=torch.float64)
        weights = torch.full((count + 1,), 1 / (count + 1), dtype=torch.float64)
        parts = cls(train, kappas, weights)._parts(validation)
        for _ in range(ROUNDS):
            weights = torch.softmax(parts + weights.log(), 1).mean(0).clamp(min=1e-12)
        return cls(train, kappas, weights / weights.sum())

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density, (m,), in nats per radian of each angle."""
        return torch.logsumexp(self._parts(x) + self.weights.log(), 1)

    def _parts(self, x: Tensor) -> Tensor:
        """The log density of each width, (m, k + 1)."""
        d = self.points.shape[1]
        scale = -d * (math.log(2 * math.pi) + torch.special.i0e(self.kappas).log()) - math.log(len(self.points))
        places, found = _circles(self.points), []
        for rows in x.split(AT_ONCE):  # type: ignore[no-untyped-call]
            off = _circles(rows) @ places.T - d
            found.append(torch.stack([torch.logsumexp(kappa * off, 1) for kappa in self.kappas], 1) + scale)
        uniform = torch.full((len(x), 1), -d * math.log(2 * math.pi), dtype=torch.float64)
        return torch.cat([torch.cat(found), uniform], 1)


def _circles(angles: Tensor) -> Tensor:
    return torch.cat([angles.cos(), angles.sin()], 1).double()
