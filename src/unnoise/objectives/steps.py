r"""Objectives of discrete time: DDPM's simple one, and the evidence lower bound itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unnoise import _tree
from unnoise.denoisers import Denoiser
from unnoise.objectives.base import Loss, Objective, check_batch
from unnoise.objectives.denoising import Denoising
from unnoise.objectives.times import WholeSteps, low_discrepancy, stratum
from unnoise.objectives.weightings import SimpleWeighting
from unnoise.processes import Chain


def ddpm(steps: int = 1000) -> Denoising:
    r"""Algorithm 1 of DDPM: $\lVert\epsilon - \hat\epsilon(\sqrt{\bar\alpha_t}x_0 + \sqrt{1 - \bar\alpha_t}\epsilon,
    t)\rVert^2$, t uniform over the steps of a chain (Ho et al. 2020, arXiv 2006.11239, eq. 14).

    The times of a batch are spread evenly. Algorithm 2 is `samplers.Ancestral(denoiser, steps)`, for the process of
    `GaussianChain.from_betas(space, linear_betas(steps))` and a network with the head `gaussian_heads.Eps`.

    >>> ddpm(1000).times
    WholeSteps(steps=1000)
    """  # noqa: D205
    return Denoising(SimpleWeighting(), WholeSteps(steps))


@dataclass(frozen=True)
class StepPrices(Objective):
    r"""$-K$: the evidence lower bound of a chain, by one of the steps t = 2, ..., T per example, in nats.

    Noise is drawn before it is scaled, so the loss has a gradient in whatever the denoiser trains: a network, learnt
    variances of the reverse, and learnt $\beta_t$ (Sohl-Dickstein et al. 2015, arXiv 1503.03585, section 2.4).

    Args:
        chain: whose steps are learnt. What it learns itself, variances or betas, must be among the parameters of the
            denoiser that is trained.
    """

    chain: Chain[Any]

    def __call__(
        self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = slice(None)
    ) -> Loss:
        """The cost of one step for each of `rows`, times their number, less the terms that no denoiser changes."""
        check_batch(denoiser.process, x_0, cond)
        count, like = self.chain.steps - 1, _tree.first(x_0)
        u = low_discrepancy(len(like), rng).to(like.device)
        t = 2 + stratum(u, count)
        x_t = self.chain.marginal(x_0, t).sample(rng)
        x_0, x_t, t = (_tree.map(lambda leaf: leaf[rows], part) for part in (x_0, x_t, t))
        stat = denoiser(x_t, self.chain.time(t), None if cond is None else _tree.map(lambda leaf: leaf[rows], cond))
        ends = torch.stack(list(self.chain.divergences(x_0).values())).sum(0)
        return Loss(count * self.chain.price(stat, x_0, x_t, t) - ends)
