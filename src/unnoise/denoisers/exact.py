r"""Exact denoisers: no training, no error."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from unnoise import _checks, _tree
from unnoise._checks import instance, refuse, tensor
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.denoisers.base import AnyQuestion, Denoiser, Roles, check_placed
from unnoise.laws import GaussianMixture
from unnoise.laws.base import event_sum
from unnoise.laws.normal import outer_squares
from unnoise.processes import Gaussian, HasKernel, leaves, require
from unnoise.processes.gaussian import LATEST

NUMBERS_AT_ONCE = 2**23


class ClosedForm(Denoiser):
    """A denoiser that knows the noisy densities $q_t$ too: `log_prob` in nats, (n,), and, of Gaussian noise, `score`.

    >>> from unnoise import processes, spaces
    >>> exact = Exact(processes.edm(spaces.Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> isinstance(exact, ClosedForm), exact.score(torch.tensor([[0.0]]), torch.tensor(0.5))
    (True, tensor([[0.]]))
    """

    @abstractmethod
    def log_prob(self, x_t: Any, t: Tensor) -> Tensor:
        r"""$\log q_t(x_t)$ in nats, (n,), with respect to the reference measure."""

    @abstractmethod
    def score(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\nabla\log q_t(x_t)$, of a Gaussian process."""


class Exact(ClosedForm, AnyQuestion):
    r"""The exact denoiser of a finite weighted data set, on any process with a kernel, by Bayes' rule.

    $E[Y_t | x_t] = \sum_i \pi_i Y_t(a_i, x_t)$ with $\pi_i \propto w_i\, q_{t|0}(x_t | a_i)$.

    At a point that no atom can have come to, the weights are $w_i$.

    Args:
        process: any process with a kernel.
        atoms: the points, (k, *event).
        weights: (k,), non-negative, of any sum but 0; uniform by default.

    >>> from unnoise import processes, spaces
    >>> denoiser = Exact(processes.edm(spaces.Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> denoiser(torch.tensor([[0.0], [0.9]]), torch.tensor(0.0))
    tensor([[0.],
            [1.]])
    """

    process: HasKernel[Any]
    log_weights: Tensor

    def __init__(self, process: HasKernel[Any], atoms: Any, weights: Tensor | None = None) -> None:
        process = require(process, HasKernel, "Exact", "denoisers.Neural")
        if not all(isinstance(leaf, Tensor) and leaf.ndim for _, leaf in _tree.leaves(atoms)):
            refuse("atoms", atoms, "a tensor of points, (k, *event), or a dict of them")
        process.check(atoms)
        super().__init__()
        self.process = process
        count, like = _tree.length(atoms), _tree.first(atoms)
        if weights is None:
            dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
            weights = torch.ones(count, dtype=dtype, device=like.device)
        tensor(weights=weights)
        if weights.shape != (count,) or (weights < 0).any() or not weights.sum() > 0:
            got = f"weights of shape {tuple(weights.shape)} and sum {float(weights.sum()):.4g} for {count} atoms"
            raise InputError(f"got {got}; expected one non-negative weight per atom")
        self.atoms = atoms
        self.register_buffer("log_weights", (weights / weights.sum()).log())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Exact:
        """A buffer cannot hold atoms that nest."""
        self.atoms = _tree.map(fn, self.atoms)
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The exact statistic."""
        return self._by_groups(
            x_t, t, lambda x, times, rows: self._posterior_mean(x, times, self._log_kernels(x, times))
        )

    def answer(self, x: Any, t: Tensor, roles: Roles, cond: Any = None) -> Any:
        r"""With $\pi_i \propto w_i\prod_c q_{t_c|0}(x_c | a_{i,c})$ over the cells c that are known, at their times."""

        def mean(x: Any, times: Tensor, rows: slice) -> Any:
            masks = (_tree.map(lambda leaf: leaf[rows], mask) for mask in (roles.asked, roles.given))
            return self._posterior_mean(x, times, self._kernels_of_cells(x, times, Roles(*masks)))

        return self._by_groups(x, t, mean, cells=True)

    def log_prob(self, x_t: Any, t: Tensor) -> Tensor:
        r"""$\log\sum_i w_i\, q_{t|0}(x_t | a_i)$; minus infinity where no atom can have come."""
        groups = (self._log_kernels(x, times) + self.log_weights for x, times, _ in self._groups(x_t, t))
        return torch.cat([torch.logsumexp(log_joint, -1) for log_joint in groups])

    def score(self, x_t: Tensor, t: Tensor) -> Tensor:
        """By Tweedie's formula."""
        process = require(self.process, Gaussian, "a score", "the local characteristics of process.reverse")
        return process.score(x_t, self(x_t, t), t)

    def _by_groups(self, x_t: Any, t: Tensor, f: Callable[[Any, Tensor, slice], Any], cells: bool = False) -> Any:
        groups = [f(*group) for group in self._groups(x_t, t, cells)]
        return groups[0] if len(groups) == 1 else _tree.concatenate(groups)

    def _groups(self, x_t: Any, t: Tensor, cells: bool = False) -> Iterator[tuple[Any, Tensor, slice]]:
        t, n = check_placed(self.process, x_t, t), _tree.length(x_t)
        t = t[0] if t.shape == (1,) else t
        by_products = t.ndim == 0 and isinstance(self.process, Gaussian) and not cells  # one number for every pair
        each = 1 if by_products else _tree.numel_per_row(self.atoms)
        size = max(1, NUMBERS_AT_ONCE // (len(self.log_weights) * each))
        for start in range(0, max(1, n), size):
            rows = slice(start, start + size)
            yield _tree.map(lambda leaf, rows=rows: leaf[rows], x_t), t if t.ndim == 0 else t[rows], rows

    def _log_kernels(self, x_t: Any, t: Tensor) -> Tensor:
        """Of every kernel at every point, (n, k)."""
        points, atoms, times = self._beside(x_t, t)
        return self.process.marginal(atoms, times).log_prob(points)

    def _kernels_of_cells(self, x: Any, t: Tensor, roles: Roles) -> Tensor:
        """The same, of the cells that are known."""
        total = torch.zeros(_tree.length(x), len(self.log_weights)).to(self.log_weights)
        trees = x, self.atoms, roles.known, roles.times(t)
        factors: Any = leaves(self.process, *trees)
        for _, process, (point, atoms, known, times) in factors:
            each = process.cell.marginal(atoms[None], times[:, None]).log_prob(point[:, None])
            total = total + event_sum(torch.where(known[:, None], each, 0.0), known.ndim - 1)
        return total

    def _posterior_mean(self, x_t: Any, t: Tensor, log_kernel: Tensor) -> Any:
        nowhere = torch.isneginf(log_kernel.amax(-1, keepdim=True))
        posterior = torch.softmax(log_kernel.masked_fill(nowhere, 0.0) + self.log_weights, -1)
        points, atoms, times = self._beside(x_t, t)
        return _tree.map(lambda leaf: _average(posterior, leaf), self.process.target(atoms, points, times))

    def _beside(self, x_t: Any, t: Tensor) -> tuple[Any, Any, Tensor]:
        """Points (n, 1, *event), atoms (1, k, *event) and times () or (n, 1)."""
        points, atoms = _tree.map(lambda leaf: leaf[:, None], x_t), _tree.map(lambda leaf: leaf[None], self.atoms)
        return points, atoms, t if t.ndim == 0 else t[:, None]


def _average(weights: Tensor, values: Tensor) -> Tensor:
    """Over the second axis of values, (n or 1, k, *event)."""
    weights = weights.to(values.dtype)
    rule = "nk,k...->n..." if values.shape[0] == 1 else "nk,nk...->n..."
    mean: Tensor = torch.einsum(rule, weights, values[0] if values.shape[0] == 1 else values)
    return mean


class ExactMixture(ClosedForm, AnyQuestion):
    r"""The exact denoiser of a Gaussian mixture under a Gaussian process.

    With $y = x_t/\alpha$, $s = \sigma/\alpha$ and $r_k \propto w_k N(y; \mu_k, \Sigma_k + s^2 I)$

    $$E[x_0 | x_t] = \sum_k r_k\big(\mu_k + \Sigma_k(\Sigma_k + s^2 I)^{-1}(y - \mu_k)\big), \qquad
    \alpha\nabla\log q_t(x_t) = -\sum_k r_k(\Sigma_k + s^2 I)^{-1}(y - \mu_k).$$

    Round components, $\Sigma_k = \tau_k^2 I$, take two products of matrices: with $p_k = r_k/(\tau_k^2 + s^2)$ the mean
    is $\sum_k p_k(s^2\mu_k + \tau_k^2 y)$.

    >>> from unnoise import processes, spaces
    >>> law = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 2), torch.eye(2)[None])
    >>> process = processes.edm(spaces.Euclidean(2), sigma_max=1.0)
    >>> ExactMixture(process, law)(torch.ones(1, 2), torch.tensor(1.0))
    tensor([[0.5000, 0.5000]])
    """

    process: Gaussian
    log_weights: Tensor
    centre: Tensor
    means: Tensor
    variances: Tensor
    axes: Tensor

    def __init__(self, process: Gaussian, law: GaussianMixture) -> None:
        process = require(process, Gaussian, "ExactMixture", "denoisers.Exact")
        instance(GaussianMixture, law=law)
        if process.space.event_shape != law.means.shape[1:]:
            refuse("law", law, f"one on {process.space}")
        super().__init__()
        self.process, self.law = process, law
        variances, axes = torch.linalg.eigh(law.covariances)
        identity = torch.eye(law.means.shape[1]).to(law.means)
        self.round = bool((law.covariances == law.covariances[:, :1, :1] * identity).all())
        self.register_buffer("log_weights", law.weights.log())
        self.register_buffer("centre", law.means.mean(0))
        self.register_buffer("means", law.means - self.centre)  # few digits are lost near zero
        self.register_buffer("variances", variances)
        self.register_buffer("axes", axes)

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The posterior mean of x_0."""
        y, s, _ = self._noisy(self._read(x_t), t)
        if self.round:
            pull = self._pull(y, s)
            kept = (self.variances[:, 0] @ pull)[:, None] * y
            return kept.add_(self.centre).addcmul_((self.means.T @ pull).T, s**2).to(x_t)
        along, total = self._along(y, s)
        responsibility = torch.softmax(self._log_joint(y, s), 0)
        shrunk = torch.einsum("nke,kde->nkd", self.variances / total * along, self.axes)
        return (torch.einsum("kn,nkd->nd", responsibility, self.means + shrunk) + self.centre).to(x_t)

    def answer(self, x: Tensor, t: Tensor, roles: Roles, cond: Any = None) -> Tensor:
        r"""With the precisions D of the cells' noise, 0 where unknown, in the place of $1/s^2$.

        $\mu_k + \Sigma_k D^{1/2}(I + D^{1/2}\Sigma_k D^{1/2})^{-1} D^{1/2}(y - \mu_k)$, of every row by itself.
        """
        y, s, _ = self._noisy(x.double(), roles.times(t.double()))  # given cells are far more precise than others
        root = torch.where(roles.known, 1 / s, 0.0)[:, None]  # (n, 1, d)
        offset = root * (y[:, None] - self.means)
        identity = torch.eye(y.shape[1]).to(y)
        factor = torch.linalg.cholesky(identity + root[..., None] * self.law.covariances.to(y) * root[..., None, :])
        solved = torch.cholesky_solve(offset[..., None], factor)[..., 0]
        log_volume = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        responsibility = torch.softmax(self.log_weights - log_volume - 0.5 * (offset * solved).sum(-1), -1)
        means = self.means + torch.einsum("kde,nke->nkd", self.law.covariances.to(y), root * solved)
        return (torch.einsum("nk,nkd->nd", responsibility, means) + self.centre).to(x)

    def score(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""Accurate also where the noise is small, as the mean less $x_t$ is not."""
        y, s, alpha = self._noisy(self._read(x_t), t)
        if self.round:
            pull = self._pull(y, s)
            return ((self.means.T @ pull).T.addcmul(pull.sum(0)[:, None], y, value=-1) / alpha).to(x_t)
        along, total = self._along(y, s)
        responsibility = torch.softmax(self._log_joint(y, s), 0)
        return (-torch.einsum("kn,nke,kde->nd", responsibility, along / total, self.axes) / alpha).to(x_t)

    def log_prob(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$\log q_t(x_t)$ in nats, (n,)."""
        y, s, alpha = self._noisy(self._read(x_t), t)
        return torch.logsumexp(self._log_joint(y, s), 0) - y.shape[1] * alpha.log().flatten()

    def _read(self, x_t: Any) -> Any:
        """Points in the precision of the law."""
        return x_t.to(self.means) if isinstance(x_t, Tensor) and x_t.is_floating_point() else x_t

    def _noisy(self, x_t: Tensor, t: Any) -> tuple[Tensor, Tensor, Tensor]:
        r"""$x_t/\alpha$ less the centre, s and alpha, to broadcast against points."""
        if not isinstance(t, Tensor) or t.ndim < 2 or t.shape != x_t.shape:  # else a time for each cell
            t = check_placed(self.process, x_t, t)
            _checks.times(t, LATEST)
        alpha, sigma = (expand(level.to(x_t), x_t) for level in self.process.alpha_sigma(t))
        return x_t / alpha - self.centre, sigma / alpha, alpha

    def _log_joint(self, y: Tensor, s: Tensor) -> Tensor:
        """Of every component, (K, n): the faster layout."""
        constant = self.log_weights[:, None] - 0.5 * y.shape[1] * math.log(2 * math.pi)
        if self.round:
            total = self.variances[:, :1].double() + s.double().reshape(1, -1) ** 2
            squares = outer_squares(self.means, y).mul_(-0.5 / total)
            return squares.add_(constant - 0.5 * y.shape[1] * total.log()).to(y)
        along, total = self._along(y, s)
        return constant - 0.5 * (along**2 / total + total.log()).sum(-1).T

    def _pull(self, y: Tensor, s: Tensor) -> Tensor:
        """Of round components: responsibilities over noisy variances, (K, n)."""
        return torch.softmax(self._log_joint(y, s), 0) / (self.variances[:, :1] + s.reshape(1, -1) ** 2)

    def _along(self, y: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets along the axes, and noisy variances, to broadcast: (n, K, d)."""
        return torch.einsum("nkd,kde->nke", y[:, None] - self.means, self.axes), self.variances + s[..., None] ** 2
