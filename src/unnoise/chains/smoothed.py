r"""The density of $Y = X + \sigma N$, known through its denoiser $E[X | Y = y]$ at any noise level $\sigma$.

Tweedie's formula makes the denoiser a score, $\nabla\log q_\sigma(y) = (E[X | Y = y] - y)/\sigma^2$ (Robbins 1956;
Miyasawa 1961), which is all that walk-jump and measurement sampling need: whatever gives a denoiser, a trained model, a
closed form or an estimate from an unnormalised density (`estimates`), serves them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from unnoise._errors import InputError
from unnoise.chains.base import Field, check_positive
from unnoise.denoisers import Denoiser
from unnoise.laws import GaussianMixture
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian

NUMBERS_AT_ONCE = 2**22


class Smoothed(ABC):
    r"""A law of X, seen through Gaussian noise of any level $\sigma > 0$."""

    @abstractmethod
    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        r"""$E[X | X + \sigma N = y]$ for y, (n, *event)."""

    def score(self, y: Tensor, sigma: float) -> Tensor:
        r"""$\nabla\log q_\sigma(y)$, by Tweedie's formula."""
        return (self.denoise(y, sigma) - y) / sigma**2

    def at(self, sigma: float) -> Field:
        """The target of chains that walk at one noise level."""
        check_positive(sigma=sigma)
        return Field(lambda y: self.score(y, sigma))


class FromDenoiser(Smoothed):
    r"""A denoiser of the package, trained or exact, at any noise level.

    $Y = x_t/\alpha_t$ at the time at which $\sigma_t/\alpha_t = \sigma$.

    Args:
        denoiser: of a Gaussian process.
        cond: conditions, one row per chain or one for all.

    Raises:
        InputError: a denoiser of a process that is not Gaussian; a level outside those of the process.
    """

    def __init__(self, denoiser: Denoiser, cond: Any = None) -> None:
        if not isinstance(denoiser.process, Gaussian):
            raise InputError(
                f"FromDenoiser needs a denoiser of a Gaussian process, and {type(denoiser.process).__name__} is none: "
                "a noise level sigma means nothing there"
            )
        self.denoiser, self.process, self.cond = denoiser, denoiser.process, cond
        self.lowest, self.highest = torch.exp(-0.5 * self.process.log_snr(torch.tensor([0.0, 1.0]).double())).tolist()

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        """The denoiser at the time that belongs to sigma."""
        slack = 1e-6
        if not self.lowest * (1 - slack) <= sigma <= self.highest * (1 + slack):
            raise InputError(
                f"got sigma = {sigma:.6g}; this denoiser knows the levels from {self.lowest:.6g} to {self.highest:.6g}"
            )
        t = self.process.time_at(torch.tensor(-2 * math.log(sigma), dtype=torch.float64)).clamp(0, 1).to(y.device)
        alpha, _ = self.process.alpha_sigma(t)
        found: Tensor = self.denoiser(alpha.to(y) * y, t.to(y), self.cond)
        return found


class FromMixture(Smoothed):
    r"""The closed form of a Gaussian mixture, also at $\sigma = 0$, where the score is that of the law itself.

    $\nabla\log q_\sigma(y) = -\sum_k r_k(\Sigma_k + \sigma^2 I)^{-1}(y - \mu_k)$ with
    $r_k \propto w_k N(y; \mu_k, \Sigma_k + \sigma^2 I)$. Round components, $\Sigma_k = \tau_k^2 I$, take two products
    of matrices and no more.

    >>> law = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 2), torch.eye(2)[None])
    >>> FromMixture(law).denoise(torch.ones(1, 2), 1.0)
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, law: GaussianMixture) -> None:
        self.law = law
        d = law.means.shape[1]
        self.variances, self.axes = torch.linalg.eigh(law.covariances)
        self.round = bool((law.covariances == law.covariances[:, :1, :1] * torch.eye(d).to(law.means)).all())
        self.centre = law.means.mean(0)
        self.means = law.means - self.centre  # near zero, where squares lose nothing
        self.squares = self.means.square().sum(1)

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        r"""$y + \sigma^2\nabla\log q_\sigma(y)$."""
        return torch.add(y, self.score(y, sigma), alpha=sigma**2)

    def score(self, y: Tensor, sigma: float) -> Tensor:
        """See the class."""
        return self._of_round(y, sigma) if self.round else self._of_any(y, sigma)

    def _of_round(self, y: Tensor, sigma: float) -> Tensor:
        centred, total = y - self.centre, self.variances[:, 0] + sigma**2
        products = torch.addmm(self.squares[:, None], self.means, centred.T, alpha=-2)  # (K, n): the faster layout
        distance = products.add_(centred.square().sum(1))
        offset = self.law.weights.log() - 0.5 * y.shape[1] * total.log()
        pull = torch.softmax(offset[:, None] - 0.5 * distance / total[:, None], 0) / total[:, None]
        drawn: Tensor = pull.T @ self.means
        return drawn.addcmul_(pull.sum(0)[:, None], centred, value=-1)

    def _of_any(self, y: Tensor, sigma: float) -> Tensor:
        total = self.variances + sigma**2  # (K, d)
        along = torch.einsum("nkd,kde->nke", y[:, None] - self.law.means, self.axes)
        logits = self.law.weights.log() - 0.5 * (total.log() + along**2 / total).sum(-1)
        return -torch.einsum("nk,nke,kde->nd", torch.softmax(logits, 1), along / total, self.axes)


class FromAtoms(Smoothed):
    r"""The closed form of finitely many points: kernel density estimation with a Gaussian kernel of width $\sigma$.

    $E[X | y] = \sum_i r_i a_i$ with $r_i \propto w_i e^{-|y - a_i|^2/2\sigma^2}$.

    Args:
        atoms: (k, *event).
        weights: (k,), non-negative; uniform by default.

    Raises:
        InputError: weights of another length than the atoms, or not positive anywhere.

    >>> FromAtoms(torch.tensor([[-1.0], [1.0]])).denoise(torch.tensor([[0.0], [2.0]]), 0.5)
    tensor([[0.],
            [1.]])
    """

    def __init__(self, atoms: Tensor, weights: Tensor | None = None) -> None:
        weights = atoms.new_ones(len(atoms)) if weights is None else weights
        if weights.shape != (len(atoms),) or (weights < 0).any() or not weights.sum() > 0:
            raise InputError(
                f"got weights of shape {tuple(weights.shape)} for {len(atoms)} atoms; expected one non-negative weight "
                "per atom, not all of them zero"
            )
        self.centre = atoms.mean(0)
        self.atoms = (atoms - self.centre).flatten(1)
        self.log_weights = (weights / weights.sum()).log()

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        """See the class; in groups of rows, so that memory does not grow with n x k."""
        rows = (y - self.centre).flatten(1)
        size = max(1, NUMBERS_AT_ONCE // len(self.atoms))
        means = torch.cat([self._mean(group, sigma) for group in torch.split(rows, size)])
        return means.reshape(y.shape) + self.centre

    def _mean(self, y: Tensor, sigma: float) -> Tensor:
        closeness = y @ self.atoms.T - 0.5 * (self.atoms**2).sum(1)
        return torch.softmax(closeness / sigma**2 + self.log_weights, 1) @ self.atoms


class SingleLevel(nn.Module, Smoothed):
    r"""A network that denoises one level: a denoising autoencoder (Vincent 2011), trained by `loss`.

    $\ell(x) = |x - D(x + \sigma N)|^2$, which is least at $D(y) = E[X | Y = y]$ and is, times $\sigma^{-4}$, denoising
    score matching.

    Args:
        network: maps y, (n, *event), to an estimate of X in the same shape.
        sigma: the level.

    Raises:
        InputError: a level that is not positive; later, a question about another level.
    """

    def __init__(self, network: nn.Module, sigma: float) -> None:
        super().__init__()
        check_positive(sigma=sigma)
        self.network, self.sigma = network, sigma

    def forward(self, y: Tensor) -> Tensor:
        """The estimate of X."""
        found: Tensor = self.network(y)
        return found

    def loss(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The squared error of every row after fresh noise, (n,)."""
        y = torch.add(x, standard_normal(tuple(x.shape), x, rng), alpha=self.sigma)
        return (self.forward(y) - x).flatten(1).square().sum(1)

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        """The network, at its own level only."""
        if not math.isclose(sigma, self.sigma, rel_tol=1e-6):
            raise InputError(
                f"got sigma = {sigma:.6g}; this network was trained at {self.sigma:.6g} alone: walk and jump there, or "
                "train a model of all levels and use FromDenoiser"
            )
        return self.forward(y)
