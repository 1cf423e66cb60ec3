"""The reverse of a chain of whole steps, with the chain's own variances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser
from unnoise.processes import Chain, Process
from unnoise.samplers.base import Sampler
from unnoise.samplers.grids import Grid


@dataclass(frozen=True)
class ChainTimes(Grid):
    """The times of the steps T, ..., 1 of a chain, whatever the count."""

    chain: Chain[Any]

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """From the last step to the first."""
        return self.chain.time(torch.arange(self.chain.steps, 0, -1))


class ChainSteps(Sampler):
    r"""$x_{t-1} \sim p(x_{t-1} | x_t)$ for $t = T, \dots, 2$, and the mean of $x_0$ at the end.

    With `processes.SmallVariance`, the default of a Gaussian chain, it is `Ancestral` with T steps: algorithm 2 of DDPM
    (Ho et al. 2020, arXiv 2006.11239). Its use is with other variances: large, analytic or learnt.

    Args:
        denoiser: of the process of the chain.
        chain: the steps.
    """

    def __init__(self, denoiser: Denoiser, chain: Chain[Any]) -> None:
        super().__init__(denoiser, chain.steps, ChainTimes(chain))
        self.chain = chain
        self.times = self.grid(self.process, self.steps)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """From the whole step at time t to the one at s."""
        law = self.chain.posterior(self.denoiser(state, t, cond), state, self._whole(t), self._whole(s))
        return law.sample(rng)

    def _whole(self, t: Tensor) -> Tensor:
        """Which step lies at a time."""
        return self.steps - (self.times - t).abs().argmin()
