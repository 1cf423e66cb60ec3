r"""The bound of a chain of whole steps: the published one of binomial diffusion.

$$K = -\sum_{t=2}^T E\big[KL(q(X_{t-1} | X_t, x_0) \| p(X_{t-1} | X_t))\big]
+ H_q(X_T | x_0) - H_q(X_1 | x_0) - H_p(X_T)$$

(Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 14). As T grows the sum becomes the diffusion part of `Bound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.evaluation.likelihood import Estimate, Likelihood, OnRows, in_groups
from unnoise.processes import BinomialChain
from unnoise.samplers.base import default_batch_size


@dataclass(frozen=True)
class StepBound(Likelihood):
    """A lower bound on the log-probability of bits under T steps of the reverse, in nats.

    Each row sees `draws` of the steps 2, ..., T, one in each of as many strata.
    The parts are `steps` and those of `BinomialChain.ends`; without `edge` their sum is the published K, which is a
    bound in the mean over data that have the stationary mean.

    Args:
        chain: the steps; the denoiser's process is its continuous time.
        draws: network evaluations per row, an even number.
        batch_size: evaluations at once; by default half a million numbers.
    """

    chain: BinomialChain
    draws: int = 128
    batch_size: int | None = None
    name: str = "lower bound of discrete steps"

    def __post_init__(self) -> None:
        if self.draws < 2 or self.draws % 2:
            raise InputError(f"got draws={self.draws}; the bound needs an even number of draws per row, at least 2")

    @torch.no_grad()
    def __call__(
        self,
        denoiser: Denoiser,
        x_0: Tensor,
        rng: torch.Generator,
        cond: Any = None,
        *,
        on_rows: OnRows | None = None,
    ) -> Estimate:
        """See the class."""
        at_once = self.batch_size or default_batch_size(self.chain.space.event_shape)
        size = max(1, at_once // self.draws)
        return in_groups(size, x_0, cond, lambda x, c: self._group(denoiser, x, c, rng), on_rows)

    def _group(self, denoiser: Denoiser, x_0: Tensor, cond: Any, rng: torch.Generator) -> Estimate:
        n, count = len(x_0), self.chain.steps - 1
        offsets = torch.rand(n, self.draws, generator=rng, device=rng.device, dtype=torch.float64)
        u = (offsets + torch.arange(self.draws, device=rng.device)) / self.draws
        t = (2 + (u * count).long().clamp(max=count - 1)).flatten().to(x_0.device)
        many = x_0.repeat_interleave(self.draws, 0)
        given = None if cond is None else _tree.map(lambda leaf: leaf.repeat_interleave(self.draws, 0), cond)
        x_t = self.chain.marginal(many, t).sample(rng)
        stat = denoiser(x_t, self.chain.time(t), given)
        prices = count * self.chain.price(stat, many, x_t, t).view(n, self.draws)
        error = (prices[:, 0::2] - prices[:, 1::2]).square().sum(1).sqrt() / self.draws  # neighbouring strata
        parts = {"steps": -prices.mean(1)} | self.chain.ends(x_0)
        return Estimate(torch.stack(list(parts.values())).sum(0), error, parts)
