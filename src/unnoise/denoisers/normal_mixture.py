r"""Mixtures of normal laws, which stay closed under Gaussian noise: a conditional law whose density is known.

With noise $x_t = \alpha x_0 + \sigma\epsilon$

$$q_t(x | c) = \sum_k w_k(c)\,N\big(x;\ \alpha\mu_k(c),\ \alpha^2\Sigma_k(c) + \sigma^2 I\big).$$
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from unnoise._checks import instance, refuse, whole
from unnoise._errors import InputError
from unnoise.denoisers.base import HasDensity
from unnoise.laws.normal_mixtures import NormalMixtures
from unnoise.networks import Products
from unnoise.networks.embedding import MOST_WIDTH
from unnoise.processes import Gaussian

APART = 0.5  # deviations between first means, as components that are alike learn alike
STEEPEST = 9.0  # of log widths, in those of the regression: e^-9 is 0.0001
LEAST = 1e-8  # of the variances of what a regression leaves, in those of the data
MOST_FULL = 16  # numbers of which every component has a covariance of its own
ROWS = 4  # times as many rows as features that a regression is fitted to


class NormalMixture(HasDensity):
    r"""The denoiser of a mixture of normal laws that a network reads from the condition (Bishop 1994).

    It knows the density at every noise level, draws without steps, and is trained by `objectives.MaximumLikelihood`.
    It begins at a regression on the condition and its products, $\hat x(c)$ with errors of whitener $(I + T_0)
    \mathrm{diag}(1/s_0)$. For every component the network gives a log weight a, shifts m, log widths b, and T, numbers
    below the diagonal: $\mu = \hat x + s_0 m$ and $W = (I + T_0 + T)\,\mathrm{diag}(e^{-b}/s_0)$, b within 9. Of more
    than 16 numbers T is 0.

    Args:
        process: Gaussian, on vectors of d numbers.
        network: forward(x, level, cond) -> (n, K, outputs), whose x and level are zeros, (n, 1) and (1,); `outputs`
            says how many.
        cond_features: numbers per condition.
        components: K.

    >>> from unnoise import networks, processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(2))
    >>> network = networks.MLP((1,), 3, (4, NormalMixture.outputs(2)), width=16)
    >>> denoiser = NormalMixture(process, network, 3)
    >>> denoiser.law(torch.zeros(5, 3)).sample(torch.Generator()).shape
    torch.Size([5, 2])
    """

    process: Gaussian
    coefficients: Tensor
    scales: Tensor
    below: Tensor
    apart: Tensor

    def __init__(self, process: Gaussian, network: nn.Module, cond_features: int, components: int = 4) -> None:
        instance(Gaussian, process=process)
        instance(nn.Module, network=network)
        whole(least=1, most=MOST_WIDTH, cond_features=cond_features, components=components)
        if len(process.space.event_shape) != 1:
            refuse("process", process, "one of vectors")
        super().__init__()
        self.process, self.network = process, network
        d = process.space.event_shape[0]
        self.register_buffer("coefficients", torch.zeros(1 + Products.features(cond_features), d))
        self.register_buffer("scales", torch.ones(d))
        self.register_buffer("below", torch.zeros(d, d))
        apart = torch.randn(components, d, generator=torch.Generator().manual_seed(0))
        self.register_buffer("apart", APART * (apart - apart.mean(0)))

    @staticmethod
    def outputs(d: int) -> int:
        """How many numbers the network gives for a component in d dimensions.

        >>> NormalMixture.outputs(2), NormalMixture.outputs(100)
        (6, 201)
        """
        return 1 + 2 * d + (d * (d - 1) // 2 if d <= MOST_FULL else 0)

    @torch.no_grad()
    def fit(self, x_0: Tensor, cond: Tensor) -> None:
        """The regression, by least squares as much shrunk as one row more would; of few rows without products.

        Args:
            x_0: (n, d).
            cond: (n, cond_features).
        """
        n, x = len(x_0), x_0.double()
        known = self._features(cond.double())
        for kept in (known.shape[1], 1 + cond.shape[1], 1):
            if n >= ROWS * kept:
                break
        used = known[:, :kept]
        gram = used.T @ used + torch.eye(kept, dtype=used.dtype, device=used.device)
        found = torch.linalg.solve(gram, used.T @ x)
        rest = x - used @ found
        eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        lower = torch.linalg.cholesky(rest.T @ rest / max(1, n - kept) + LEAST * x.var(0).clamp(min=LEAST) * eye)
        whitener = torch.linalg.solve_triangular(lower, eye, upper=False)
        self.coefficients.zero_()[:kept] = found
        self.scales.copy_(1 / whitener.diagonal())
        self.below.copy_((whitener * (1 / whitener.diagonal())).tril(-1))

    def law(self, cond: Tensor, t: Tensor | None = None) -> NormalMixtures:
        r"""$q_t$ given conditions, (n, c); without t that of the data."""
        like = next(self.network.parameters(), self.scales)
        zero = torch.zeros((), dtype=like.dtype, device=like.device)
        output = self.network(zero.expand(len(cond), 1), zero.expand(1), cond)
        components, d = self.apart.shape
        if output.shape != (len(cond), components, self.outputs(d)):
            got = f"got an output of shape {tuple(output.shape)} of {type(self.network).__name__}"
            raise InputError(f"{got}; expected (n, {components}, {self.outputs(d)}), as many as `outputs` says")
        a, shift, width, rest = output.split([1, d, d, output.shape[-1] - 1 - 2 * d], -1)
        base = self._features(cond.to(like)) @ self.coefficients
        means = base[:, None] + self.scales * (shift + self.apart)
        inverse = (-STEEPEST * torch.tanh(width / STEEPEST)).exp() / self.scales
        lower = torch.eye(d).to(rest) + self.below + self._below(rest, d)
        law = NormalMixtures(torch.log_softmax(a[..., 0], -1), means, lower * inverse[..., None, :])
        return law if t is None else law.noised(*self.process.alpha_sigma(t.to(like)))

    def log_prob(self, x_t: Tensor, t: Tensor | None, cond: Tensor) -> Tensor:
        r"""$\log q_t(x_t | c)$ in nats, (n,).

        Args:
            x_t: points, (n, d).
            t: () or (n,); None for the law of the data.
            cond: (n, c).
        """
        times, cond = self._placed(x_t, 0.0 if t is None else t, cond)
        law = self.law(cond, None if t is None else times)
        return law.log_prob(x_t.to(law.means))

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        r"""$E[x_0 | x_t]$, by Tweedie's formula $(x_t + \sigma^2\nabla\log q_t)/\alpha$."""
        times, cond = self._placed(x_t, t, cond)
        law = self.law(cond, times)
        score = law.score(x_t.to(law.means))
        alpha, sigma = (part.reshape(-1, 1) for part in self.process.alpha_sigma(times))
        return ((x_t + sigma**2 * score) / alpha).to(x_t)

    def _features(self, cond: Tensor) -> Tensor:
        """One, the condition and its products."""
        i, j = torch.triu_indices(cond.shape[1], cond.shape[1], device=cond.device)
        return torch.cat([torch.ones_like(cond[:, :1]), cond, cond[:, i] * cond[:, j]], 1)

    def _below(self, rest: Tensor, d: int) -> Tensor:
        """Numbers below the diagonal, (n, K, d, d)."""
        if not rest.shape[-1]:
            return rest.new_zeros(d, d)
        i, j = torch.tril_indices(d, d, -1, device=rest.device)
        places = torch.zeros(len(i), d * d, dtype=rest.dtype, device=rest.device)
        places[torch.arange(len(i), device=rest.device), i * d + j] = 1.0
        found: Tensor = (rest @ places).reshape(*rest.shape[:-1], d, d)
        return found
