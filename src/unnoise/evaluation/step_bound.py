r"""The evidence lower bound of a chain of whole steps, on any space, term by term.

$$K = -\sum_{t=2}^T E\big[KL(q(X_{t-1} | X_t, x_0) \| p(X_{t-1} | X_t))\big]
+ H_q(X_T | x_0) - H_q(X_1 | x_0) - H_p(X_T)$$

(Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 14), or in the three terms of Ho et al. 2020 (arXiv 2006.11239,
eq. 5); see `processes.Chain`. As T grows the sum becomes the diffusion part of `Bound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.denoisers import Denoiser
from unnoise.evaluation.likelihood import Estimate, Stratified
from unnoise.objectives.times import stratum
from unnoise.processes import Chain


@dataclass(frozen=True)
class StepBound(Stratified):
    """A lower bound on the log-likelihood under T steps of the reverse, in nats.

    Each row sees `draws` of the steps 2, ..., T, one in each of as many strata. The first part is `steps`; the others
    are `end`, `start`, `prior` and `edge` of `Chain.entropies`, or `prior` and `reconstruction` of `Chain.divergences`.
    Both have the same sum. Without `edge` the former is the published K, which is a bound in the mean over data that
    have the moments of the reference.

    Args:
        chain: the steps; the denoiser's process is its continuous time.
        draws: network evaluations per row, an even number.
        batch_size: evaluations at once; by default half a million numbers.
        three_terms: give the parts of the lectures instead of the published ones.
    """

    chain: Chain[Any]
    draws: int = 128
    batch_size: int | None = None
    three_terms: bool = False
    name: str = "lower bound of discrete steps"

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """Evaluate rows x_0."""
        first, count = _tree.first(x_0), self.chain.steps - 1
        n = len(first)
        u = self.strata(n, rng, torch.float64)
        t = (2 + stratum(u, count)).to(first.device)
        many, given = self.repeated(x_0), self.repeated(cond)
        x_t = self.chain.marginal(many, t).sample(rng)
        stat = denoiser(x_t, self.chain.time(t), given)
        costs = count * self.chain.kl(stat, many, x_t, t).view(n, self.draws)
        others = self.chain.divergences(x_0) if self.three_terms else self.chain.entropies(x_0)
        parts = {"steps": -costs.mean(1)} | others
        return Estimate(torch.stack(list(parts.values())).sum(0), self.error(costs), parts)


def entropy_bounds(chain: Chain[Any], x_0: Any, t: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""What the entropy of a true reverse step, $H_q(X_{t-1} | X_t)$, lies between, in nats, for data x_0 (rows).

    $$H_q(X_t | X_{t-1}) + H_q(X_{t-1} | X_0) - H_q(X_t | X_0) \le H_q(X_{t-1} | X_t) \le H_q(X_t | X_{t-1})$$

    (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 24). The lower one is the entropy of one who knows $x_0$,
    $H_q(X_{t-1} | X_t, X_0)$; the upper one holds where noise raises the entropy, $H(X_t) \ge H(X_{t-1})$: for a
    variance-preserving chain, where the data are no wider than the reference. In a Gaussian chain they are the
    entropies of the reverse variances `processes.SmallVariance` and `processes.LargeVariance`.

    Args:
        chain: of any space.
        x_0: data, over which the entropies are averaged, (n, *event).
        t: the step that is undone, (), from 2.
        rng: of one $X_t$ for every row; in a Gaussian chain it does not matter which.

    >>> from unnoise.processes import chain_of_betas
    >>> from unnoise.spaces import Euclidean
    >>> chain = chain_of_betas(Euclidean(1), (0.1, 0.2))
    >>> low, high = entropy_bounds(chain, torch.zeros(1, 1), torch.tensor(2), torch.Generator())
    >>> round(float(low), 4), round(float(high), 4)
    (0.0994, 0.6142)
    """
    later, earlier = chain.marginal(x_0, t), chain.marginal(x_0, t - 1)
    low = chain.bridge(x_0, later.sample(rng), t).entropy().mean()
    return low, low + (later.entropy() - earlier.entropy()).mean()
