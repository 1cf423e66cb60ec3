"""Samplers that jump along the bridge q(x_s | x_0, x_t), with what is learnt in the place of x_0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import flag, function, instance, real
from unnoise.denoisers import Denoiser, Look
from unnoise.denoisers.likelihoods import LogR, log_twist
from unnoise.laws import Law
from unnoise.processes import Bridged, BridgeStep, Chain, Gaussian, Process, map_leaves, require
from unnoise.samplers.base import EVERYWHERE, LawSampler, Move, Sampler, require_gaussian
from unnoise.samplers.checks import answers
from unnoise.samplers.grids import Grid


class Ancestral(LawSampler):
    r"""$x_s \sim q(x_s | \hat x_0(x_t), x_t)$: algorithm 2 of DDPM (Ho et al. 2020, arXiv 2006.11239).

    On finite spaces the bridges are averaged over the learnt $p(x_0 | x_t)$: D3PM (Austin et al. 2021,
    arXiv 2107.03006).

    Args:
        denoiser: of a process with a known bridge.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> Ancestral(denoiser, steps=20).sample(2, torch.Generator().manual_seed(0)).abs().round()
    tensor([[1.],
            [1.]])
    """

    process: Bridged[Any]

    def __init__(self, denoiser: Denoiser, steps: int = 250, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser.process, Bridged, "Ancestral", EVERYWHERE)

    def moves(self, times: Tensor, looks: Sequence[Look] | None = None) -> Move:
        """The bridges, whose numbers of time alone are computed once per run."""
        own = (type(self).step, type(self).law) == (LawSampler.step, Ancestral.law)
        return _Bridges(self, times, 1.0, looks) if own else self.step

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
        """Those of the bridges."""
        return _spreads(process, times, deviation, 1.0)

    def law(self, stat: Any, state: Any, t: Tensor, s: Tensor) -> Law[Any]:
        """The bridge."""
        return self.process.ancestral(stat, state, t, s)


class DDIM(Sampler):
    r"""$x_s = \alpha_s\hat x_0 + \sqrt{\sigma_s^2 - v}\,\hat\epsilon + \sqrt v\, z$, $v = \eta^2\sigma_s^2(1 -
    \mathrm{SNR}_t/\mathrm{SNR}_s)$ (Song, Meng, Ermon 2021, arXiv 2010.02502).

    With $\eta = 0$ deterministic (Euler's method in $\sigma/\alpha$), with $\eta = 1$ the same as `Ancestral`.

    Args:
        eta: share of the posterior noise that is drawn anew.
    """  # noqa: D205

    def __init__(self, denoiser: Denoiser, steps: int = 50, eta: float = 0.0, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require_gaussian(denoiser, "DDIM")
        real(least=0, eta=eta)
        self.eta = eta

    def moves(self, times: Tensor, looks: Sequence[Look] | None = None) -> Move:
        """The bridges, whose numbers of time alone are computed once per run."""
        return _Bridges(self, times, self.eta, looks) if type(self).step is DDIM.step else self.step

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
        """Those of the bridges."""
        return _spreads(process, times, deviation, self.eta)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The bridge of every factor."""
        return _Bridges(self, torch.stack([t, s]), self.eta)(state, t, s, rng, cond)


class _Bridges:
    """The bridges of one run, with what is learnt in the place of x_0."""

    def __init__(self, sampler: Sampler, times: Tensor, churn: float, looks: Sequence[Look] | None = None) -> None:
        self.sampler, self.times, self.churn, self.looks = sampler, times, churn, looks
        self.index, self.steps = 0, None  # of all factors

    def __call__(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The next step."""
        if self.looks is None:
            self.looks = self.sampler.denoiser.along(self.times, state)
        if self.steps is None:
            self.steps = map_leaves(self._of, self.sampler.process, state)
        k, self.index = self.index, self.index + 1
        stats = self.looks[k](state, cond)
        if not self.churn:
            return _tree.map(lambda x, steps, stat: steps[k](stat, x).mean, state, self.steps, stats)
        return _tree.map(lambda x, steps, stat: steps[k](stat, x).sample(rng), state, self.steps, stats)

    def _of(self, process: Bridged[Any], x: Tensor) -> Sequence[BridgeStep]:
        return process.steps(self.times, x, churn=self.churn)


def _spreads(process: Gaussian, times: Tensor, deviation: float, churn: float) -> tuple[Tensor, Tensor]:
    """Of bridges of this churn."""
    of_x_0, of_x_t, scale = process.shares(times[:-1], times[1:], churn)
    return of_x_0 * answers(*process.alpha_sigma(times[:-1]), deviation) + of_x_t, scale**2


class Perturbed(Sampler):
    r"""$x_s \sim N(f_\mu + f_\Sigma\nabla\log r_s(f_\mu),\ f_\Sigma)$: perturbed kernels, for samples of p(x) r(x).

    Sohl-Dickstein et al. 2015 (arXiv 1503.03585, section 2.5 and table App. 1): $f_\mu$ and $f_\Sigma$ are mean and
    variance of the ancestral step, and $r_s = r$, or $r^{1-s}$ where it warms up. A `likelihoods.Observation` is
    averaged over the noise of the step, which makes the mean exact; other r must vary slowly on the scale of a step.

    Args:
        log_r: log r of points, (n, *event) or a dict of factors to (n,), differentiable.
        warm: let r begin as 1 and become itself at the end.
    """

    def __init__(
        self, denoiser: Denoiser, log_r: LogR, steps: int = 250, warm: bool = False, grid: Grid | None = None
    ) -> None:
        super().__init__(denoiser, steps, grid)
        require_gaussian(denoiser, "Perturbed")
        function(log_r=log_r)
        flag(warm=warm)
        self.log_r, self.warm = log_r, warm

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
        """Those of the ancestral steps, where r says nothing."""
        return _spreads(process, times, deviation, 1.0)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The ancestral step, shifted."""
        space: Any = self.process.space
        stat = self.denoiser(state, t, cond)
        laws = map_leaves(lambda process, x, value: process.ancestral(value, x, t, s), self.process, state, stat)
        means = _tree.map(lambda law: law.mean, laws)
        variances = _tree.map(lambda law: (law.scale**2).flatten()[0].to(law.mean), laws)
        slopes = space.gradient(lambda x: log_twist(self.log_r, x, variances), means)
        power = float(1 - s) if self.warm else 1.0
        return _tree.map(lambda law, k: law.sample(rng).add_(power * law.scale**2 * k.detach()), laws, slopes)


@dataclass(frozen=True)
class ChainTimes(Grid):
    """The times of the steps T, ..., 1 of a chain."""

    chain: Chain[Any]

    def __post_init__(self) -> None:
        instance(Chain, chain=self.chain)

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """From the last step to the first."""
        return self.chain.time(torch.arange(self.chain.steps, 0, -1))


class ChainSteps(LawSampler):
    r"""$x_{t-1} \sim p(x_{t-1} | x_t)$ for $t = T, \dots, 2$, and the mean of $x_0$ at the end.

    With `processes.SmallVariance`, the default, it is `Ancestral` with T steps (DDPM; Ho et al. 2020, arXiv 2006.11239,
    algorithm 2); its use is with large, analytic or learnt variances.

    Args:
        denoiser: of the process of the chain.
        chain: the steps.
    """

    def __init__(self, denoiser: Denoiser, chain: Chain[Any]) -> None:
        instance(Chain, chain=chain)
        super().__init__(denoiser, chain.steps, ChainTimes(chain))
        self.chain = chain
        self.times = self.grid(self.process, self.steps)

    def law(self, stat: Any, state: Any, t: Tensor, s: Tensor) -> Law[Any]:
        """The whole step at time t."""
        return self.chain.posterior(stat, state, self._whole(t), self._whole(s))

    def _whole(self, t: Tensor) -> Tensor:
        return self.steps - (self.times - t).abs().argmin()
