"""Observations as a condition of a model: holes flagged, one observation or a set of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unnoise._checks import shown
from unnoise._errors import InputError
from unnoise._masks import unmasked
from unnoise.inference.parameters import Floats
from unnoise.inference.simulations import Simulations
from unnoise.inference.tails import Tails

NAME, MOMENTS = "x", "moments"  # of the conditions


@dataclass(frozen=True)
class Observed:
    """What an observation is, as simulations show it, and what a network is given of it.

    A hole has the mean of its cell, and cells that may have holes have a flag beside: 1 where there is one. Numbers
    with long tails are told by their logarithm far out, but not the pixels of pictures.

    Args:
        shape: of one observation.
        observations: the most that are told at once; above 1 they are sets.
        means: of each cell.
        holed: whether a cell had holes.
        tails: how numbers are told.

    >>> x = np.array([[1.0, 2.0], [3.0, np.nan]])
    >>> Observed.of(Simulations(np.zeros((2, 1)), x)).features(x).tolist()
    [[1.0, 2.0, 0.0], [3.0, 2.0, 1.0]]
    """

    shape: tuple[int, ...]
    observations: int
    means: tuple[float, ...]
    holed: tuple[bool, ...]
    tails: Tails = Tails()

    @classmethod
    def of(cls, simulations: Simulations) -> Observed:
        """As simulations show it."""
        cells = simulations.x.reshape(-1, math.prod(simulations.shape))
        holes = np.isnan(cells)
        seen = np.maximum((~holes).sum(axis=0), 1)
        means = np.where(holes, 0.0, cells).sum(axis=0) / seen
        tails = Tails() if len(simulations.shape) > 1 else Tails.of(cells)
        if tails.unit:
            means = np.where(np.array(tails.unit) > 0, tails.middle, means)
        holed = tuple(holes.any(axis=0).tolist())
        return cls(simulations.shape, simulations.observations, tuple(means.tolist()), holed, tails)

    @property
    def kinds(self) -> dict[str, str]:
        """Of the conditions that `condition` makes."""
        return {NAME: "set", MOMENTS: "vector"} if self.observations > 1 else {NAME: "vector"}

    def read(self, x: Any) -> Floats:
        """One observation or several, (j, *shape).

        Raises:
            InputError: another shape, none at all, or holes where the simulations had none.
        """
        try:
            found = np.asarray(x.detach().cpu() if isinstance(x, torch.Tensor) else unmasked(x), dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"got x = {shown(x)}; expected an observation of shape {self.shape}") from None
        if found.ndim and not found.size:
            raise InputError("got a set of no observations; expected at least one")
        if found.shape == self.shape:
            found = found[None]
        if not found.ndim or found.shape[1:] != self.shape:
            raise InputError(
                f"got x of shape {found.shape}; expected an observation of shape {self.shape}, as the simulator makes "
                f"it, or several, {('any', *self.shape)}".replace("'any'", "any")
            )
        found = np.where(np.isfinite(found), found, np.nan)
        holes = np.isnan(found).reshape(len(found), -1)
        if holes.all():
            raise InputError("got an observation that is NaN everywhere; expected numbers where something was seen")
        if (new := holes.any(axis=0) & ~np.array(self.holed)).any():
            place = tuple(int(axis) for axis in np.unravel_index(int(new.argmax()), self.shape))
            raise InputError(
                f"got NaN in x{list(place)}, which was seen in all simulations; simulate with holes there, too"
            )
        return found

    def features(self, x: Floats) -> Floats:
        """Numbers without holes, and flags, (..., *features), of observations (..., *shape)."""
        lead, holed = x.shape[: x.ndim - len(self.shape)], np.array(self.holed)
        cells = x.reshape(*lead, len(holed))
        gone = np.isnan(cells)
        filled = self.tails.read(np.where(gone, np.array(self.means), cells))
        if len(self.shape) < 2:
            return np.concatenate([filled, gone[..., holed]], axis=-1)
        whole = filled.reshape(x.shape)
        if not holed.any():
            return whole
        flags = gone.reshape(x.shape).astype(np.float64)
        if len(self.shape) == 2:
            whole, flags = whole[..., None, :, :], flags[..., None, :, :]
        return np.concatenate([whole, flags], axis=len(lead))  # as more channels

    def condition(self, x: Floats, sizes: NDArray[np.int64] | None = None) -> dict[str, Floats]:
        """What a model takes as `y`.

        Beside a set stand the means and spreads of its numbers, and the logarithm of how many there are: what an
        encoder makes of it takes longer to learn.

        Args:
            x: (n, *shape), or of sets (n, m, *shape).
            sizes: how many of each set to tell, (n,); None for all.
        """
        told = self.features(x)
        if self.observations == 1:
            return {NAME: told}
        told = told.reshape(*told.shape[:2], -1)
        if sizes is None:
            sizes = np.full(len(x), x.shape[1])
        there = (np.arange(x.shape[1]) < sizes[:, None])[..., None]
        return {NAME: np.where(there, told, np.nan), MOMENTS: moments(told, there)}

    def sizes(self, n: int, seed: int) -> NDArray[np.int64] | None:
        """Sizes of n sets, from 1 to the most; None without sets."""
        if self.observations == 1:
            return None
        return np.random.default_rng(seed).integers(1, self.observations + 1, size=n)


def moments(sets: Floats, there: NDArray[np.bool_]) -> Floats:
    """Means and spreads of each number of what is there of sets (n, m, k), and log of how many, (n, 2 k + 1)."""
    count = there.sum(axis=1)
    mean = np.where(there, sets, 0.0).sum(axis=1) / count
    spread = np.sqrt(np.where(there, (sets - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return np.concatenate([mean, spread, np.log(count)], axis=1)
