r"""Exact denoisers: no training, no error. They make every sampler and every bound testable."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.denoisers.base import Denoiser
from unnoise.laws import GaussianMixture
from unnoise.processes import AffineGaussian, HasKernel

NUMBERS_AT_ONCE = 2**23


class Exact(Denoiser):
    r"""The exact denoiser of a finite weighted data set, on any process with a kernel, by Bayes' rule.

    $E[Y_t | x_t] = \sum_i \pi_i Y_t(a_i, x_t)$ with $\pi_i \propto w_i\, q_{t|0}(x_t | a_i)$.

    Rows are processed in groups, so that about 8 million numbers are held at once whatever the batch. At a point that
    none of the atoms can have come to, where a coarse sampler may go, they are as likely as they were.

    Args:
        process: any process with a kernel.
        atoms: the points, (k, *event).
        weights: (k,), non-negative; uniform by default. Normalised here.

    Raises:
        InputError: weights of another length than the atoms, or not positive anywhere.

    >>> from unnoise.processes import EDM
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(EDM(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> denoiser(torch.tensor([[0.0], [0.9]]), torch.tensor(0.0))
    tensor([[0.],
            [1.]])
    """

    process: HasKernel[Any]
    log_weights: Tensor

    def __init__(self, process: HasKernel[Any], atoms: Any, weights: Tensor | None = None) -> None:
        super().__init__()
        self.process = process
        count, like = _tree.length(atoms), _tree.first(atoms)
        if weights is None:
            dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
            weights = torch.ones(count, dtype=dtype, device=like.device)
        if weights.shape != (count,) or (weights < 0).any() or not weights.sum() > 0:
            raise InputError(
                f"got weights of shape {tuple(weights.shape)} and sum {float(weights.sum()):.4g} for {count} atoms; "
                "expected one non-negative weight per atom"
            )
        process.check(atoms)
        self.atoms = atoms
        self.register_buffer("log_weights", (weights / weights.sum()).log())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Exact:
        """Take the atoms along in .to(...); they are a state, which a buffer cannot hold when it nests."""
        self.atoms = _tree.map(fn, self.atoms)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The exact statistic."""
        groups = [self._posterior_mean(rows, times) for rows, times in self._groups(x_t, t)]
        return groups[0] if len(groups) == 1 else _tree.concatenate(groups)

    def _groups(self, x_t: Any, t: Tensor) -> Iterator[tuple[Any, Tensor]]:
        n = _tree.length(x_t)
        size = max(1, NUMBERS_AT_ONCE // (len(self.log_weights) * _tree.numel_per_row(self.atoms)))
        for start in range(0, n, size):
            rows = slice(start, start + size)
            yield _tree.map(lambda leaf, rows=rows: leaf[rows], x_t), t if t.ndim == 0 else t[rows]

    def _posterior_mean(self, x_t: Any, t: Tensor) -> Any:
        points = _tree.map(lambda leaf: leaf[:, None], x_t)
        atoms = _tree.map(lambda leaf: leaf[None], self.atoms)
        times = t if t.ndim == 0 else t[:, None]
        log_kernel = self.process.marginal(atoms, times).log_prob(points)
        nowhere = torch.isneginf(log_kernel).all(-1, keepdim=True)
        posterior = torch.softmax(torch.where(nowhere, 0.0, log_kernel) + self.log_weights, -1)
        return _tree.map(lambda leaf: _average(posterior, leaf), self.process.target(atoms, points, times))


def _average(weights: Tensor, values: Tensor) -> Tensor:
    """Weighted means over the second axis of values, (n or 1, k, *event); one row of values serves all weights."""
    weights = weights.to(values.dtype)
    rule = "nk,k...->n..." if values.shape[0] == 1 else "nk,nk...->n..."
    mean: Tensor = torch.einsum(rule, weights, values[0] if values.shape[0] == 1 else values)
    return mean


class ExactMixture(Denoiser):
    r"""The exact denoiser of a Gaussian mixture under a Gaussian process.

    $E[x_0 | x] = \sum_k r_k\big(\mu_k + \alpha\Sigma_k(\alpha^2\Sigma_k + \sigma^2 I)^{-1}(x - \alpha\mu_k)\big)$ with
    $r_k \propto w_k N(x; \alpha\mu_k, \alpha^2\Sigma_k + \sigma^2 I)$. Every covariance is diagonalised once.

    >>> from unnoise.processes import EDM
    >>> from unnoise.spaces import Euclidean
    >>> law = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 2), torch.eye(2)[None])
    >>> process = EDM(Euclidean(2), sigma_max=1.0)
    >>> ExactMixture(process, law)(torch.ones(1, 2), torch.tensor(1.0))
    tensor([[0.5000, 0.5000]])
    """

    process: AffineGaussian
    log_weights: Tensor
    means: Tensor
    variances: Tensor
    axes: Tensor

    def __init__(self, process: AffineGaussian, law: GaussianMixture) -> None:
        super().__init__()
        self.process = process
        self.law = law
        variances, axes = torch.linalg.eigh(law.covariances)
        self.register_buffer("log_weights", law.weights.log())
        self.register_buffer("means", law.means)
        self.register_buffer("variances", variances)
        self.register_buffer("axes", axes)

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The posterior mean of x_0."""
        alpha, sigma = (expand(a.to(x_t), x_t) for a in self.process.alpha_sigma(t))
        alpha, sigma = alpha[..., None], sigma[..., None]  # against (n, K, d)
        centred = torch.einsum("nkd,kde->nke", x_t[:, None] - alpha * self.means, self.axes)
        total = alpha**2 * self.variances + sigma**2
        log_density = -0.5 * (centred**2 / total + total.log() + math.log(2 * math.pi)).sum(-1)
        responsibility = torch.softmax(log_density + self.log_weights, -1)
        shrunk = torch.einsum("nke,kde->nkd", alpha * self.variances / total * centred, self.axes)
        return (responsibility[..., None] * (self.means + shrunk)).sum(1)
