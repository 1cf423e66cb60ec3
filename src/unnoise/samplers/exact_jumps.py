"""Exact samplers of jump processes, without an error of discretisation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser, conditions
from unnoise.laws import Categorical
from unnoise.processes import CTMC, require
from unnoise.processes.rates import Absorbing
from unnoise.samplers.base import EVERYWHERE, Sampler
from unnoise.samplers.grids import Grid

LOOKS = 9  # times at which the bound of a stretch is evaluated
MARGIN = 1.1  # for the times between them
MOST_STRETCHES, MOST_JUMPS = 2_000, 10**6  # halvings of the noise, and proposals per row of one stretch


class ExactJumps(Sampler):
    """What both samplers share.

    Args:
        denoiser: of a `CTMC`.
        steps: how often `on_step` sees states; the law of the samples does not depend on it.
        grid: at which times.
    """

    process: CTMC

    def __init__(self, denoiser: Denoiser, steps: int = 2, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser.process, CTMC, type(self).__name__, EVERYWHERE)

    def _uniform(self, shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
        return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64).to(device)


class FirstHitting(ExactJumps):
    r"""Unmasks site after site, each at its own exact time (Zheng et al. 2025, arXiv 2409.02908).

    A mask at time t is still there at s with probability $G(s)/G(t)$, $G = 1 - e^{-B}$; of m masks the next falls where
    this is $u^{1/m}$, u uniform. It costs one evaluation per site, and needs `rates.Absorbing`.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> denoiser = Exact(CTMC(Finite(2, 9), rates.Absorbing(9)), torch.tensor([[1, 2], [7, 6]]))
    >>> FirstHitting(denoiser).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[1, 2],
            [7, 6]])
    """

    def __init__(self, denoiser: Denoiser, steps: int = 2, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        if not isinstance(self.process.rates, Absorbing):
            raise InputError(
                f"FirstHitting needs sites that wait behind a mask (rates.Absorbing), and got "
                f"{type(self.process.rates).__name__}: use samplers.TauLeaping, which runs on all rates"
            )

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """All masks that fall between t and s, one after the other in every row."""
        x = state.clone(memory_format=torch.contiguous_format)
        masked = ~self._shown(state).flatten(1)
        covered, last = (self._covered(time.to(x.device)) for time in (t, s))
        covered, rows = covered.expand(len(x)), torch.arange(len(x), device=x.device)
        while len(rows):
            share = self._uniform((len(rows),), rng, x.device)
            covered = covered * share ** (1 / masked[rows].sum(1))  # without a mask 1 / 0, and no time
            rows, covered = rows[covered > last], covered[covered > last]
            if len(rows):
                self._unmask(x, masked, rows, covered, rng, cond)
        return x

    def _unmask(
        self, x: Tensor, masked: Tensor, rows: Tensor, covered: Tensor, rng: torch.Generator, cond: Any
    ) -> None:
        """Fill one masked site, chosen uniformly, of each row."""
        times = self.process.schedule.inverse(-torch.log1p(-covered))
        stat = self.denoiser(x[rows], times, conditions.at(cond, rows)).flatten(1, -2)
        order = self._uniform((len(rows), masked.shape[1]), rng, x.device)
        site = torch.where(masked[rows], order, -1.0).argmax(1)
        x.view(len(x), -1)[rows, site] = Categorical(stat[torch.arange(len(rows)), site], 0).sample(rng)
        masked[rows, site] = False

    def _shown(self, state: Tensor) -> Tensor:
        data = self.process.rates.data.to(state.device).expand(*state.shape, -1)
        return torch.gather(data, -1, state[..., None])[..., 0]

    def _covered(self, t: Tensor) -> Tensor:
        return -torch.expm1(-self.process.schedule.value(t.double()))


class Uniformisation(ExactJumps):
    r"""Jumps at their own times, by thinning (Lewis and Shedler 1979).

    A site in state x leaves at the rate $\sum_y\beta R(y, x)\sum_a p(a)\frac{P_B(a, y)}{P_B(a, x)}$, at most that of
    the worst a. Times are proposed at this bound and kept by the ratio of the rates. A proposal costs an evaluation,
    one or two per halving of the noise and site: for few sites.
    """

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """All jumps between t and s."""
        for start, end in self._stretches(t, s):
            state = self._stretch(state, start, end, rng, cond)
        return state

    def _stretches(self, t: Tensor, s: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Neither B nor what survives changes by more than a factor 2 in one."""
        schedule = self.process.schedule
        for _ in range(MOST_STRETCHES):
            if t <= s:
                return
            now = schedule.value(t)
            earlier = torch.maximum(schedule.inverse(torch.maximum(now / 2, now - math.log(2))), s)
            yield t, earlier
            t = earlier
        raise NonFiniteError(f"B is left after {MOST_STRETCHES:,} halvings, at t = {float(t):.4g}: start it above 0")

    def _stretch(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any) -> Tensor:
        bound, state = self._bound(t, s).to(state.device), state.clone()
        if not bound.max() * (t - s) * self.process.space.sites < MOST_JUMPS:
            where = f"between t = {float(s):.4g} and {float(t):.4g}"
            raise NonFiniteError(f"a row may jump {MOST_JUMPS:,} times or more {where}: use samplers.TauLeaping")
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
        """Let those rows jump whose total rate is at least `least`."""
        x, given = state[rows], conditions.at(cond, rows)
        rates = self.process.reverse(x, self.denoiser(x, times, given), times).rates.flatten(1)
        jumps = rates.sum(1) >= least
        chosen = Categorical(rates[jumps], 0).sample(rng)
        state[rows[jumps]] = self.process.space.neighbours(x[jumps], chosen[None])[0]

    def _bound(self, t: Tensor, s: Tensor) -> Tensor:
        """The largest rate out of each state, (S,) or (sites, S)."""
        process, data = self.process, self.process.rates.data
        states = data.shape[-1]
        x = torch.arange(states).reshape(states, 1, *[1] * (data.ndim - 1)).expand(-1, states, *data.shape[:-1])
        worst = torch.eye(states, dtype=torch.float64).reshape(1, states, *[1] * (data.ndim - 1), states)
        worst = worst.expand(states, -1, *data.shape[:-1], -1) * data.movedim(-1, 0)[:, ..., None]
        leaving = []
        for time in torch.linspace(0, 1, LOOKS, dtype=torch.float64) * (t - s) + s:
            (rates,) = process.rates.undone(x, process.schedule.rate(time), process.schedule.value(time), worst)
            leaving.append(rates.sum(-1).amax(1))
        return MARGIN * torch.stack(leaving).amax(0).movedim(0, -1)
