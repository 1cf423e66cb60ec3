r"""The likelihood of a chain by importance weights: a bound for every number of trajectories, the truth for many.

$$p(x_0) = E_q\Big[\pi_T(X_T)\prod_{t=1}^T\frac{p(X_{t-1} | X_t)}{q(X_t | X_{t-1})}\Big]$$

over trajectories of the forward chain that start at $x_0$ (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 9). They
are drawn backwards here, $X_T$ first and then by $q(x_{t-1} | x_t, x_0)$, which is the same law.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.evaluation.likelihood import Estimate, Likelihood, OnRows, in_groups
from unnoise.processes import Chain
from unnoise.samplers import effective_size
from unnoise.samplers.base import default_batch_size


@dataclass(frozen=True)
class ImportanceWeighted(Likelihood):
    r"""$\log\frac1k\sum_{i=1}^k w_i$ for the weights of k trajectories, in nats.

    Its mean is a lower bound on $\log p(x_0)$ for every k, that of `StepBound` for k = 1, and grows with k to
    $\log p(x_0)$ itself (Burda et al. 2016, arXiv 1509.00519). How far it is from there, nobody can tell from it alone;
    the effective number of trajectories, `samplers.effective_size` of `log_weights`, warns: near 1, one decides.
    `standard_error` is that of the logarithm to first order, $\sqrt{(1/\mathrm{ess} - 1/k) k/(k - 1)}$.

    Args:
        chain: the steps; the denoiser's process is its continuous time.
        trajectories: k per row, each of T network evaluations.
        batch_size: trajectories at once; by default half a million numbers.

    Raises:
        InputError: fewer than 2 trajectories.
    """

    chain: Chain[Any]
    trajectories: int = 64
    batch_size: int | None = None
    name: str = "importance-weighted bound of discrete steps"

    def __post_init__(self) -> None:
        if self.trajectories < 2:
            raise InputError(f"got trajectories={self.trajectories}; at least 2 are needed to tell their spread")

    def evaluate(
        self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, on_rows: OnRows | None
    ) -> Estimate:
        """The parts are `bound`, the mean log weight, and the `gain` of averaging weights."""
        at_once = self.batch_size or default_batch_size(denoiser.process.space.event_shape)
        size = max(1, at_once // self.trajectories)
        return in_groups(size, x_0, cond, lambda x, c: self._group(denoiser, x, c, rng), on_rows)

    @torch.no_grad()
    def log_weights(self, denoiser: Denoiser, x_0: Any, rng: torch.Generator, cond: Any = None) -> Tensor:
        """The logarithms of the weights of k trajectories of every row, (n, k)."""
        k = self.trajectories
        start, given = (
            None if part is None else _tree.map(lambda leaf: leaf.repeat_interleave(k, 0), part) for part in (x_0, cond)
        )
        return log_weights(self.chain, denoiser, start, rng, given).view(-1, k)

    def _group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        found, k = self.log_weights(denoiser, x_0, rng, cond), self.trajectories
        total = found.logsumexp(1) - math.log(k)
        error = ((1 / effective_size(found) - 1 / k).clamp(min=0) * k / (k - 1)).sqrt()
        mean = found.mean(1)
        return Estimate(total, error, {"bound": mean, "gain": total - mean})


@torch.no_grad()
def log_weights(chain: Chain[Any], denoiser: Denoiser, x_0: Any, rng: torch.Generator, cond: Any = None) -> Tensor:
    """The logarithm of the weight of one trajectory from every row, (n,), in nats."""
    steps = torch.arange(chain.steps + 1, device=_tree.first(x_0).device)
    law = chain.marginal(x_0, steps[-1])
    x = law.sample(rng)
    total = chain.reference(x, steps[-1]).log_prob(x).double() - law.log_prob(x)
    for t in steps[2:].flip(0):
        right, wrong = chain.bridge(x_0, x, t), chain.posterior(denoiser(x, chain.time(t), cond), x, t)
        x = right.sample(rng)
        total = total + wrong.log_prob(x) - right.log_prob(x)
    return total + chain.decoded(x_0, x)
