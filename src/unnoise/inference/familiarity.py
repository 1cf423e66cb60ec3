"""How far an observation lies from what was simulated: a test of the simulator, not of the posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unnoise.inference.parameters import Floats

NEAREST = 5  # simulations whose mean distance counts
MOST = 2000  # simulations that are compared with
AXES = 50  # principal axes; beyond them the size of the rest counts
FLOOR = 1e-3  # of the largest spread: that of an axis on which nothing varied
LEVEL = 0.01  # how often an observation of the simulator itself is called far


@dataclass(frozen=True)
class Familiarity:
    """How an observation lies among simulations.

    Attributes:
        p_value: the share of held-out simulations that lie as far, with the observation among them.
        distance: its mean distance to the nearest simulations, in their own spreads.
        usual: the median distance of held-out simulations.
        level: the p-value up to which it counts as far.
    """

    p_value: float
    distance: float
    usual: float
    level: float

    @property
    def good(self) -> bool:
        """Whether it lies where simulations lie."""
        return self.p_value > self.level

    def __str__(self) -> str:
        ratio = self.distance / self.usual if self.usual > 0 else np.inf
        where = f"{ratio:.2g} times as far from its nearest simulations as they usually are (p = {self.p_value:.2g})"
        if self.good:
            return f"the observation lies among the simulations: {where}"
        return (
            f"the observation lies {where}: the simulator does not make the like, so no posterior of it can be trusted"
        )


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    r"""Simulations, and how far others of them lie from these.

    Each number becomes $\mathrm{arsinh}((u - \text{median})/\text{quartiles' distance})$, so that few large ones do not
    set the scale; then axes of equal spread, the leading 50 and the size of the rest. The distance of a point is the
    mean over its five nearest simulations; that of an observation of the same simulator is like that of held-out
    simulations, so the rank among them is a p-value, whatever law they have.

    Args:
        simulated: features, (r, k).
        held_out: of other simulations, (h, k).

    >>> rng = np.random.default_rng(0)
    >>> near = Neighbourhood.of(rng.normal(size=(500, 2)), rng.normal(size=(200, 2)))
    >>> near.of_points(np.array([[0.0, 0.5], [6.0, 0.0]])).good
    False
    """

    simulated: Floats
    held_out: Floats

    @classmethod
    def of(cls, simulated: Floats, held_out: Floats) -> Neighbourhood:
        """At most 2000 of each."""
        return cls(simulated[:MOST], held_out[:MOST])

    def of_points(self, points: Floats) -> Familiarity:
        """How points (n, k) lie; of several, the farthest, with a p-value that counts them all."""
        middle = np.median(self.simulated, axis=0)
        low, high = np.quantile(self.simulated, [0.25, 0.75], axis=0)
        scale = np.where(high > low, high - low, self.simulated.std(axis=0))
        scale = np.where(scale > 0, scale, 1.0)
        trees = (
            torch.from_numpy(np.arcsinh((part - middle) / scale)) for part in (self.simulated, self.held_out, points)
        )
        simulated, held_out, asked = _whitened(*trees)
        usual, own = _distances(held_out, simulated), _distances(asked, simulated)
        farther = (usual[None] >= own[:, None]).sum(1)
        p_value = min(1.0, len(points) * (1 + int(farther.min())) / (1 + len(usual)))
        level = max(LEVEL, 1 / (1 + len(usual)))
        return Familiarity(p_value, float(own.max()), float(usual.median()), level)


def _whitened(simulated: Tensor, *others: Tensor) -> list[Tensor]:
    """All in axes of equal spread of the first, and the size of what is beyond them."""
    mean = simulated.mean(0)
    _, spreads, axes = torch.linalg.svd(simulated - mean, full_matrices=False)
    spreads = spreads / len(simulated) ** 0.5
    spreads = spreads.clamp(min=float(spreads[:1].max()) * FLOOR + torch.finfo(spreads.dtype).tiny)
    kept, found = axes[:AXES], []
    floor = float(spreads[0])
    rest = _rest(simulated - mean, kept)
    unit = max(float(rest.std()) if len(rest) > 1 else 0.0, FLOOR * floor)
    for part in (simulated, *others):
        centred = part - mean
        beyond = (_rest(centred, kept) - rest.mean()) / unit
        found.append(torch.cat([centred @ kept.T / spreads[:AXES], beyond[:, None]], 1))
    return found


def _rest(centred: Tensor, kept: Tensor) -> Tensor:
    """The size of what the axes leave."""
    size: Tensor = torch.linalg.vector_norm(centred - centred @ kept.T @ kept, dim=1)
    return size


def _distances(points: Tensor, simulated: Tensor) -> Tensor:
    """The mean over the nearest, (n,)."""
    nearest = torch.cdist(points, simulated).topk(min(NEAREST, len(simulated)), largest=False).values
    return nearest.mean(1)
