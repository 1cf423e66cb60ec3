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
SHUFFLES = 999  # of several observations among simulations
FLOOR = 1e-3  # of the largest spread: that of an axis on which nothing varied
LEVEL = 0.01  # how often an observation of the simulator itself is called far; of few held out twice their least rank


@dataclass(frozen=True)
class Familiarity:
    """How an observation lies among simulations.

    Attributes:
        p_value: how often a simulation lies as far, by its distance to the nearest or by the range of all.
        distance: its mean distance to the nearest simulations, in their own spreads.
        usual: the median distance of held-out simulations.
        beyond: how far it lies beyond the range of all simulations on some axis, in spreads; 0 within.
        level: the p-value up to which it counts as far.
    """

    p_value: float
    distance: float
    usual: float
    beyond: float
    level: float

    @property
    def good(self) -> bool:
        """Whether it lies where simulations lie."""
        return self.p_value > self.level

    def __str__(self) -> str:
        ratio = self.distance / self.usual if self.usual > 0 else np.inf
        where = f"{ratio:.2g} times as far from its nearest simulations as they usually are"
        if self.beyond > 0:
            where += f", {self.beyond:.2g} spreads beyond the range of all"
        if self.good:
            return f"the observation lies among the simulations: {where} (p = {self.p_value:.2g})"
        return (
            f"the observation lies {where} (p = {self.p_value:.2g}): the simulator does not make the like, so no "
            "posterior of it can be trusted"
        )


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    r"""Simulations, and how far others of them lie from these.

    Each number becomes $\mathrm{arsinh}((u - \text{median})/\text{quartiles' distance})$, so that few large ones do not
    set the scale; then axes of equal spread, the leading 50 and the size of the rest. A point is far if it is far from
    its five nearest simulations, or near the end of their range on some axis, or beyond it. In both an observation of
    the same simulator is like held-out simulations, so its rank among them is a p-value, whatever law they have, and
    twice the lesser one is that of both.

    Args:
        simulated: features, (r, k).
        held_out: of other simulations, (h, k).

    >>> rng = np.random.default_rng(0)
    >>> near = Neighbourhood.of(rng.normal(size=(500, 2)), rng.normal(size=(200, 2)))
    >>> near.of_points(np.array([[9.0, 0.0]])).good
    False
    """

    simulated: Floats
    held_out: Floats

    @classmethod
    def of(cls, simulated: Floats, held_out: Floats) -> Neighbourhood:
        """At most 2000 of each."""
        return cls(simulated[:MOST], held_out[:MOST])

    def of_points(self, points: Floats) -> Familiarity:
        """How points (n, k) lie: of several their sum among sums of as many simulations, and the farthest distance."""
        middle = np.median(self.simulated, axis=0)
        low, high = np.quantile(self.simulated, [0.25, 0.75], axis=0)
        scale = np.where(high > low, high - low, self.simulated.std(axis=0))
        scale = np.where(scale > 0, scale, 1.0)
        parts = (self.simulated, self.held_out, points)
        simulated, held_out, asked = _whitened(
            *(torch.from_numpy(np.arcsinh((part - middle) / scale)) for part in parts)
        )
        usual, own = _distances(held_out, simulated), _distances(asked, simulated)
        (at_ends, _), (at_own, beyond) = (_ends(part, simulated) for part in (held_out, asked))
        p_value = min(1.0, 2 * min(_p_value(own, usual), _p_value(at_own, at_ends)))
        level = max(LEVEL, 2 / (1 + len(usual)))
        return Familiarity(p_value, float(own.max()), float(usual.median()), float(beyond.max()), level)


def _p_value(own: Tensor, others: Tensor) -> float:
    """Of the sum of numbers, (n,), which others, (h,), are like: its rank among sums of n of all of them."""
    n, pool = len(own), torch.cat([own, others])
    if n == 1:
        return float((pool >= own).double().mean())
    rng = torch.Generator().manual_seed(0)
    chosen = torch.rand(SHUFFLES, len(pool), generator=rng, dtype=pool.dtype).topk(n).indices
    return (1 + int((pool[chosen].sum(1) >= own.sum()).sum())) / (1 + SHUFFLES)


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


def _ends(points: Tensor, simulated: Tensor) -> tuple[Tensor, Tensor]:
    """How near points are to the ends of what was simulated on some axis, (n,), and how far beyond, 0 within."""
    ordered = simulated.sort(0).values.T.contiguous()
    axes = points.T.contiguous()
    below = torch.searchsorted(ordered, axes, right=True)
    above = len(simulated) - torch.searchsorted(ordered, axes)
    beyond = torch.maximum(ordered[:, :1] - axes, axes - ordered[:, -1:]).clamp(min=0)
    surprise = -((1 + torch.minimum(below, above)) / (1 + len(simulated))).log() + beyond
    return surprise.amax(0), beyond.amax(0)
