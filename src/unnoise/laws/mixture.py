"""Gaussian mixtures, which stay closed under Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import tensor
from unnoise._errors import InputError
from unnoise.laws.base import Law, events, standard_normal

SKEW = 1e-4  # relative, what rounding may leave of the difference between a covariance and its transpose


@dataclass(frozen=True)
class GaussianMixture(Law[Tensor]):
    r"""$\sum_k w_k N(\mu_k, \Sigma_k)$ on $R^d$; density with respect to Lebesgue measure.

    Args:
        weights: (K,), non-negative, summing to one.
        means: (K, d).
        covariances: (K, d, d), symmetric positive definite.

    >>> law = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 2), torch.eye(2)[None])
    >>> round(float(law.log_prob(torch.zeros(2))), 4)
    -1.8379
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor

    def __post_init__(self) -> None:
        tensor(weights=self.weights, means=self.means, covariances=self.covariances)
        k, d = self.means.shape if self.means.ndim == 2 else (0, 0)
        if not k or self.weights.shape != (k,) or self.covariances.shape != (k, d, d):
            raise InputError(
                f"got weights {tuple(self.weights.shape)}, means {tuple(self.means.shape)} and covariances "
                f"{tuple(self.covariances.shape)}; expected (K,), (K, d) and (K, d, d)"
            )
        skew = self.covariances - self.covariances.mT
        if (skew.abs().amax((1, 2)) > SKEW * self.covariances.abs().amax((1, 2))).any():
            raise InputError("got covariances that are not symmetric; of factors L give L @ L.mT")
        least = float(torch.linalg.eigvalsh(self.covariances.detach()).amin())
        if least < -SKEW * float(self.covariances.abs().amax()):
            raise InputError(
                f"got a covariance with the eigenvalue {least:.4g}; expected positive definite ones, L @ L.mT"
            )
        if (self.weights < 0).any() or abs(float(self.weights.sum()) - 1) > 1e-5:
            raise InputError(
                f"mixture weights must be non-negative and sum to 1, got a sum of {float(self.weights.sum()):.6g}"
            )

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d)."""
        n = math.prod(shape)
        chosen = torch.multinomial(self.weights, n, replacement=True, generator=rng)
        roots = torch.linalg.cholesky(self.covariances)
        noise = standard_normal((n, self.means.shape[-1]), self.means, rng)
        draws: Tensor = self.means[chosen] + (roots[chosen] @ noise[..., None])[..., 0]
        return draws.reshape(*shape, -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density of x, (*batch, d), in nats."""
        return torch.logsumexp(self.component_log_prob(x) + self.weights.log(), -1)

    def component_log_prob(self, x: Tensor) -> Tensor:
        """Log density of every component, (*batch, K)."""
        x, roots = events(x, self.means.shape[1]), torch.linalg.cholesky(self.covariances)
        centred = x[..., None, :] - self.means
        z = torch.linalg.solve_triangular(roots, centred[..., None], upper=False)[..., 0]
        log_det = roots.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        log_density: Tensor = -0.5 * (z**2).sum(-1) - log_det - 0.5 * x.shape[-1] * math.log(2 * math.pi)
        return log_density
