r"""Lower bounds on the log-likelihood, on every space, by Monte Carlo over time and noise.

With a kernel

$$-\log p(x_0) \le KL(q_{1|0} \| p_1) + \int_0^1 E[\Phi(q_{t|0}/\beta_t)(X_t)]\,dt + \text{reconstruction},$$

and with a generator and a denoiser alone (Benton et al. 2024, arXiv 2211.03595, theorem 1),

$$-\log p(x_0) \le -E[\log p_1(X_1)] + \int_0^1 E[(\hat L^*\beta_t/\beta_t + \hat L\log\beta_t)(X_t)]\,dt$$

with equality for every row where $\beta_t = q_t$ and $p_1 = q_1$.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance
from unnoise.denoisers import Denoiser
from unnoise.denoisers.base import check_statistic
from unnoise.evaluation._asked import log_prior, total
from unnoise.evaluation.decoders import Decoder
from unnoise.evaluation.likelihood import Estimate, Stratified
from unnoise.objectives.implicit import check_effort, loss_rate
from unnoise.objectives.noising import noised
from unnoise.objectives.times import ImportanceTimes, Times, times_at
from unnoise.processes import HasKernel, Process, require


@dataclass(frozen=True)
class Bound(Stratified):
    """The bound of a process with a known kernel.

    Each row sees `draws` times, one per stratum; the process's control variate removes most of the noise. The parts are
    `prior`, `diffusion` and `reconstruction`. With a decoder it bounds the probability of levels, else a density.

    Args:
        draws: network evaluations per row, an even number.
        times: their law, which changes the variance alone.
        batch_size: evaluations at once; by default half a million numbers.
        decoder: `SoftmaxDecoder` or `BinDecoder`, for a model trained on the levels themselves.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> coin = Exact(CTMC(Finite(1, 3), rates.Absorbing(3)), torch.tensor([[0], [1]]))
    >>> bound = Bound(draws=1000)(coin, torch.tensor([[0]]), torch.Generator().manual_seed(0))
    >>> print(f"{bound.log_prob.exp().item():.2f}")
    0.50
    """

    draws: int = 128
    times: Times = field(default_factory=ImportanceTimes)
    batch_size: int | None = None
    name: str = "lower bound"
    decoder: Decoder | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        instance(Times, times=self.times)
        instance(Decoder, or_none=True, decoder=self.decoder)

    @property
    def description(self) -> str:
        """With the decoder."""
        return self.name if self.decoder is None else f"{self.name}, {self.decoder.name}"

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """The costs of a few rows, part by part."""
        process, n = require(denoiser.process, HasKernel, "Bound", "evaluation.ImplicitBound"), _tree.length(x_0)
        x_0, cond, decoder = self.repeated(x_0), self.repeated(cond), self.decoder
        asked = denoiser.asked(cond)
        costs = {
            "prior": _prior_cost(process, x_0, asked, rng),
            "diffusion": self._diffusion_cost(process, denoiser, x_0, cond, rng, n),
            "reconstruction": (
                _reconstruction(process, x_0, asked) if decoder is None else decoder.cost(denoiser, x_0, cond, rng)
            ),
        }
        return self.estimate(costs)

    def _diffusion_cost(
        self, process: HasKernel[Any], denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, n: int
    ) -> Tensor:
        like = _tree.first(x_0)
        u = self.strata(n, rng).to(like if like.is_floating_point() else like.device)
        t, density = times_at(self.times, process, u)
        x_t = process.marginal(x_0, t).sample(rng)
        asked, pair = denoiser.asked(cond), (denoiser(x_t, t, cond), process.target(x_0, x_t, t))
        check_statistic(denoiser, *pair, len(t))
        cost = total(process, asked, lambda p, t, *of: p.kl_rate(*of, t), t, *pair, x_t) / density
        control = total(process, asked, lambda p, t, *of: p.control_variate(*of, t), t, x_0, x_t) / density
        return _controlled(cost.view(n, -1), control.view(n, -1))


@dataclass(frozen=True)
class ImplicitBound(Stratified):
    """The bound by simulated paths, for every process.

    Each row sees `draws` paths, each at one time of its stratum. Without a kernel the error of simulation is of order 1
    / steps, of either sign; with one `Bound` has the same mean and less noise. The parts are `prior`, `path` and
    `reconstruction`, zero where noising starts at the data.

    Args:
        draws: network evaluations per row, an even number.
        steps: moves of a simulated path.
        probes: random directions or neighbours per evaluation of the KL rate; None for the exact rate.
        batch_size: evaluations at once; by default an exact divergence has at most a quarter million numbers.
    """

    draws: int = 128
    steps: int = 200
    probes: int | None = None
    batch_size: int | None = None
    name: str = "lower bound along simulated paths"

    def __post_init__(self) -> None:
        check_effort(self.steps, self.probes)
        super().__post_init__()

    def at_once(self, denoiser: Denoiser) -> int:
        """An exact divergence has at most a quarter million numbers."""
        numbers = torch.Size(denoiser.process.space.event_shape).numel()
        return super().at_once(denoiser) // min(16, max(1, numbers))

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """One path per draw, seen at one time."""
        process, n, like = denoiser.process, _tree.length(x_0), _tree.first(x_0)
        x_0, cond = self.repeated(x_0), self.repeated(cond)
        u = self.strata(n, rng).to(like if like.is_floating_point() else like.device)
        seen = noised(process, x_0, u, self.steps, rng, to_the_end=True)
        probes = None if self.probes is None else process.space.probes(seen.x_t, self.probes, rng)
        costs = {
            "prior": -log_prior(process, seen.x_1, denoiser.asked(cond)).to(like.device),
            "path": loss_rate(denoiser, seen.x_t, seen.t, cond, probes) / seen.density,
            "reconstruction": _residue(process, x_0, denoiser.asked(cond), rng),
        }
        return self.estimate(costs)


def _prior_cost(process: HasKernel[Any], x_0: Any, asked: Any, rng: torch.Generator) -> Tensor:
    """A draw of log q_{1|0} / p_1, whose mean is the divergence."""
    end = torch.ones((), device=_tree.first(x_0).device)
    x_1 = process.marginal(x_0, end).sample(rng)
    kernel = total(process, asked, lambda p, t, x_0, x_1: p.marginal(x_0, t).log_prob(x_1), end, x_0, x_1)
    return kernel - log_prior(process, x_1, asked).to(kernel.device)


def _reconstruction(process: HasKernel[Any], x_0: Any, asked: Any) -> Tensor:
    return total(process, asked, lambda p, t, x: p.reconstruction(x), torch.zeros(()), x_0)


def _controlled(cost: Tensor, control: Tensor) -> Tensor:
    """The costs (n, draws) less their regression on a control of mean zero, stratum by stratum.

    Even rows use the slopes of odd rows and conversely, so the mean stays exact.
    """
    n, draws = cost.shape
    width = max(1, min(16, draws // 8))  # strata that share a slope
    kept = draws // width * width
    result = cost.clone()
    for rows, others in ((slice(0, n, 2), slice(1, n, 2)), (slice(1, n, 2), slice(0, n, 2))):
        y, z = (part[others, :kept].reshape(-1, kept // width, width) for part in (cost, control))
        y = torch.where(y.isfinite(), y, 0.0)  # an impossible row says nothing of the others
        covariance = ((y - y.mean((0, 2), keepdim=True)) * z).sum((0, 2))
        slope = covariance / z.square().sum((0, 2)).clamp(min=torch.finfo(z.dtype).tiny)
        result[rows, :kept] -= slope.repeat_interleave(width) * control[rows, :kept]
    return result


def _residue(process: Process[Any], x_0: Any, asked: Any, rng: torch.Generator) -> Tensor:
    r"""The cost of getting from the state at t = 0, which may keep noise, to the data.

    The path costs $-E[\log p(X_{t=0})]$; with $E[\log q_{0|0}]$ this is a divergence, and the rest is reconstruction.
    """
    like = _tree.first(x_0)
    if not isinstance(process, HasKernel):
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
        return torch.zeros(len(like), dtype=dtype, device=like.device)
    begin = torch.zeros((), device=like.device)
    start = process.marginal(x_0, begin).sample(rng)
    kernel = total(process, asked, lambda p, t, x_0, x: p.marginal(x_0, t).log_prob(x), begin, x_0, start)
    return kernel + _reconstruction(process, x_0, asked)
