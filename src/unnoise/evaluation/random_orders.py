"""The likelihood of masked data: one cell after the other, in random orders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, instance, whole
from unnoise.denoisers import Denoiser
from unnoise.denoisers.conditions import repeated
from unnoise.evaluation.likelihood import Estimate, Grouped
from unnoise.objectives.any_order import cross_entropy, every_cell, hide, masked_time, require_masked, uniform_places
from unnoise.samplers.base import default_batch_size


@dataclass(frozen=True)
class RandomOrders(Grouped):
    r"""$\log\frac1K\sum_{k=1}^K \prod_i p(x_{\sigma_k(i)} | x_{\sigma_k(j)}, j < i)$ for random orders $\sigma_k$.

    Every order has a density, of which the one that `samplers.FirstHitting` draws from is the mean. So this is a lower
    bound in the mean, tighter the more orders, and exact for every order where the denoiser is (Uria et al. 2014, arXiv
    1310.1757; Burda et al. 2016, arXiv 1509.00519). It takes an evaluation per order and cell. For noise that hides
    sites behind masks, and products of it.

    Args:
        orders: how many, of every row.
        batch_size: evaluations at once; by default half a million numbers.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> law = Exact(CTMC(Finite(2, 3), rates.Absorbing(3)), torch.tensor([[0, 0], [0, 1], [1, 1]]))
    >>> found = RandomOrders()(law, torch.tensor([[0, 0]]), torch.Generator().manual_seed(0))
    >>> print(f"{found.log_prob.exp().item():.4f}")
    0.3333
    """

    orders: int = 4
    batch_size: int | None = None
    name: str = "lower bound by random orders"

    def __post_init__(self) -> None:
        whole(least=2, most=MOST_STEPS, orders=self.orders)
        whole(least=1, or_none=True, batch_size=self.batch_size)
        instance(str, name=self.name)

    def rows_at_once(self, denoiser: Denoiser) -> int:
        """As many as make `batch_size` evaluations."""
        most = self.batch_size or default_batch_size(denoiser.process.space.event_shape)
        return max(1, most // self.orders)

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """Cell after cell, in all orders of all rows."""
        process, n = denoiser.process, _tree.length(x_0)
        require_masked(process, "RandomOrders", "evaluation.Bound")
        x_0, cond = repeated(x_0, self.orders), repeated(cond, self.orders)
        asked = every_cell(x_0) if (found := denoiser.asked(cond)) is None else found
        places = _tree.map(lambda mask: uniform_places(mask, rng), asked)
        flat = _tree.ravel(places)
        rank = flat.argsort(1, descending=True).argsort(1).masked_fill(flat < 0, -1)
        ranks, count = _tree.unravel(rank, places), (rank >= 0).sum(1)
        log_prob = torch.zeros(len(rank), dtype=torch.float64, device=rank.device)
        for step in range(int(count.max())):
            x_t = hide(process, x_0, _tree.map(lambda place, step=step: place >= step, ranks))
            stat = denoiser(x_t, masked_time(process, (count - step).clamp(min=1), count), cond)
            log_prob -= cross_entropy(stat, x_0, _tree.map(lambda place, step=step: place == step, ranks)).double()
        return self._averaged(log_prob.view(n, self.orders))

    def _averaged(self, log_prob: Tensor) -> Estimate:
        """Over orders, with the standard error of the logarithm of a mean."""
        mean = torch.logsumexp(log_prob, 1) - math.log(self.orders)
        error = (log_prob - mean[:, None]).exp().std(1) / math.sqrt(self.orders)
        return Estimate(mean, error.nan_to_num(), {"orders": mean}, self.description, self.orders - 1)
