"""A network that begins at the best linear and Gaussian posterior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from unnoise._checks import flag, refuse, whole
from unnoise._tree import expand
from unnoise.denoisers.base import AnyQuestion, Denoiser, Roles
from unnoise.denoisers.neural import Neural
from unnoise.heads import Head
from unnoise.processes import Gaussian

LEAST = (
    1e-4  # of the variances of the Gaussian, in those of the data: none is so narrow that noise is nothing beside it
)


class GaussianGiven(nn.Module):
    r"""$N(B c + b, C)$, the law of numbers of unit variance given a condition; N(0, I) until it is fitted.

    Args:
        numbers: how many.
        cond_features: numbers per condition.
        optional: whether the last number of a condition is 1 where nothing is said; the law is then N(0, I).
    """

    slope: Tensor
    offset: Tensor
    variances: Tensor
    axes: Tensor

    def __init__(self, numbers: int, cond_features: int, optional: bool = False) -> None:
        whole(least=1, numbers=numbers, cond_features=cond_features)
        flag(optional=optional)
        super().__init__()
        self.optional = optional
        self.register_buffer("slope", torch.zeros(numbers, cond_features))
        self.register_buffer("offset", torch.zeros(numbers))
        self.register_buffer("variances", torch.ones(numbers))
        self.register_buffer("axes", torch.eye(numbers))

    @torch.no_grad()
    def fit(self, x_0: Tensor, cond: Tensor, weights: Tensor | None = None) -> None:
        """By least squares, as much shrunk as one row more would; few rows are left alone.

        Args:
            x_0: (n, numbers).
            cond: (n, cond_features).
            weights: of the rows, (n,).
        """
        n, features = cond.shape
        if n < 4 * (features + len(self.offset)):
            return
        w = torch.ones(n, 1, dtype=torch.float64) if weights is None else weights.double()[:, None]
        w = w * (n / w.sum())
        known, x = torch.cat([cond.double(), torch.ones(n, 1)], 1), x_0.double()
        gram = (known * w).T @ known + torch.eye(features + 1)
        found = torch.linalg.solve(gram, (known * w).T @ x)
        rest = x - known @ found
        variances, axes = torch.linalg.eigh((rest * w).T @ rest / (n - features - 1))
        for buffer, value in (
            (self.slope, found[:-1].T),
            (self.offset, found[-1]),
            (self.variances, variances.clamp(min=LEAST)),
            (self.axes, axes),
        ):
            buffer.copy_(value)

    def given(self, cond: Tensor) -> tuple[Tensor, Tensor]:
        """Mean, (n, numbers), and variances along the axes, (n, numbers)."""
        mean = cond.to(self.slope) @ self.slope.T + self.offset
        if not self.optional:
            return mean, self.variances.expand_as(mean)
        told = cond[:, -1:] == 0
        return torch.where(told, mean, 0.0), torch.where(told, self.variances, 1.0)


class Started(Neural):
    r"""A network that corrects the posterior of a linear regression with Gaussian errors.

    With $x_0 | c \sim N(m, C)$, $m = Bc + b$, $C = V \Lambda V^T$, the mean of $x_0$ given $x = \alpha x_0 + \sigma
    \epsilon$ and c is known, and so is what is left. The network sees the point, and gives the rest, in its deviations:

    $$S = \alpha^2\Lambda + \sigma^2, \quad u = V S^{-1/2} V^T (x - \alpha m), \quad
    \hat x_0 = m + V\Big(\alpha\Lambda S^{-1} V^T (x - \alpha m) + \sigma \Lambda^{1/2} S^{-1/2} V^T F\Big)$$

    so that F = 0, where it begins, is exact for a Gaussian linear model. With m = 0 and C = I, as where nothing is said
    of the condition, it is `heads.Preconditioned`. Where cells are given, without noise, or unknown, the regression
    knows the mean and the deviation of each cell that is asked, by the same law.

    Args:
        process: Gaussian, on vectors.
        network: as for `Neural`.
        head: as for `Neural`; its inputs begin with the numbers of the point.
        cond_features: numbers per condition.
        optional: as for `GaussianGiven`.

    >>> from unnoise import networks, processes, spaces
    >>> rng = torch.Generator().manual_seed(0)
    >>> x_0, noise = torch.randn(2, 1000, 1, generator=rng)
    >>> network = networks.MLP((1,), cond_features=1, width=8)
    >>> denoiser = Started(processes.variance_preserving(spaces.Euclidean(1)), network, cond_features=1)
    >>> denoiser.fit(x_0, x_0 + noise)  # the condition is the number with as much noise
    >>> denoiser(torch.zeros(1, 1), torch.tensor(1.0), torch.tensor([[1.0]])).round(decimals=1)
    tensor([[0.5000]], grad_fn=<RoundBackward1>)
    """

    process: Gaussian
    at_site = Denoiser.at_site  # a part of the whole answer
    answer_at_site = AnyQuestion.answer_at_site

    def __init__(
        self,
        process: Gaussian,
        network: nn.Module,
        head: Callable[[Any], Head[Any]] | None = None,
        cond_features: int = 1,
        optional: bool = False,
    ) -> None:
        if not isinstance(process, Gaussian) or len(process.space.event_shape) != 1:
            refuse("process", process, "a Gaussian process on vectors")
        super().__init__(process, network, head)
        self.start = GaussianGiven(process.space.event_shape[0], cond_features, optional)

    def fit(self, x_0: Tensor, cond: Tensor, weights: Tensor | None = None) -> None:
        """The regression, to rows (n, d) with conditions (n, c) and weights (n,)."""
        self.start.fit(x_0, cond, weights)

    def forward(self, x_t: Tensor, t: Tensor | float, cond: Tensor | None = None) -> Tensor:
        """The mean of x_0, in the precision of x_t."""
        t = self._check(x_t, t, cond)
        return self._corrected(self.head.inputs(x_t, t), x_t, t, None, cond)

    def answer(self, x: Tensor, t: Tensor, roles: Roles, cond: Tensor | None = None) -> Tensor:
        """The same, where the network is told the roles."""
        return self._corrected(self._told(x, t, roles, cond), x, t, roles, cond)

    def _corrected(self, inputs: Tensor, x: Tensor, t: Tensor, roles: Roles | None, cond: Tensor | None) -> Tensor:
        """The regression's answer, with the network's correction."""
        if cond is None:
            refuse("cond", cond, f"a condition of {self.start.slope.shape[1]} numbers")
        numbers, axes = x.shape[1], self.start.axes.to(x)
        mean, variances = (part.to(x).expand(x.shape[0], -1) for part in self.start.given(cond))
        alpha, sigma = (expand(part.to(x), x) for part in self.process.alpha_sigma(t))
        total = alpha**2 * variances + sigma**2
        off = (x - alpha * mean) @ axes
        shown = (off * total.rsqrt()) @ axes.T
        some = roles is not None and not bool(roles.asked.all())
        rows = ~roles.asked.expand(len(x), -1).all(1) if some and roles is not None else None
        if rows is not None:
            shown = torch.where(rows[:, None], inputs[:, :numbers], shown)
        output = self._output(torch.cat([shown, inputs[:, numbers:]], 1), x, t, cond).to(x.dtype)
        rest = sigma * (variances / total).sqrt() * (output @ axes)
        found = torch.addcmul(rest, alpha * variances / total, off) @ axes.T + mean
        if rows is None or roles is None:
            return found
        places = rows.nonzero()[:, 0]
        alpha, sigma, asked, given = (part.expand_as(x)[places] for part in (alpha, sigma, roles.asked, roles.given))
        part, deviations = self._in_part(x[places], asked, given, alpha, sigma, mean[places], variances[places])
        return found.index_put((places,), torch.addcmul(part, deviations, output[places]))

    def _in_part(
        self, x: Tensor, asked: Tensor, given: Tensor, alpha: Tensor, sigma: Tensor, mean: Tensor, variances: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Means and deviations of every cell, of rows in which some are given and others unknown, (n, d) each."""
        alpha = torch.where(asked, alpha, given.to(x)).double()
        sigma = torch.where(asked, sigma, (~(asked | given)).to(x)).double()
        axes = self.start.axes.double()
        covariance = (axes * variances.double()[:, None]) @ axes.T
        seen = alpha[:, :, None] * covariance
        noisy = seen * alpha[:, None] + torch.diag_embed(sigma**2)
        gain = torch.linalg.solve(noisy, seen).mT
        off = torch.where(asked | given, x, 0.0).double() - alpha * mean.double()
        found = mean.double() + (gain @ off[:, :, None])[:, :, 0]
        left = torch.diagonal(covariance - gain @ seen, dim1=1, dim2=2).clamp(min=0)
        return found.to(x), left.sqrt().to(x)
