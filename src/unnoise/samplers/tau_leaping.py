"""Leaps over many jumps at once, at the rates of where they start."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import real
from unnoise.denoisers import Denoiser
from unnoise.laws import Categorical
from unnoise.processes import CTMC, require
from unnoise.samplers.base import EVERYWHERE, Sampler
from unnoise.samplers.grids import Grid

FEW = 2.0  # expected jumps of a site, drawn one by one up to here


class TauLeaping(Sampler):
    r"""$x + \sum_s P_s (s - x)$ at every site, $P_s \sim \text{Poisson}(K(x, s)\,(t - s))$: weak order one.

    States in order make all the jumps and stop at the ends; otherwise a site that would jump more than once stays.
    Gillespie 2001; Campbell et al. 2022 (arXiv 2205.14987).

    Args:
        denoiser: of a `CTMC`.
        churn: 1 follows the time reversal; more adds jumps forward and back.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> denoiser = Exact(CTMC(Finite(2, 9), rates.BirthDeath(9)), torch.tensor([[1, 2], [7, 6]]))
    >>> TauLeaping(denoiser, steps=50).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[1, 2],
            [7, 6]])
    """

    process: CTMC

    def __init__(self, denoiser: Denoiser, steps: int = 250, churn: float = 1.0, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser.process, CTMC, "TauLeaping", EVERYWHERE)
        real(least=0, churn=churn)
        self.churn = churn

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """One leap."""
        rates = self.process.reverse(state, self.denoiser(state, t, cond), t, churn=self.churn).rates
        return (leap_in_order if self.process.rates.ordinal else leap_once)(state, rates, t - s, rng)


def leap_once(x: Tensor, rates: Tensor, dt: Tensor, rng: torch.Generator) -> Tensor:
    """One tau-leap of states x (...) at rates (..., S), zero at x; sites that would jump more than once stay.

    One Poisson number per site is the same law as one for every state.
    """
    flat, blocks = x.flatten(), _in_blocks(rates)
    sums = blocks.sum(-1)
    alone = (_poisson(sums.sum(-1) * dt, rng) == 1).nonzero()[:, 0]
    return flat.index_copy(0, alone, _reached(blocks, sums, alone, rng)).reshape(x.shape)


def leap_in_order(x: Tensor, rates: Tensor, dt: Tensor, rng: torch.Generator) -> Tensor:
    """One tau-leap of states x (...) at rates (..., S), zero at x; all jumps are made, up to the ends."""
    flat, states, blocks = x.flatten(), rates.shape[-1], _in_blocks(rates)
    sums = blocks.sum(-1)
    expected = sums.sum(-1) * dt
    few = expected <= FEW
    site = torch.repeat_interleave(_poisson(expected * few, rng))
    moved = flat.scatter_add(0, site, _reached(blocks, sums, site, rng) - flat[site])
    many = (~few).nonzero()[:, 0]
    counts = _poisson(blocks[many].flatten(1) * dt, rng)
    shift = (counts * torch.arange(states, device=x.device)).sum(-1) - counts.sum(-1) * flat[many]
    return moved.index_add(0, many, shift).clamp(0, states - 1).reshape(x.shape)


def _in_blocks(rates: Tensor) -> Tensor:
    """Rates (..., S) as (n, blocks, S / blocks), about square."""
    states = rates.shape[-1]
    blocks = next(size for size in range(math.isqrt(states), 0, -1) if states % size == 0)
    return rates.reshape(-1, blocks, states // blocks)


def _reached(blocks: Tensor, sums: Tensor, site: Tensor, rng: torch.Generator) -> Tensor:
    """First the block, then the state in it, so that little is read."""
    block = Categorical(sums[site], 0).sample(rng)
    return block * blocks.shape[-1] + Categorical(blocks[site, block], 0).sample(rng)


def _poisson(mean: Tensor, rng: torch.Generator) -> Tensor:
    """In int64, drawn where `rng` lives."""
    return torch.poisson(mean.to(rng.device), generator=rng).long().to(mean.device)
