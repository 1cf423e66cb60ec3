r"""Objectives of discrete time: DDPM's simple one, and the evidence lower bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unnoise import _tree
from unnoise._checks import instance
from unnoise.denoisers import Denoiser, conditions
from unnoise.denoisers.base import check_denoiser
from unnoise.objectives.base import ALL, Loss, Objective, check_batch
from unnoise.objectives.denoising import Denoising
from unnoise.objectives.times import WholeSteps, low_discrepancy, stratum
from unnoise.objectives.weightings import SimpleWeighting
from unnoise.processes import Chain


def ddpm(steps: int = 1000) -> Denoising:
    r"""Algorithm 1 of DDPM: $\lVert\epsilon - \hat\epsilon(\sqrt{\bar\alpha_t}x_0 + \sqrt{1 - \bar\alpha_t}\epsilon,
    t)\rVert^2$, t uniform over the steps of a chain (Ho et al. 2020, arXiv 2006.11239, eq. 14).

    The times of a batch are spread evenly. Algorithm 2 is `samplers.Ancestral(denoiser, steps)`, for the process of
    `chain_of_betas(space, linear_betas(steps))` and a network with the head `heads.Eps`.

    >>> ddpm(1000).times
    WholeSteps(steps=1000)
    """  # noqa: D205
    return Denoising(SimpleWeighting(), WholeSteps(steps))


@dataclass(frozen=True)
class StepKL(Objective):
    r"""$-K$: the evidence lower bound of a chain, by one of the steps t = 2, ..., T per example, in nats.

    It has a gradient in the network, learnt variances and learnt $\beta_t$ (Sohl-Dickstein et al. 2015, arXiv
    1503.03585, section 2.4).

    Args:
        chain: whose learnt variances or betas must be parameters of the denoiser.
    """

    chain: Chain[Any]

    def __post_init__(self) -> None:
        instance(Chain, chain=self.chain)

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The cost of one step of each, times their number, less the terms that no denoiser changes."""
        check_denoiser(denoiser=denoiser)
        check_batch(denoiser.process, x_0, cond)
        count, like = self.chain.steps - 1, _tree.first(x_0)
        t = 2 + stratum(low_discrepancy(len(like), rng).to(like.device), count)
        x_t = self.chain.marginal(x_0, t).sample(rng)
        x_0, x_t, t, cond = (conditions.at(part, rows) for part in (x_0, x_t, t, cond))
        stat = denoiser(x_t, self.chain.time(t), cond)
        ends = torch.stack(list(self.chain.divergences(x_0).values())).sum(0)
        return Loss(count * self.chain.kl(stat, x_0, x_t, t) - ends)
