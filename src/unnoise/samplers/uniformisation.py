"""The exact sampler of jump processes with time-dependent rates, for small spaces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser, conditions
from unnoise.laws import Categorical
from unnoise.processes import CTMC, require
from unnoise.samplers.base import EVERYWHERE, Sampler
from unnoise.samplers.grids import Grid

LOOKS = 9  # times of a stretch at which the bound on the rates is evaluated
MARGIN = 1.1  # for the times between them


class Uniformisation(Sampler):
    r"""Jumps at their own times, by thinning: no error of discretisation (Lewis and Shedler 1979).

    A site in state x leaves at the rate $\sum_y\beta R(y, x)\sum_a p(a)\frac{P_B(a, y)}{P_B(a, x)}$, linear in what is
    learnt, and so at most at that of the worst a: a bound that holds whatever the network says. Times are proposed at
    the bound and kept with the share that the true rate is of it. Each proposal costs a network evaluation, about one
    or two for each halving of the noise and each site, so it is for few sites.

    Args:
        denoiser: of a `CTMC`.
        steps: how often states are shown to `on_step`; it does not change the law of the samples.
        grid: at which times they are shown.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> denoiser = Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.tensor([[0, 2], [2, 1]]))
    >>> Uniformisation(denoiser).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[0, 2],
            [2, 1]])
    """

    process: CTMC

    def __init__(self, denoiser: Denoiser, steps: int = 2, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser.process, CTMC, "Uniformisation", EVERYWHERE)

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """All jumps between t and s, in stretches over which the rates change little."""
        for start, end in self._stretches(t, s):
            state = self._stretch(state, start, end, rng, cond)
        return state

    def _stretches(self, t: Tensor, s: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """From t down to s, such that neither B nor what survives changes by more than a factor 2."""
        schedule = self.process.schedule
        while t > s:
            now = schedule.value(t)
            earlier = torch.maximum(schedule.inverse(torch.maximum(now / 2, now - math.log(2))), s)
            yield t, earlier
            t = earlier

    def _stretch(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any) -> Tensor:
        bound, state = self._bound(t, s).to(state.device), state.clone()
        rows, times = torch.arange(len(state), device=state.device), t.to(state.device).expand(len(state))
        while len(rows):
            most = torch.gather(bound.expand(*state[rows].shape, -1), -1, state[rows][..., None]).flatten(1).sum(1)
            wait, share = self._uniform((2, len(rows)), rng, state.device)
            times = times + wait.log() / most
            rows, times, least = (part[times > s] for part in (rows, times, most * share))
            if len(rows):
                self._try(state, rows, times, least, rng, cond)
        return state

    def _try(self, state: Tensor, rows: Tensor, times: Tensor, least: Tensor, rng: torch.Generator, cond: Any) -> None:
        """Let those rows jump whose total rate is at least so much."""
        given = conditions.at(cond, rows)
        x = state[rows]
        rates = self.process.reverse(x, self.denoiser(x, times, given), times).rates.flatten(1)
        jumps = rates.sum(1) >= least
        chosen = Categorical(rates[jumps], 0).sample(rng)
        state[rows[jumps]] = self.process.space.neighbours(x[jumps], chosen[None])[0]

    def _bound(self, t: Tensor, s: Tensor) -> Tensor:
        """The largest rate at which a site can leave each state between s and t, (S,) or (sites, S)."""
        process, data = self.process, self.process.rates.data
        states = data.shape[-1]
        x = torch.arange(states).reshape(states, 1, *[1] * (data.ndim - 1)).expand(-1, states, *data.shape[:-1])
        worst = torch.eye(states, dtype=torch.float64).reshape(1, states, *[1] * (data.ndim - 1), states)
        worst = worst.expand(states, -1, *data.shape[:-1], -1) * data.movedim(-1, 0)[:, ..., None]
        leaving = []
        for time in torch.linspace(0, 1, LOOKS, dtype=torch.float64) * (t - s) + s:
            rate, integral = process.schedule.rate(time), process.schedule.value(time)
            (rates,) = process.rates.undone(x, rate, integral, worst)
            leaving.append(rates.sum(-1).amax(1))
        return MARGIN * torch.stack(leaving).amax(0).movedim(0, -1)

    def _uniform(self, shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
        return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64).to(device)
