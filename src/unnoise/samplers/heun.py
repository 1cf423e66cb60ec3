"""Heun's second-order method with optional churn, as in EDM."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian
from unnoise.samplers.base import Sampler, require
from unnoise.samplers.grids import Grid, Karras


class Heun(Sampler):
    r"""Algorithm 2 of Karras et al. 2022 (arXiv 2206.00364), on any Gaussian process.

    In $\tilde x = x/\alpha$ and $\tilde\sigma = \sigma/\alpha$ the probability flow is
    $d\tilde x/d\tilde\sigma = (\tilde x - \hat x_0)/\tilde\sigma$; a step is Euler's, corrected by the slope at its
    end.
    Noise is added before every step, and so never at the last level, where only the denoising is left.
    It costs 2 network evaluations a step and one at the end: 2 `steps` - 1.

    Args:
        denoiser: of a Gaussian process.
        steps: number of noise levels.
        churn: EDM's S_churn, the total noise added and removed again; 0 is deterministic.
        churn_range: noise levels $\tilde\sigma$ between which noise is added.
        churn_noise: standard deviation of the added noise, EDM's S_noise.
        grid: where the times lie.
    """

    process: Gaussian

    def __init__(
        self,
        denoiser: Denoiser,
        steps: int = 18,
        churn: float = 0.0,
        churn_range: tuple[float, float] = (0.0, math.inf),
        churn_noise: float = 1.0,
        grid: Grid | None = None,
    ) -> None:
        super().__init__(denoiser, steps, Karras() if grid is None else grid)
        require(denoiser, Gaussian, "Heun", "with x_t = alpha x_0 + sigma noise")
        self.churn, self.churn_range, self.churn_noise = churn, churn_range, churn_noise

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """Predict with the slope at t, correct with the mean of the slopes at t and s."""
        if self.churn:
            state, t = self._add_noise(state, t, rng)
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self.process.alpha_sigma(t), self.process.alpha_sigma(s)
        level_t, level_s = sigma_t / alpha_t, sigma_s / alpha_s
        x = state / alpha_t
        slope = (x - self.denoiser(state, t, cond)) / level_t
        predicted = x + (level_s - level_t) * slope
        slope_s = (predicted - self.denoiser(alpha_s * predicted, s, cond)) / level_s
        corrected: Tensor = alpha_s * (x + 0.5 * (level_s - level_t) * (slope + slope_s))
        return corrected

    def _add_noise(self, state: Tensor, t: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        alpha, sigma = self.process.alpha_sigma(t)
        level = sigma / alpha
        if not self.churn_range[0] <= float(level) <= self.churn_range[1]:
            return state, t
        raised = level * (1 + min(self.churn / self.steps, math.sqrt(2) - 1))
        noise = self.churn_noise * standard_normal(tuple(state.shape), state, rng)
        x = state / alpha + (raised**2 - level**2).sqrt() * noise
        later = self.process.time_at(-2 * raised.log())
        return self.process.alpha_sigma(later)[0] * x, later
