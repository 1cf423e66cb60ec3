"""Euler's method on the reverse process, for any space."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from unnoise._checks import real
from unnoise.denoisers import Denoiser
from unnoise.laws import Law
from unnoise.processes import Gaussian
from unnoise.samplers.base import LawSampler
from unnoise.samplers.grids import Grid


class Euler(LawSampler):
    r"""$x_s \sim$ `space.move`$(x_t, K_t, t - s)$: weak order one.

    Args:
        churn: 1 follows the time reversal (Euler-Maruyama for diffusions), 0 the probability flow.

    >>> import torch
    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> Euler(denoiser, steps=20).sample(3, torch.Generator().manual_seed(0)).abs()
    tensor([[1.],
            [1.],
            [1.]])
    """

    def __init__(self, denoiser: Denoiser, steps: int = 250, churn: float = 1.0, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        real(least=0, churn=churn)
        self.churn = churn

    def width(self, process: Gaussian, times: Tensor, deviation: float) -> float:
        r"""With $\hat x_0 = \alpha s^2x/(\alpha^2s^2 + \sigma^2)$ a step multiplies the variance, and adds to it."""
        alpha, sigma = process.alpha_sigma(times)
        f, h = process.rates(times)
        back = alpha * deviation**2 / ((alpha * deviation) ** 2 + sigma**2)
        square, pull = self.churn**2, h - f
        drift = -h + pull * ((1 + square) * alpha * back - square)
        lengths = -times.diff()
        kept = (1 + lengths * drift[:-1]) ** 2
        added = lengths * square * 2 * sigma[:-1] ** 2 * pull[:-1]
        variance = float((alpha[0] * deviation) ** 2 + sigma[0] ** 2)
        for factor, more in zip(kept.tolist(), added.tolist(), strict=True):
            variance = factor * variance + more
        return float(back[-1]) * math.sqrt(variance)

    def law(self, stat: Any, state: Any, t: Tensor, s: Tensor) -> Law[Any]:
        """One small step of the reverse."""
        return self.process.space.move(state, self.process.reverse(state, stat, t, churn=self.churn), t - s)
