"""The exact sampler of masked sequences: one site after the other, at the times when masks fall."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, conditions
from unnoise.laws import Categorical
from unnoise.processes import CTMC, require
from unnoise.processes.rates import Absorbing
from unnoise.samplers.base import EVERYWHERE, Sampler
from unnoise.samplers.grids import Grid


class FirstHitting(Sampler):
    r"""Unmasks site after site, each at its own time, which is drawn exactly (Zheng et al. 2025, arXiv 2409.02908).

    A mask that is there at time t is still there at s with probability $G(s)/G(t)$, $G = 1 - e^{-B}$, whatever the
    network says; of m masks the next one falls where this is $u^{1/m}$, u uniform. With the exact denoiser the samples
    are exact, at one network evaluation per site; every row has its own times.

    Args:
        denoiser: of a `CTMC` with `rates.Absorbing`.
        steps: how often states are shown to `on_step`; it does not change the law of the samples.
        grid: at which times they are shown.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import CTMC, rates
    >>> from unnoise.spaces import Finite
    >>> denoiser = Exact(CTMC(Finite(2, 9), rates.Absorbing(9)), torch.tensor([[1, 2], [7, 6]]))
    >>> FirstHitting(denoiser).sample(200, torch.Generator().manual_seed(0)).unique(dim=0)
    tensor([[1, 2],
            [7, 6]])
    """

    process: CTMC

    def __init__(self, denoiser: Denoiser, steps: int = 2, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser.process, CTMC, "FirstHitting", EVERYWHERE)
        if not isinstance(self.process.rates, Absorbing):
            raise InputError(
                f"FirstHitting needs sites that wait behind a mask (rates.Absorbing), and got "
                f"{type(self.process.rates).__name__}: use samplers.TauLeaping, which runs on all rates"
            )

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """All masks that fall between t and s, one after the other in every row."""
        flat, masked = state.flatten(1).clone(), ~self._shown(state).flatten(1)
        covered, last = (self._covered(time.to(state.device)) for time in (t, s))
        covered = covered.expand(len(flat))
        rows = torch.arange(len(flat), device=state.device)
        while len(rows):
            left = masked[rows].sum(1)
            share = self._uniform((len(rows),), rng, state.device)
            covered = covered * share ** (1 / left)  # no mask left: 1 / 0, and no time either
            falls = covered > last
            rows, covered = rows[falls], covered[falls]
            if len(rows):
                self._unmask(flat, masked, rows, state.shape, covered, rng, cond)
        return flat.reshape(state.shape)

    def _unmask(
        self,
        flat: Tensor,
        masked: Tensor,
        rows: Tensor,
        shape: torch.Size,
        covered: Tensor,
        rng: torch.Generator,
        cond: Any,
    ) -> None:
        """Fill one masked site of each of these rows, any of them alike."""
        given = conditions.at(cond, rows)
        times = self.process.schedule.inverse(-torch.log1p(-covered))
        stat = self.denoiser(flat[rows].reshape(-1, *shape[1:]), times, given).flatten(1, -2)
        order = self._uniform((len(rows), flat.shape[1]), rng, flat.device)
        site = torch.where(masked[rows], order, -1.0).argmax(1)
        flat[rows, site] = Categorical(stat[torch.arange(len(rows)), site], 0).sample(rng)
        masked[rows, site] = False

    def _shown(self, state: Tensor) -> Tensor:
        """Which sites show data."""
        data = self.process.rates.data.to(state.device).expand(*state.shape, -1)
        return torch.gather(data, -1, state[..., None])[..., 0]

    def _covered(self, t: Tensor) -> Tensor:
        """The share of sites that are masked."""
        return -torch.expm1(-self.process.schedule.value(t.double()))

    def _uniform(self, shape: tuple[int, ...], rng: torch.Generator, device: torch.device) -> Tensor:
        return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float64).to(device)
