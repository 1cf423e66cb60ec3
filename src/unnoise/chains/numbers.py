"""A random walk of real numbers and counts, also of those of a product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real
from unnoise.chains.metropolis import Blind, jittered, mapped
from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal
from unnoise.spaces import Space


@dataclass(frozen=True)
class NumberWalk(Blind):
    r"""$y = x + h A z$, z standard normal, of all real numbers and counts of a point, on which it is rounded.

    Every number has its own unit and goes along with others, where `Metropolis` has one step for all: counts of a few
    and of millions, real numbers of any size. A rounded step is as likely back as forth; none leads below zero. Other
    factors of a product stay.

    Args:
        target: a log density that says on which space it lives.
        step_size: h, as of `RandomWalk`.
        factor: A, (k, k) for k such numbers, side by side in the order of the factors.
        jitter: spread of the logarithms of the chains' own step sizes.

    >>> from unnoise.chains import Density, run
    >>> from unnoise.spaces import Euclidean
    >>> units = torch.tensor([1e-3, 1e3], dtype=torch.float64)
    >>> target = Density(lambda x: -0.5 * (x / units).square().sum(-1), Euclidean(2))
    >>> start = torch.zeros(2000, 2, dtype=torch.float64)
    >>> x = run(NumberWalk(target, 1.7, torch.diag(units)), start, 50, torch.Generator().manual_seed(0)).x
    >>> bool((((x / units).square().mean(0) - 1).abs() < 0.2).all())
    True
    """

    target: LogDensity[Any]
    step_size: float
    factor: Tensor
    jitter: float = 0.0

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        real(above=0, step_size=self.step_size)
        real(least=0, jitter=self.jitter)
        instance(Tensor, factor=self.factor)

    def check(self, x: Any) -> None:
        """Raise InputError unless x holds points of the space."""
        self._space.check(x)

    def propose(self, x: Any, rng: torch.Generator) -> tuple[Any, Tensor]:
        """A normal step, rounded where numbers are whole; below zero there is no density."""
        flat, whole = self._space.numbers()
        walked, now = flat | whole, _tree.ravel(_tree.map(Tensor.double, x))
        steps = jittered(self.step_size, self.jitter, len(now), now, rng)
        move = torch.zeros_like(now)
        move[:, walked] = steps[:, None] * mapped(standard_normal(tuple(now[:, walked].shape), now, rng), self.factor)
        there = now + torch.where(whole.to(now.device), move.round(), move)
        inside = (there[:, whole] >= 0).all(1)
        there = torch.where(inside[:, None], there, now)
        y = _tree.map(lambda new, old: new.to(old.dtype), _tree.unravel(there, x), x)
        return y, torch.where(inside, 0.0, -torch.inf).to(now)

    @property
    def _space(self) -> Space[Any, Any]:
        space: Space[Any, Any] = cast(Any, self.target.support)
        return space
