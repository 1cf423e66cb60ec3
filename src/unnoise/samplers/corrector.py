"""Corrector steps: jumps forward and back that keep the law of a time, after every step of another sampler."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.processes import CTMC
from unnoise.samplers.base import Sampler, require
from unnoise.samplers.tau_leaping import leap_in_order, leap_once


class PredictorCorrector(Sampler):
    r"""A predictor's step from t to s, then leaps at the rates $A_s + K_s$, which leave $q_s$ as it is.

    Campbell et al. 2022 (arXiv 2205.14987), section 4.4. Every corrector step costs one more network evaluation.

    Args:
        predictor: any sampler of a `CTMC`; its grid is used.
        corrections: corrector steps after each step.
        stride: time of each corrector step, in units of the predictor's step.
        until: the time after which nothing is corrected: near data the rates back are so large that a leap at them
            cannot undo the noise that it adds.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> from unnoise.samplers import Ancestral
    >>> denoiser = Exact(CTMC(Finite(2, 9), rates.Uniform(9)), torch.tensor([[1, 2], [7, 6]]))
    >>> PredictorCorrector(Ancestral(denoiser, 50)).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[1, 2],
            [7, 6]])
    """

    process: CTMC

    def __init__(self, predictor: Sampler, corrections: int = 1, stride: float = 1.0, until: float = 0.1) -> None:
        super().__init__(predictor.denoiser, predictor.steps, predictor.grid)
        require(predictor.denoiser, CTMC, "PredictorCorrector", "that jumps between finitely many states")
        if corrections < 0 or stride <= 0:
            raise InputError(
                f"got {corrections} corrections of stride {stride}; expected 0 or more, of positive stride"
            )
        self.predictor, self.corrections, self.stride, self.until = predictor, corrections, stride, until

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """Predict, then correct at the new time."""
        leap = leap_in_order if self.process.rates.ordinal else leap_once
        state = self.predictor.step(state, t, s, rng, cond)
        for _ in range(self.corrections if s >= self.until else 0):
            back = self.process.reverse(state, self.denoiser(state, s, cond), s).rates
            both = back + self.process.forward(state, s).rates.to(back)
            state = leap(state, both, self.stride * (t - s), rng)
        return state
