r"""The lower bound on the log-likelihood, on every space with a known kernel.

$$-\log p(x_0) \le KL(q_{1|0} \| p_1) + \int_0^1 E[\Phi(q_{t|0}/\beta_t)(X_t)]\,dt + \text{reconstruction}$$

(Benton et al. 2024, arXiv 2211.03595), by Monte Carlo over time and noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.denoisers.base import Denoiser
from unnoise.evaluation.decoders import Decoder
from unnoise.evaluation.likelihood import Estimate, Stratified
from unnoise.objectives.times import ImportanceTimes, Times, times_at
from unnoise.processes import HasKernel, require


@dataclass(frozen=True)
class Bound(Stratified):
    """The lower bound by Monte Carlo over time and noise.

    Each row sees `draws` times, one in each of as many strata of equal mass; the process's own control variate takes
    out most of the noise; the standard error comes from the differences of neighbouring strata. The parts are
    `prior`, `diffusion` and `reconstruction`.

    It bounds a density; with a decoder, where data lie on the levels of a lattice, the probability of the levels.

    Args:
        draws: network evaluations per row, an even number.
        times: at which times; it changes the variance and never the mean.
        batch_size: evaluations at once; by default half a million numbers.
        decoder: of whole numbers, `SoftmaxDecoder` or `BinDecoder`, for a model that was trained on the levels
            themselves; None for the Gaussian density.
    """

    draws: int = 128
    times: Times = field(default_factory=ImportanceTimes)
    batch_size: int | None = None
    name: str = "lower bound"
    decoder: Decoder | None = None

    @property
    def description(self) -> str:
        """With the decoder."""
        return self.name if self.decoder is None else f"{self.name}, {self.decoder.name}"

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """The mean of the costs of a few rows, part by part."""
        process, n = require(denoiser.process, HasKernel, "Bound", "evaluation.ImplicitBound"), _tree.length(x_0)
        x_0, cond = self.repeated(x_0), self.repeated(cond)
        prior = self._prior_cost(process, x_0, rng).view(n, self.draws)
        diffusion = self._diffusion_cost(process, denoiser, x_0, cond, rng, n)
        decoder = self.decoder
        last = process.reconstruction(x_0) if decoder is None else decoder.cost(denoiser, x_0, cond, rng)
        parts = {"prior": prior, "diffusion": diffusion, "reconstruction": last.view(n, self.draws)}
        cost = torch.stack(list(parts.values())).sum(0)
        means = {name: -part.mean(1) for name, part in parts.items()}
        return Estimate(-cost.mean(1), self.error(cost), means, self.description, self.draws // 2)

    def _prior_cost(self, process: HasKernel[Any], x_0: Any, rng: torch.Generator) -> Tensor:
        """A draw of log q_{1|0} / p_1, whose mean is the divergence."""
        law = process.marginal(x_0, torch.ones((), device=_tree.first(x_0).device))
        x_1 = law.sample(rng)
        prior = process.prior(_tree.length(x_0)).log_prob(_tree.map(lambda leaf: leaf.cpu(), x_1))
        return law.log_prob(x_1) - prior.to(_tree.first(x_0).device)

    def _diffusion_cost(
        self, process: HasKernel[Any], denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, n: int
    ) -> Tensor:
        like = _tree.first(x_0)
        u = self.strata(n, rng).to(like if like.is_floating_point() else like.device)
        t, density = times_at(self.times, process, u)
        x_t = process.marginal(x_0, t).sample(rng)
        cost = process.kl_rate(denoiser(x_t, t, cond), process.target(x_0, x_t, t), x_t, t) / density
        control = process.control_variate(x_0, x_t, t) / density
        return _controlled(cost.view(n, -1), control.view(n, -1))


def _controlled(cost: Tensor, control: Tensor) -> Tensor:
    """The costs (n, draws) less their regression on a control of mean zero, stratum by stratum.

    The slopes that even rows use come from odd rows, and the other way round, so the mean stays exact.
    """
    n, draws = cost.shape
    width = max(1, min(16, draws // 8))  # strata that share a slope, to have enough rows for it
    kept = draws // width * width
    result = cost.clone()
    for rows, others in ((slice(0, n, 2), slice(1, n, 2)), (slice(1, n, 2), slice(0, n, 2))):
        y, z = (part[others, :kept].reshape(-1, kept // width, width) for part in (cost, control))
        y = torch.where(y.isfinite(), y, 0.0)  # an impossible row says nothing of the others
        covariance = ((y - y.mean((0, 2), keepdim=True)) * z).sum((0, 2))
        slope = covariance / z.square().sum((0, 2)).clamp(min=torch.finfo(z.dtype).tiny)
        result[rows, :kept] -= slope.repeat_interleave(width) * control[rows, :kept]
    return result
