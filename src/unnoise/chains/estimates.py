r"""Denoisers estimated from an unnormalised density alone.

They average over $p(x | y) \propto p(x)N(y; x, \sigma^2 I)$, and warn where few draws count.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, flag, instance, real, refuse, whole
from unnoise._errors import warn
from unnoise.chains.at_noise import level_of
from unnoise.chains.base import run
from unnoise.chains.langevin import MALA, tune
from unnoise.denoisers import Denoiser
from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian, require

NUMBERS_AT_ONCE = 2**18  # small enough for the cache of a core
ENOUGH = 10.0  # effective draws, below which a mean is a guess
TOO_MANY = 0.1  # of the rows


class UnreliableEstimate(RuntimeWarning):
    """An estimate of $E[X | Y = y]$ rests on too few effective draws; more draws, or less noise on y."""


@dataclass(frozen=True)
class PosteriorMean:
    """An estimate of E[X | Y = y].

    Attributes:
        mean: (n, *event).
        effective: the independent draws that would do as well, (n,).
    """

    mean: Tensor
    effective: Tensor


class Estimated(Denoiser):
    """Estimated anew at every point, from a density known up to a constant, for a Gaussian process."""

    process: Gaussian
    draws = 0  # per point, held at once; 0 takes all rows together

    def __init__(self, process: Gaussian, density: LogDensity[Tensor], rng: torch.Generator) -> None:
        instance(LogDensity, density=density)
        instance(torch.Generator, rng=rng)
        super().__init__()
        self.process = require(process, Gaussian, type(self).__name__, "a denoiser of that process")
        self.density, self.rng = density, rng

    def estimate(self, y: Tensor, sigma: float) -> PosteriorMean:
        r"""$E[X | X + \sigma N = y]$ at y, (n, *event), in groups of rows."""
        real(above=0, sigma=sigma)
        size = max(1, NUMBERS_AT_ONCE // (self.draws * y[0].numel())) if self.draws else len(y)
        groups = [self._estimate(rows, sigma) for rows in torch.split(y, size)]
        return PosteriorMean(torch.cat([g.mean for g in groups]), torch.cat([g.effective for g in groups]))

    @abstractmethod
    def _estimate(self, y: Tensor, sigma: float) -> PosteriorMean:
        """The estimate of one group."""

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """The mean of the estimate, all rows at the same time, with a warning where it is doubtful."""
        alpha, sigma = level_of(self.process, t)
        found = self.estimate(x_t / alpha, sigma)
        self.doubt(found, sigma)
        return found.mean

    def doubt(self, found: PosteriorMean, sigma: float) -> None:
        """Warn (`UnreliableEstimate`) where a tenth of the rows rest on fewer than 10 effective draws."""
        few = found.effective < ENOUGH
        if few.float().mean() > TOO_MANY:
            warn(
                f"{type(self).__name__} at sigma = {sigma:.4g}: the effective sample size is below {ENOUGH:.0f} at "
                f"{int(few.sum())} of {len(few)} points (median {float(found.effective.median()):.1f}); take more "
                "draws or a smaller sigma, or in high dimension chains.LangevinPosterior, or chains.TemperedPosterior "
                "where there are several modes",
                UnreliableEstimate,
            )


class PlugIn(Estimated):
    r"""Importance sampling from $N(y, \sigma^2 I)$: it asks for log p at `draws` points and for no gradient.

    $E[X | y] \approx \sum_i w_i (y + \sigma\epsilon_i)$, $w_i \propto p(y + \sigma\epsilon_i)$ (Saremi, Park, Bach
    2024, arXiv 2305.19473, eq. 4.8). The draws needed grow as $e^{KL(p(x | y) \| N(y, \sigma^2 I))}$: good in 2
    dimensions, poor from about 8 on, unless $\sigma$ is small.

    Args:
        process: Gaussian: it says which noise belongs to which time.
        density: known up to a constant.
        draws: per point.
        antithetic: draw pairs $\pm\epsilon$: nearly exact for a nearly constant density.

    >>> from unnoise.chains import AtNoise
    >>> from unnoise.laws import Normal
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> normal = Normal(torch.zeros(2), torch.ones(()), event_ndim=1)
    >>> noisy = AtNoise(PlugIn(edm(Euclidean(2)), normal, 4096, torch.Generator().manual_seed(0)))
    >>> bool((noisy.denoise(torch.ones(1, 2), 1.0) - 0.5).abs().max() < 0.05)
    True
    """

    def __init__(
        self, process: Gaussian, density: LogDensity[Tensor], draws: int, rng: torch.Generator, antithetic: bool = True
    ) -> None:
        super().__init__(process, density, rng)
        whole(least=1, draws=draws)
        flag(antithetic=antithetic)
        if antithetic and draws % 2:
            refuse("draws", draws, "an even number, since antithetic draws come in pairs")
        self.draws, self.antithetic = draws, antithetic

    def _estimate(self, y: Tensor, sigma: float) -> PosteriorMean:
        noise = standard_normal((self.draws // (2 if self.antithetic else 1), *y.shape), y, self.rng)
        if self.antithetic:
            noise = torch.cat([noise, -noise])
        points = torch.add(y, noise, alpha=sigma)
        log_prob = self.density.log_prob(points.flatten(0, 1)).reshape(self.draws, len(y))
        nowhere = torch.isneginf(log_prob).all(0)  # nothing is known: the mean is y
        weights = torch.softmax(torch.where(nowhere, 0.0, log_prob), 0)
        mean = torch.einsum("kn,kn...->n...", weights, noise).mul_(sigma).add_(y)
        return PosteriorMean(mean, torch.where(nowhere, 0.0, 1 / (weights**2).sum(0)))


class LangevinPosterior(Estimated):
    r"""The mean of Metropolis-adjusted Langevin chains on $p(x | y)$, several for every y.

    The posterior is log-concave where $\sigma$ is small against the curvature of log p, in any dimension. Modes that
    chains do not pass between go unseen (`TemperedPosterior` weighs them). The first half of the steps finds the step
    size.

    It takes at least 4 `steps` of one gradient each, and 2 `chains` per point, whose disagreement gives the effective
    sample size.
    """

    def __init__(
        self, process: Gaussian, density: LogDensity[Tensor], steps: int, rng: torch.Generator, chains: int = 8
    ) -> None:
        super().__init__(process, density, rng)
        whole(least=4, most=MOST_STEPS, steps=steps)
        whole(least=2, most=MOST_STEPS, chains=chains)
        self.steps, self.chains = steps, chains

    def _estimate(self, y: Tensor, sigma: float) -> PosteriorMean:
        r"""Chains from $y + \sigma z$; the effective size from their disagreement."""
        centres = y.repeat_interleave(self.chains, 0)
        start = torch.add(centres, standard_normal(tuple(centres.shape), y, self.rng), alpha=sigma)
        half = self.steps // 2
        tuned = tune(MALA(_Posterior(self.density, centres, sigma), 0.25 * sigma**2), start, self.rng, steps=half)
        kept = run(tuned.kernel, tuned.state, self.steps - half, self.rng, keep=1).kept
        draws = kept.reshape(len(kept), len(y), self.chains, -1)
        return PosteriorMean(draws.mean((0, 2)).reshape(y.shape), _effective(draws))


@dataclass(frozen=True)
class _Posterior(LogDensity[Tensor]):
    density: LogDensity[Tensor]
    y: Tensor
    sigma: float

    def log_prob(self, x: Tensor) -> Tensor:
        return self.log_prob_and_score(x)[0]

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_prob, score = self.density.log_prob_and_score(x)
        offset = x - self.y
        return log_prob - 0.5 * (offset / self.sigma).flatten(1).square().sum(1), score - offset / self.sigma**2


def _effective(draws: Tensor) -> Tensor:
    r"""$c\,\mathrm{var}(x)/\mathrm{var}(\text{chain means})$ for draws, (steps, n, c chains, d): the total over d."""
    steps, _, chains, _ = draws.shape
    means = draws.mean(0)
    between = means.var(1).sum(-1)
    within = draws.var(0).mean(1).sum(-1) if steps > 1 else torch.zeros_like(between)
    most = float(chains * steps)
    ratio = chains * (within + between) / between.clamp(min=torch.finfo(between.dtype).tiny)
    return torch.where(torch.isfinite(ratio), ratio, math.inf).clamp(max=most)
