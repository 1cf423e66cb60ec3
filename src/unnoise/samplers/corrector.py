r"""Corrector steps, forward and back at once, that keep the law of a time.

Noise by $L_s$ and its undoing by $K_s$ leave $q_s$ as it is: for diffusions their sum is Langevin,
$dx = g^2\nabla\log q_s\,dt + \sqrt2\,g\,dB$, for jumps the rates $A_s + K_s$.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real, whole
from unnoise.denoisers import Look
from unnoise.processes import Gaussian, Process, map_leaves
from unnoise.samplers.base import Move, Sampler
from unnoise.samplers.checks import width_of

MOST_CORRECTIONS = 10**4
TINY = 1e-300  # above 0
UNTIL = 0.1  # below it Langevin alone corrects: so near to data a jump cannot undo the noise that it adds


class PredictorCorrector(Sampler):
    r"""A predictor's step from t to s, then steps of $L_s + K_s$, which lead back to $q_s$.

    Song et al. 2021 (arXiv 2011.13456, algorithms 2 to 5) for Langevin, Campbell et al. 2022 (arXiv 2205.14987, section
    4.4) for jumps; geodesic Langevin on curved spaces. A corrector step costs one evaluation.

    Args:
        predictor: any sampler; its grid is used.
        corrections: corrector steps after each step.
        stride: time of a corrector step in units of the predictor's step; for Langevin at most.
        snr: bound on drift over noise of a Langevin step,
            $\epsilon \le 2(\text{snr}\lVert z\rVert/\lVert\nabla\log q_s\rVert)^2$, over all rows.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> from unnoise.samplers import Ancestral
    >>> denoiser = Exact(CTMC(Finite(2, 9), rates.UniformRates(9)), torch.tensor([[1, 2], [7, 6]]))
    >>> PredictorCorrector(Ancestral(denoiser, 50)).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[1, 2],
            [7, 6]])
    """

    def __init__(self, predictor: Sampler, corrections: int = 1, stride: float = 1.0, snr: float = 0.16) -> None:
        instance(Sampler, predictor=predictor)
        whole(most=MOST_CORRECTIONS, corrections=corrections)
        real(above=0, stride=stride, snr=snr)
        super().__init__(predictor.denoiser, predictor.steps, predictor.grid)
        self.predictor, self.corrections, self.stride, self.snr = predictor, corrections, stride, snr

    def moves(self, times: Tensor, looks: Sequence[Look] | None = None) -> Move:
        """The predictor's, each followed by corrections."""
        predict = self.predictor.moves(times, looks)
        return lambda state, t, s, rng, cond: self.correct(predict(state, t, s, rng, cond), t, s, rng, cond)

    def width(self, process: Gaussian, times: Tensor, deviation: float) -> float:
        r"""That of the predictor's steps and of Langevin's, which take v to $(1 - \epsilon/\tau^2)^2v + 2\epsilon$.

        With $\tau^2 = \alpha^2s^2 + \sigma^2$ and a length $\epsilon$, the shorter one of
        $2\,\text{snr}^2\tau^4/v$ and $g^2\,\text{stride}\,(t - s)$.
        """
        found = self.predictor.spreads(process, times, deviation)
        if found is None:
            return deviation
        after = times[1:]
        (alpha, sigma), (f, h) = process.alpha_sigma(after), process.rates(after)
        totals = ((alpha * deviation) ** 2 + sigma**2).tolist()
        longest = (-times.diff() * self.stride * 2 * sigma**2 * (h - f)).tolist()

        def corrected(k: int, variance: float) -> float:
            for _ in range(self.corrections):
                length = min(2 * (self.snr * totals[k]) ** 2 / max(variance, TINY), longest[k])
                variance = (1 - length / totals[k]) ** 2 * variance + 2 * length
            return variance

        return width_of(process, times, deviation, *found, corrected)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """Predict, then correct at the new time."""
        return self.correct(self.predictor.step(state, t, s, rng, cond), t, s, rng, cond)

    def correct(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """Corrector steps at time s, after a step from t."""
        for _ in range(self.corrections):
            forward = self.process.forward(state, s)
            back = self.process.reverse(state, self.denoiser(state, s, cond), s)
            local = map_leaves(partial(self._one_step, t=t, s=s), self.process, forward, back)
            state = self.process.space.move(state, local, torch.ones_like(s)).sample(rng)
        return state

    def _one_step(self, process: Process[Any], forward: Any, back: Any, t: Tensor, s: Tensor) -> Any:
        """The generator, with a corrector step as the unit of time."""
        both = _tree.map(operator.add, forward, back)
        longest = self.stride * (t - s)
        time = process.space.langevin_step(both, self.snr, longest)
        if time is None:
            time = longest if s >= UNTIL else torch.zeros_like(longest)
        return _tree.map(lambda part: part.over(time), both)
