"""Euler's method on the reverse process, for any space."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unnoise._checks import real
from unnoise.denoisers import Denoiser
from unnoise.laws import Law
from unnoise.processes import Gaussian
from unnoise.samplers.base import LawSampler
from unnoise.samplers.checks import answers
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

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
        """By the drift and the noise at the start of each step."""
        before, lengths = times[:-1], -times.diff()
        (alpha, sigma), (f, h) = process.alpha_sigma(before), process.rates(before)
        square, pull = self.churn**2, h - f
        drift = -h + pull * ((1 + square) * alpha * answers(alpha, sigma, deviation) - square)
        return 1 + lengths * drift, lengths * square * 2 * sigma**2 * pull

    def law(self, stat: Any, state: Any, t: Tensor, s: Tensor) -> Law[Any]:
        """One small step of the reverse."""
        return self.process.space.move(state, self.process.reverse(state, stat, t, churn=self.churn), t - s)
