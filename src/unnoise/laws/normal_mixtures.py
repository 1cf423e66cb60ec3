"""Mixtures of normal laws, one for each row, as networks give them: closed under Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import tensor
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws.base import Law, standard_normal


@dataclass(frozen=True)
class NormalMixtures(Law[Tensor]):
    r"""$\sum_k w_k N(\mu_k, \Sigma_k)$ on $R^d$, one mixture per row, with $\Sigma_k^{-1} = W_k^T W_k$.

    Args:
        log_weights: (n, K), of weights that sum to one.
        means: $\mu$, (n, K, d).
        whiteners: W, (n, K, d, d), lower triangular with a positive diagonal.

    >>> law = NormalMixtures(torch.zeros(3, 1), torch.zeros(3, 1, 2), torch.eye(2).expand(3, 1, 2, 2))
    >>> law.log_prob(torch.zeros(5, 3, 2)).shape, round(float(law.log_prob(torch.zeros(3, 2))[0]), 4)
    (torch.Size([5, 3]), -1.8379)
    """

    log_weights: Tensor
    means: Tensor
    whiteners: Tensor

    def __post_init__(self) -> None:
        tensor(log_weights=self.log_weights, means=self.means, whiteners=self.whiteners)
        first, d = self.log_weights.shape, self.means.shape[-1] if self.means.ndim == 3 else 0
        if len(first) != 2 or self.means.shape[:2] != first or self.whiteners.shape != (*first, d, d):
            shapes = f"{tuple(first)}, {tuple(self.means.shape)} and {tuple(self.whiteners.shape)}"
            raise InputError(
                f"got weights, means and whiteners of shape {shapes}; expected (n, K), (n, K, d), (n, K, d, d)"
            )

    def joint(self, x: Tensor) -> Tensor:
        """Log weight and log density of every component at x, (*shape, n, d): (*shape, n, K)."""
        white = self._white(x)
        log_det = self.whiteners.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        constant = self.log_weights + log_det - 0.5 * x.shape[-1] * math.log(2 * math.pi)
        return constant - 0.5 * white.square().sum(-1)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats, (*shape, n) for x (*shape, n, d)."""
        return torch.logsumexp(self.joint(x), -1)

    def score(self, x: Tensor) -> Tensor:
        r"""$-\sum_k r_k\,W_k^T W_k (x - \mu_k)$ with the shares r of the components at x."""
        share = torch.softmax(self.joint(x), -1)
        return -torch.einsum("...nk,nkij,...nki->...nj", share, self.whiteners, self._white(x))

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, n, d): a component, and a point of it."""
        (n, _, d), count = self.means.shape, math.prod(shape)
        weights = self.log_weights.exp().to(rng.device)
        chosen = torch.multinomial(weights, count, replacement=True, generator=rng).T.to(self.means.device)
        rows = torch.arange(n, device=chosen.device)
        noise = standard_normal((count, n, d, 1), self.means, rng)
        away = torch.linalg.solve_triangular(self.whiteners[rows, chosen], noise, upper=False)[..., 0]
        draws: Tensor = (self.means[rows, chosen] + away).reshape(*shape, n, d)
        return draws

    def noised(self, alpha: Tensor, sigma: Tensor) -> NormalMixtures:
        r"""The law of $\alpha x + \sigma\epsilon$, with $\alpha\mu_k$ and $\alpha^2\Sigma_k + \sigma^2 I$.

        Args:
            alpha: () or (n,).
            sigma: the same.
        """
        eye = torch.eye(self.means.shape[-1], dtype=self.means.dtype, device=self.means.device)
        roots = torch.linalg.solve_triangular(self.whiteners, eye.expand_as(self.whiteners), upper=False)
        shrunk, wide = (expand(one.reshape(-1), self.whiteners) for one in (alpha, sigma))
        covariances = shrunk**2 * (roots @ roots.mT) + wide**2 * eye
        lower = torch.linalg.cholesky(covariances)
        whiteners = torch.linalg.solve_triangular(lower, eye.expand_as(lower), upper=False)
        return NormalMixtures(self.log_weights, expand(alpha.reshape(-1), self.means) * self.means, whiteners)

    def _white(self, x: Tensor) -> Tensor:
        r"""$W_k (x - \mu_k)$, (*shape, n, K, d)."""
        n, d = len(self.means), self.means.shape[-1]
        if x.shape[-2:] not in ((n, d), (1, d)):
            expected = f"(..., {n}, {d}): a point for each of the laws, or (..., 1, {d}): one for all"
            raise InputError(f"got points of shape {tuple(x.shape)}; expected {expected}")
        centred = x[..., None, :] - self.means
        return (self.whiteners @ centred[..., None])[..., 0]
