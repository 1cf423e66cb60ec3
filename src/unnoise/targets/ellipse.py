"""Gaussians that are long in some directions and thin in others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.laws import GaussianMixture, Law
from unnoise.laws.base import standard_normal
from unnoise.spaces import Euclidean
from unnoise.targets.base import Target


@dataclass(frozen=True)
class EllipticalGaussian(Target, Law[Tensor]):
    r"""$N(0, U\,\mathrm{diag}(\tau_1^2, \dots, \tau_d^2)\,U^T)$; $\log Z = 0$.

    The elliptical Gaussian of Saremi, Park, Bach 2023 (arXiv 2305.19473) is one with unequal variances.

    Args:
        variances: $\tau_i^2$, (d,), positive.
        axes: U, (d, d), with orthonormal columns; the coordinate axes by default.

    Raises:
        InputError: variances that are not positive, or axes that are not orthonormal.

    >>> EllipticalGaussian.geometric(3, 0.01, 4.0).variances
    tensor([0.0100, 0.2000, 4.0000])
    """

    variances: Tensor
    axes: Tensor | None = None

    def __post_init__(self) -> None:
        if self.variances.ndim != 1 or not (self.variances > 0).all():
            raise InputError(f"got the variances {self.variances.tolist()}; expected a list of positive numbers")
        if self.axes is None:
            return
        unit = torch.eye(len(self.variances), dtype=self.axes.dtype, device=self.axes.device)
        if self.axes.shape != unit.shape or not torch.allclose(self.axes.T @ self.axes, unit, atol=1e-5):
            raise InputError(
                f"got axes of shape {tuple(self.axes.shape)}; expected orthonormal columns, as torch.linalg.qr gives, "
                f"for {len(self.variances)} variances"
            )

    @classmethod
    def geometric(cls, dimension: int, smallest: float, largest: float) -> EllipticalGaussian:
        """Variances with equal ratios, along the coordinate axes."""
        steps = torch.linspace(math.log(smallest), math.log(largest), dimension)
        return cls(steps.exp())

    @property
    def space(self) -> Euclidean:
        """$R^d$."""
        return Euclidean(len(self.variances))

    @property
    def log_normaliser(self) -> float:
        """0: the density is normalised."""
        return 0.0

    @property
    def mixture(self) -> GaussianMixture:
        """The same law as a mixture of one, as `denoisers.ExactMixture` takes it."""
        covariance = torch.diag(self.variances)
        if self.axes is not None:
            covariance = self.axes @ covariance @ self.axes.T
        return GaussianMixture(self.variances.new_ones(1), torch.zeros_like(self.variances)[None], covariance[None])

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d)."""
        z = standard_normal((*shape, len(self.variances)), self.variances, rng) * self.variances.sqrt()
        return z if self.axes is None else z @ self.axes.T

    def log_prob(self, x: Tensor) -> Tensor:
        """The log density at x, (*batch, d)."""
        variances, along = self.variances.to(x), self._along(x)
        return -0.5 * (along.square() / variances + torch.log(2 * math.pi * variances)).sum(-1)

    def score(self, x: Tensor) -> Tensor:
        r"""$-\Sigma^{-1}x$."""
        pull = -self._along(x) / self.variances.to(x)
        return pull if self.axes is None else pull @ self.axes.to(x).T

    def _along(self, x: Tensor) -> Tensor:
        return x if self.axes is None else x @ self.axes.to(x)
