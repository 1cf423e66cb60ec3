"""Gaussians that are long in some directions, and mixtures of round ones."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import MOST_STATES, instance, real, tensor, whole
from unnoise._errors import InputError
from unnoise.laws import GaussianMixture
from unnoise.laws.base import events, standard_normal
from unnoise.spaces import Euclidean
from unnoise.targets.base import NormalisedTarget


@dataclass(frozen=True)
class EllipticalGaussian(NormalisedTarget):
    r"""$N(0, U\,\mathrm{diag}(\tau_1^2, \dots, \tau_d^2)\,U^T)$; $\log Z = 0$.

    As in Saremi, Park, Bach 2023 (arXiv 2305.19473).

    Args:
        variances: $\tau_i^2$, (d,), positive.
        axes: U, (d, d), with orthonormal columns; the coordinate axes by default.

    >>> EllipticalGaussian.geometric(3, 0.01, 4.0).variances
    tensor([0.0100, 0.2000, 4.0000])
    """

    variances: Tensor
    axes: Tensor | None = None

    def __post_init__(self) -> None:
        tensor(above=0, variances=self.variances)
        instance(Tensor, or_none=True, axes=self.axes)
        if self.variances.ndim != 1 or not len(self.variances):
            raise InputError(f"got variances of shape {tuple(self.variances.shape)}; expected (d,), at least one")
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
        whole(least=1, most=MOST_STATES, dimension=dimension)
        real(above=0, smallest=smallest, largest=largest)
        return cls(torch.linspace(math.log(smallest), math.log(largest), dimension).exp())

    @property
    def space(self) -> Euclidean:
        """$R^d$."""
        return Euclidean(len(self.variances))

    @property
    def mixture(self) -> GaussianMixture:
        """The same law, for `denoisers.ExactMixture`."""
        covariance = torch.diag(self.variances)
        if self.axes is not None:
            covariance = self.axes @ covariance @ self.axes.T
        return GaussianMixture(self.variances.new_ones(1), torch.zeros_like(self.variances)[None], covariance[None])

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d)."""
        z = standard_normal((*shape, len(self.variances)), self.variances, rng) * self.variances.sqrt()
        return z if self.axes is None else z @ self.axes.T

    def log_prob(self, x: Tensor) -> Tensor:
        """Of x, (*batch, d)."""
        along = self._along(x)
        variances = self.variances.to(along)
        return -0.5 * (along.square() / variances + torch.log(2 * math.pi * variances)).sum(-1)

    def score(self, x: Tensor) -> Tensor:
        r"""$-\Sigma^{-1}x$."""
        along = self._along(x)
        pull = -along / self.variances.to(along)
        return pull if self.axes is None else pull @ self.axes.to(pull).T

    def _along(self, x: Tensor) -> Tensor:
        x = events(x, len(self.variances))
        return x if self.axes is None else x @ self.axes.to(x)


@dataclass(frozen=True)
class Modes(NormalisedTarget):
    r"""$\sum_k w_k N(\mu_k, s^2 I)$ on $R^d$; $\log Z = 0$.

    Args:
        weights: (K,), non-negative; normalised here.
        means: (K, d).
        scale: s, positive.

    >>> target = Modes(torch.tensor([3.0, 1.0]), torch.tensor([[-5.0], [5.0]]), 1.0)
    >>> target.responsibility(torch.tensor([[-4.0]]))
    tensor([[1.0000, 0.0000]])
    """

    weights: Tensor
    means: Tensor
    scale: float

    def __post_init__(self) -> None:
        tensor(least=0, weights=self.weights)
        tensor(means=self.means)
        real(above=0, scale=self.scale)
        if self.means.ndim != 2 or self.weights.shape != self.means.shape[:1]:
            raise InputError(
                f"got weights {tuple(self.weights.shape)} and means {tuple(self.means.shape)}; expected (K,) and (K, d)"
            )
        if not self.weights.sum() > 0:
            raise InputError("got weights that are all 0; expected one or more above 0")
        object.__setattr__(self, "weights", self.weights / self.weights.sum())

    @property
    def space(self) -> Euclidean:
        """$R^d$."""
        return Euclidean(self.means.shape[1])

    @property
    def mixture(self) -> GaussianMixture:
        """The same law, for `denoisers.ExactMixture`."""
        k, d = self.means.shape
        covariances = self.scale**2 * torch.eye(d, dtype=self.means.dtype, device=self.means.device).expand(k, d, d)
        return GaussianMixture(self.weights, self.means, covariances)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d)."""
        return self.mixture.sample(rng, shape)

    def log_prob(self, x: Tensor) -> Tensor:
        """Of x, (*batch, d)."""
        constant = 0.5 * self.means.shape[1] * math.log(2 * math.pi * self.scale**2)
        return torch.logsumexp(self._log_shares(x), 0) - constant

    def score(self, x: Tensor) -> Tensor:
        r"""$(\sum_k r_k(x)\mu_k - x)/s^2$."""
        x = events(x, self.means.shape[1])
        return (self.responsibility(x) @ self.means.to(x) - x) / self.scale**2

    def responsibility(self, x: Tensor) -> Tensor:
        """The probability of every mode at x, (*batch, K)."""
        return torch.softmax(self._log_shares(x), 0).movedim(0, -1)

    def _log_shares(self, x: Tensor) -> Tensor:
        """Without the constant, (K, *batch): the faster layout."""
        x = events(x, self.means.shape[1])
        means, ones = self.means.to(x), [1] * (x.ndim - 1)
        offset = x - means.reshape(len(means), *ones, -1)
        return self.weights.to(x).log().reshape(-1, *ones) - 0.5 / self.scale**2 * offset.square().sum(-1)


class TwoModes(Modes):
    r"""$w N(\frac\Delta2 1_d, s^2 I) + (1 - w) N(-\frac\Delta2 1_d, s^2 I)$ on $R^d$; $\log Z = 0$.

    The two Gaussians of Saremi, Park, Bach 2023 (arXiv 2305.19473): $\Delta\mu = 6\cdot 1_d$, distance $6\sqrt d$.

    Args:
        dimension: d.
        separation: of the means, in every coordinate.
        weight: of the positive mode.
        scale: of each mode.
    """

    def __init__(self, dimension: int, separation: float = 6.0, weight: float = 0.8, scale: float = 1.0) -> None:
        whole(least=1, dimension=dimension)
        real(separation=separation)
        real(above=0, below=1, weight=weight)
        side = torch.tensor([[0.5], [-0.5]]) * separation
        super().__init__(torch.tensor([weight, 1 - weight]), side.expand(2, dimension), scale)


def ring(count: int = 8, radius: float = 2.0, scale: float = 0.15) -> Modes:
    r"""`count` equal Gaussians on a circle in the plane, $\frac1k \sum_j N(x; r(\cos 2\pi j/k, \sin 2\pi j/k), s^2 I)$.

    Args:
        count: k.
        radius: r, of the circle.
        scale: s, of each.

    >>> ring(4, radius=2.0).log_prob(torch.tensor([[2.0, 0.0], [0.0, 0.0]])).round(decimals=2)
    tensor([  0.5700, -86.9300])
    """
    whole(least=1, most=MOST_STATES, count=count)
    real(radius=radius)
    angles = torch.arange(count) * (2 * math.pi / count)
    return Modes(torch.ones(count), radius * torch.stack([angles.cos(), angles.sin()], -1), scale)
