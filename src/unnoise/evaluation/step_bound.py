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

from unnoise.denoisers import Denoiser
from unnoise.evaluation.likelihood import Estimate, Stratified
from unnoise.processes import BinomialChain


@dataclass(frozen=True)
class StepBound(Stratified):
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

    def group(self, denoiser: Denoiser, x_0: Tensor, cond: Any, rng: torch.Generator) -> Estimate:
        """See the class."""
        n, count = len(x_0), self.chain.steps - 1
        u = self.strata(n, rng, torch.float64)
        t = (2 + (u * count).long().clamp(max=count - 1)).to(x_0.device)
        many, given = self.repeated(x_0), self.repeated(cond)
        x_t = self.chain.marginal(many, t).sample(rng)
        stat = denoiser(x_t, self.chain.time(t), given)
        prices = count * self.chain.price(stat, many, x_t, t).view(n, self.draws)
        parts = {"steps": -prices.mean(1)} | self.chain.ends(x_0)
        return Estimate(torch.stack(list(parts.values())).sum(0), self.error(prices), parts)
