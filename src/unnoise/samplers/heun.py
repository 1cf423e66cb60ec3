"""Heun's second-order method with optional churn, as in EDM."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import real, refuse
from unnoise.denoisers import Denoiser, Look
from unnoise.laws.base import standard_normal
from unnoise.processes import Gaussian, leaves, map_leaves
from unnoise.samplers.base import Move, Sampler, require_gaussian
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

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor]:
        r"""The slope is $\tilde\sigma\tilde x/(s^2 + \tilde\sigma^2)$; without churn."""
        alpha, level = _level(process, times)
        slope, length = level / (deviation**2 + level**2), level.diff()
        here, there = slope[:-1], slope[1:]
        kept = 1 + 0.5 * length * (here + there * (1 + length * here))
        return kept * alpha[1:] / alpha[:-1], torch.zeros_like(kept)

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The mean of the slopes at t and s."""
        if self.churn:
            state, t = self._add_noise(state, t, rng)
        return _Run(self, torch.stack([t, s]))(state, t, s, rng, cond)

    def moves(self, times: Tensor, looks: Sequence[Look] | None = None) -> Move:
        """The steps, whose numbers of time alone are computed once per run where no noise is added."""
        plain = not self.churn and type(self).step is Heun.step
        return _Run(self, times, looks) if plain else self.step

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


class _Run:
    """Steps without noise, over times that are known."""

    def __init__(self, sampler: Heun, times: Tensor, looks: Sequence[Look] | None = None) -> None:
        self.denoiser, self.times, self.looks, self.index = sampler.denoiser, times, looks, 0
        self.levels = map_leaves(lambda process: _Levels.of(process, times), sampler.process)

    def __call__(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """The next step."""
        if self.looks is None:
            self.looks = self.denoiser.along(self.times, state)
        k, self.index = self.index, self.index + 1
        levels, here, there = self.levels, self.looks[k], self.looks[k + 1]
        x = _tree.map(lambda y, level: y / level.alpha[k], state, levels)
        slope = _tree.map(lambda y, stat, level: (y - stat).div_(level.level[k]), x, here(state, cond), levels)
        predicted = _tree.map(lambda y, v, level: torch.add(y, v, alpha=level.length(k)), x, slope, levels)
        answer = there(_tree.map(lambda y, level: y * level.alpha[k + 1], predicted, levels), cond)
        last = _tree.map(lambda y, stat, level: (y - stat).div_(level.level[k + 1]), predicted, answer, levels)
        return _tree.map(lambda level, *parts: level.corrected(k, *parts), levels, x, slope, last)


@dataclass(frozen=True)
class _Levels:
    r"""$\alpha$ and $\tilde\sigma$ at all times."""

    alpha: list[float]
    level: list[float]

    @classmethod
    def of(cls, process: Gaussian, times: Tensor) -> _Levels:
        alpha, level = _level(process, times)
        return cls(alpha.tolist(), level.tolist())

    def length(self, k: int) -> float:
        return self.level[k + 1] - self.level[k]

    def corrected(self, k: int, x: Tensor, first: Tensor, last: Tensor) -> Tensor:
        return torch.add(x, last.add_(first), alpha=0.5 * self.length(k)).mul_(self.alpha[k + 1])


def _level(process: Gaussian, t: Tensor) -> tuple[Tensor, Tensor]:
    r"""$\alpha$ and $\tilde\sigma = \sigma/\alpha$."""
    alpha, sigma = process.alpha_sigma(t)
    return alpha, sigma / alpha
