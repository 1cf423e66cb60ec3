"""Exact samplers of jump processes, without an error of discretisation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser, conditions
from unnoise.laws import Categorical
from unnoise.processes import CTMC, is_masked, leaves, map_leaves, require
from unnoise.samplers.base import EVERYWHERE, Sampler
from unnoise.samplers.grids import Grid
from unnoise.schedules import Schedule

LOOKS = 9  # times at which the bound of a stretch is evaluated
MARGIN = 1.1  # for the times between them
MOST_STRETCHES, MOST_JUMPS = 2_000, 10**6  # halvings of the noise, and proposals per row of one stretch


class FirstHitting(Sampler):
    r"""Unmasks site after site, each at its own exact time (Zheng et al. 2025, arXiv 2409.02908).

    A mask at time t is still there at s with probability $G(s)/G(t)$, $G = 1 - e^{-B}$; of m masks the next falls where
    this is $u^{1/m}$, u uniform. It costs one evaluation per site, and needs `rates.Absorbing`, in every factor and on
    one schedule.

    Args:
        denoiser: of a process that hides sites behind masks.
        steps: how often `on_step` sees states; the law of the samples does not depend on it.
        grid: at which times.

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
        parts = [require(part, CTMC, "FirstHitting", EVERYWHERE) for _, part, _ in leaves(denoiser.process)]
        if not is_masked(denoiser.process):
            rates = ", ".join(dict.fromkeys(type(part.rates).__name__ for part in parts))
            raise InputError(
                f"FirstHitting needs sites that wait behind a mask (rates.Absorbing), and got {rates}: use "
                "samplers.TauLeaping, which runs on all rates"
            )
        self.schedule: Schedule = parts[0].schedule
        if any(part.schedule != self.schedule for part in parts):
            raise InputError("FirstHitting needs factors on one schedule: give all the same, or use samplers.Ancestral")

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """All masks that fall between t and s, one after the other in every row."""
        x = _tree.map(lambda leaf: leaf.clone(memory_format=torch.contiguous_format), state)
        masked = _tree.ravel(map_leaves(lambda part, leaf: leaf == part.blank().to(leaf), self.process, x))
        if (asked := self.denoiser.asked(cond)) is not None:
            masked &= _tree.ravel(asked).to(masked.device)
        covered, last = (self._covered(time.to(masked.device)) for time in (t, s))
        rows = masked.any(1).nonzero()[:, 0]
        covered = covered.expand(len(masked))[rows]
        while len(rows):
            share = self._uniform((len(rows),), rng, masked.device)
            covered = covered * share ** (1 / masked[rows].sum(1))  # without a mask 1 / 0, and no time
            rows, covered = rows[covered > last], covered[covered > last]
            if len(rows):
                self._unmask(x, masked, rows, covered, rng, cond)
        return x

    def _unmask(self, x: Any, masked: Tensor, rows: Tensor, covered: Tensor, rng: torch.Generator, cond: Any) -> None:
        """Fill one masked site, chosen uniformly, of each row."""
        times = self.schedule.inverse(-torch.log1p(-covered))
        order = self._uniform((len(rows), masked.shape[1]), rng, masked.device)
        site = torch.where(masked[rows], order, -1.0).argmax(1)
        laws = self.denoiser.at_site(conditions.at(x, rows), times, site, conditions.at(cond, rows))
        places = _tree.owned(site, [leaf[0].numel() for _, leaf in _tree.leaves(x)])
        for (_, leaf), (_, law), (own, place) in zip(_tree.leaves(x), _tree.leaves(laws), places, strict=True):
            leaf.view(len(leaf), -1)[rows[own], place] = Categorical(law, 0).sample(rng)
        masked[rows, site] = False

    def _uniform(self, shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
        return uniform(shape, rng, device)

    def _covered(self, t: Tensor) -> Tensor:
        return -torch.expm1(-self.schedule.value(t.double()))


class Uniformisation(Sampler):
    r"""Jumps at their own times, by thinning (Lewis and Shedler 1979).

    A site in state x leaves at the rate $\sum_y\beta R(y, x)\sum_a p(a)\frac{P_B(a, y)}{P_B(a, x)}$, at most that of
    the worst a. Times are proposed at this bound and kept by the ratio of the rates. A proposal costs an evaluation,
    one or two per halving of the noise and site: for few sites.

    Args:
        denoiser: of a `CTMC`.
        steps: how often `on_step` sees states; the law of the samples does not depend on it.
        grid: at which times.
    """

    process: CTMC

    def __init__(self, denoiser: Denoiser, steps: int = 2, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser.process, CTMC, type(self).__name__, EVERYWHERE)

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
            wait, share = uniform((2, len(rows)), rng, state.device)
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


def uniform(shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
    """Drawn where the generator is, in float64."""
    return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64).to(device)
