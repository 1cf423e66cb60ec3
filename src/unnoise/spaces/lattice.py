"""Numbers that lie on evenly spaced levels, such as the bytes of an image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import MOST_STATES, real, whole


@dataclass(frozen=True)
class Lattice:
    """The levels `first`, `first + step`, ..., `count` of them, of every number of a state.

    Args:
        first: the lowest level, in units of the state.
        step: from one level to the next, positive.
        count: how many there are, at least 2.

    >>> Lattice.of_bytes(mean=0.5, scale=0.5).levels()[[0, 255]]
    tensor([-1.,  1.])
    """

    first: float
    step: float
    count: int

    def __post_init__(self) -> None:
        real(first=self.first)
        real(above=0, step=self.step)
        whole(least=2, most=MOST_STATES, count=self.count)

    @classmethod
    def of_bytes(cls, mean: float, scale: float) -> Lattice:
        """The levels of bytes b as states (b / 255 - mean) / scale."""
        real(mean=mean)
        real(above=0, scale=scale)
        return cls(-mean / scale, 1 / (255 * scale), 256)

    @property
    def last(self) -> float:
        """The highest level."""
        return self.first + (self.count - 1) * self.step

    def levels(self, like: Tensor | None = None) -> Tensor:
        """All of them, (count,)."""
        like = torch.empty(0) if like is None else like
        return self.value(torch.arange(self.count, device=like.device), like)

    def index(self, x: Tensor) -> Tensor:
        """The place of the nearest level, int64."""
        return ((x - self.first) / self.step).round().long().clamp(0, self.count - 1)

    def value(self, index: Tensor, like: Tensor) -> Tensor:
        """The level at each place, in the precision of `like`."""
        return self.first + self.step * index.to(like)
