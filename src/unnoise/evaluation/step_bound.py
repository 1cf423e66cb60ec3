r"""The likelihood of a chain of whole steps, on any space: its evidence lower bound and importance weights.

$$K = -\sum_{t=2}^T E\big[KL(q(X_{t-1} | X_t, x_0) \| p(X_{t-1} | X_t))\big]
+ H_q(X_T | x_0) - H_q(X_1 | x_0) - H_p(X_T)$$

(Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 14), or the three terms of Ho et al. 2020 (arXiv 2006.11239, eq. 5).
As T grows, the sum tends to the diffusion part of `Bound`. The likelihood itself is

$$p(x_0) = E_q\Big[\pi_T(X_T)\prod_{t=1}^T\frac{p(X_{t-1} | X_t)}{q(X_t | X_{t-1})}\Big]$$

over forward trajectories from $x_0$ (eq. 9), drawn backwards here: $X_T$, then $q(x_{t-1} | x_t, x_0)$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, flag, instance, whole
from unnoise.denoisers import Denoiser
from unnoise.denoisers.conditions import repeated
from unnoise.evaluation._asked import total_of_chain
from unnoise.evaluation.likelihood import Estimate, Grouped, Stratified
from unnoise.laws.categorical import effective_size
from unnoise.objectives.times import stratum
from unnoise.processes import Chain
from unnoise.samplers.base import default_batch_size


@dataclass(frozen=True)
class StepBound(Stratified):
    """A lower bound on the log-likelihood under T steps of the reverse, in nats.

    Each row sees `draws` of the steps 2, ..., T, one per stratum. The parts are `steps` and those of `Chain.entropies`,
    or of `Chain.divergences`, with the same sum. Without `edge` the former is the published K, a bound in the mean over
    data that have the moments of the reference.

    Args:
        chain: the steps; the denoiser's process is its continuous time.
        draws: network evaluations per row, an even number.
        batch_size: evaluations at once; by default half a million numbers.
        three_terms: give the parts of Ho et al.
    """

    chain: Chain[Any]
    draws: int = 128
    batch_size: int | None = None
    three_terms: bool = False
    name: str = "lower bound of discrete steps"

    def __post_init__(self) -> None:
        super().__post_init__()
        instance(Chain, chain=self.chain)
        flag(three_terms=self.three_terms)

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """Random steps of every row."""
        first, count = _tree.first(x_0), self.chain.steps - 1
        u = self.strata(len(first), rng, torch.float64)
        t = (2 + stratum(u, count)).to(first.device)
        many, given = self.repeated(x_0), self.repeated(cond)
        x_t = self.chain.marginal(many, t).sample(rng)
        stat = denoiser(x_t, self.chain.time(t), given)
        price, asked = partial(total_of_chain, self.chain), denoiser.asked(given)
        costs = count * price(asked, lambda chain, t, *of: chain.kl(*of, t), t, stat, many, x_t).view(-1, self.draws)
        others = self._others(x_0, denoiser.asked(cond))
        parts = {"steps": -costs.mean(1)} | others
        return Estimate(
            torch.stack(list(parts.values())).sum(0), self.error(costs), parts, self.description, self.pairs
        )

    def _others(self, x_0: Any, asked: Any) -> dict[str, Tensor]:
        """The terms besides the steps, of the cells that are asked."""
        names = list[str]()

        def terms(chain: Chain[Any], t: Tensor, x: Any) -> Tensor:
            found = chain.divergences(x) if self.three_terms else chain.entropies(x)
            names[:] = found
            return torch.stack(list(found.values()))

        found = total_of_chain(self.chain, asked, terms, torch.zeros(()), x_0)
        return dict(zip(names, found, strict=True))


@dataclass(frozen=True)
class ImportanceWeighted(Grouped):
    r"""$\log\frac1k\sum_{i=1}^k w_i$ for the weights of k trajectories, in nats.

    Its mean is a lower bound on $\log p(x_0)$, that of `StepBound` for k = 1, and grows with k to $\log p(x_0)$ (Burda
    et al. 2016, arXiv 1509.00519). It is loose if `samplers.effective_size` of `log_weights` is near 1.
    `standard_error` holds to first order: $\sqrt{(1/\mathrm{ess} - 1/k) k/(k - 1)}$. The parts are `bound`, the mean
    log weight, and the `gain` of averaging weights.

    Args:
        chain: the steps; the denoiser's process is its continuous time.
        trajectories: k per row, each of T network evaluations.
        batch_size: trajectories at once; by default half a million numbers.
    """

    chain: Chain[Any]
    trajectories: int = 64
    batch_size: int | None = None
    name: str = "importance-weighted bound of discrete steps"

    def __post_init__(self) -> None:
        instance(Chain, chain=self.chain)
        whole(least=2, most=MOST_STEPS, trajectories=self.trajectories)
        whole(least=1, or_none=True, batch_size=self.batch_size)
        instance(str, name=self.name)

    def rows_at_once(self, denoiser: Denoiser) -> int:
        """As many as make `batch_size` trajectories."""
        at_once = self.batch_size or default_batch_size(denoiser.process.space.event_shape)
        return max(1, at_once // self.trajectories)

    @torch.no_grad()
    def log_weights(self, denoiser: Denoiser, x_0: Any, rng: torch.Generator, cond: Any = None) -> Tensor:
        """The log weights of k trajectories of every row, (n, k), in nats."""
        k = self.trajectories
        return log_weights(self.chain, denoiser, repeated(x_0, k), rng, repeated(cond, k)).view(-1, k)

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """All trajectories of every row."""
        found, k = self.log_weights(denoiser, x_0, rng, cond), self.trajectories
        total, mean = found.logsumexp(1) - math.log(k), found.mean(1)
        error = ((1 / effective_size(found) - 1 / k).clamp(min=0) * k / (k - 1)).sqrt()
        return Estimate(total, error, {"bound": mean, "gain": total - mean}, self.description, k - 1)


@torch.no_grad()
def log_weights(chain: Chain[Any], denoiser: Denoiser, x_0: Any, rng: torch.Generator, cond: Any = None) -> Tensor:
    """The log weight of one trajectory from every row, (n,), in nats."""
    steps = torch.arange(chain.steps + 1, device=_tree.first(x_0).device)
    price = partial(total_of_chain, chain, denoiser.asked(cond))
    x = chain.marginal(x_0, steps[-1]).sample(rng)
    total = price(_weight_of_noise, steps[-1], x_0, x).double()
    for t in steps[2:].flip(0):
        before, stat = x, denoiser(x, chain.time(t), cond)
        x = chain.bridge(x_0, x, t).sample(rng)
        total = total + price(_weight_of_step, t, x_0, stat, before, x)
    return total + price(lambda chain, t, x_0, x: chain.decoded(x_0, x), steps[1], x_0, x)


def _weight_of_noise(chain: Chain[Any], t: Tensor, x_0: Any, x: Any) -> Tensor:
    return chain.reference(x, t).log_prob(x).double() - chain.marginal(x_0, t).log_prob(x)


def _weight_of_step(chain: Chain[Any], t: Tensor, x_0: Any, stat: Any, x_t: Any, x: Any) -> Tensor:
    return chain.posterior(stat, x_t, t).log_prob(x) - chain.bridge(x_0, x_t, t).log_prob(x)


def entropy_bounds(chain: Chain[Any], x_0: Any, t: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""Bounds on the entropy of a true reverse step, $H_q(X_{t-1} | X_t)$, in nats.

    $$H_q(X_t | X_{t-1}) + H_q(X_{t-1} | X_0) - H_q(X_t | X_0) \le H_q(X_{t-1} | X_t) \le H_q(X_t | X_{t-1})$$

    (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 24). The lower one is $H_q(X_{t-1} | X_t, X_0)$; the upper one
    needs $H(X_t) \ge H(X_{t-1})$: for a variance-preserving chain, data no wider than the reference. In a Gaussian
    chain they are the entropies under `processes.SmallVariance` and `processes.LargeVariance`.

    Args:
        chain: of any space.
        x_0: data, (n, *event), that the entropies are averaged over.
        t: the step that is undone, (), from 2.
        rng: of one $X_t$ per row; it does not matter in a Gaussian chain.

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
