"""Heun's second-order method with optional churn, as in EDM."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import real, refuse
from unnoise.denoisers import Denoiser
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian, leaves, map_leaves
from unnoise.samplers.base import Sampler, require_gaussian
from unnoise.samplers.grids import Grid, Karras


class Heun(Sampler):
    r"""Algorithm 2 of Karras et al. 2022 (arXiv 2206.00364), on any Gaussian process.

    In $\tilde x = x/\alpha$ and $\tilde\sigma = \sigma/\alpha$ the probability flow is
    $d\tilde x/d\tilde\sigma = (\tilde x - \hat x_0)/\tilde\sigma$; a step is Euler's, corrected by the slope at its
    end. Noise is added before a step, never at the last level. It costs 2 `steps` - 1 evaluations.

    Args:
        denoiser: of Gaussian processes; churn goes by the noise of the first factor.
        steps: number of noise levels.
        churn: EDM's S_churn; 0 is deterministic.
        churn_range: noise levels $\tilde\sigma$ between which noise is added.
        churn_noise: EDM's S_noise.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> Heun(denoiser).sample(2, torch.Generator().manual_seed(0)).abs()
    tensor([[1.],
            [1.]])
    """

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
        require_gaussian(denoiser, "Heun")
        real(least=0, churn=churn, churn_noise=churn_noise)
        try:
            ordered = 0 <= churn_range[0] <= churn_range[1]
        except (TypeError, IndexError):
            ordered = False
        if not ordered or len(churn_range) != 2:
            refuse("churn_range", churn_range, "two noise levels, from 0 on, the lower one first")
        self.churn, self.churn_range, self.churn_noise = churn, churn_range, churn_noise

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The mean of the slopes at t and s."""
        if self.churn:
            state, t = self._add_noise(state, t, rng)
        ends = map_leaves(lambda process: _Ends(*_level(process, t), *_level(process, s)), self.process)
        x = _tree.map(lambda y, end: y / end.alpha_t, state, ends)
        slope = _tree.map(lambda y, stat, end: (y - stat) / end.level_t, x, self.denoiser(state, t, cond), ends)
        predicted = _tree.map(lambda y, k, end: y + (end.level_s - end.level_t) * k, x, slope, ends)
        there = _tree.map(lambda y, end: end.alpha_s * y, predicted, ends)
        answer = self.denoiser(there, s, cond)
        slope_s = _tree.map(lambda y, stat, end: (y - stat) / end.level_s, predicted, answer, ends)
        return _tree.map(_Ends.corrected, ends, x, slope, slope_s)

    def _add_noise(self, state: Any, t: Tensor, rng: torch.Generator) -> tuple[Any, Tensor]:
        """The state at a later time, with the first factor's noise larger by EDM's rule."""
        factors: list[Any] = [process for _, process, _ in leaves(self.process)]
        first, *others = factors
        level = _level(first, t)[1]
        if not self.churn_range[0] <= float(level) <= self.churn_range[1]:
            return state, t
        raised = level * (1 + min(self.churn / self.steps, math.sqrt(2) - 1))
        later = first.time_at(-2 * raised.log())
        if others and later > 1:
            return state, t  # other factors need not go

        def noisier(process: Any, x: Tensor) -> Tensor:
            (alpha, before), (alpha_later, after) = _level(process, t), _level(process, later)
            after = raised if process is first else after
            noise = self.churn_noise * standard_normal(tuple(x.shape), x, rng)
            moved: Tensor = alpha_later * (x / alpha + (after**2 - before**2).sqrt() * noise)
            return moved

        return map_leaves(noisier, self.process, state), later


class _Ends(NamedTuple):
    alpha_t: Tensor
    level_t: Tensor
    alpha_s: Tensor
    level_s: Tensor

    def corrected(self, x: Tensor, slope_t: Tensor, slope_s: Tensor) -> Tensor:
        return self.alpha_s * (x + 0.5 * (self.level_s - self.level_t) * (slope_t + slope_s))


def _level(process: Gaussian, t: Tensor) -> tuple[Tensor, Tensor]:
    r"""$\alpha$ and $\tilde\sigma = \sigma/\alpha$."""
    alpha, sigma = process.alpha_sigma(t)
    return alpha, sigma / alpha
