"""Walks to neighbouring states: on a line with two ends, and on a circle."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from unnoise._checks import flag, whole
from unnoise.processes.rates._line import circle
from unnoise.processes.rates.base import impossible
from unnoise.processes.rates.dense import MOST_STATES, Dense, look_up


@dataclass(frozen=True)
class _Walk(Dense):
    """Steps to the next state on either side, at one rate; the stationary law is uniform."""

    least: ClassVar[int] = 2
    states: int
    normalised: bool = True

    def __post_init__(self) -> None:
        whole(least=self.least, most=MOST_STATES, states=self.states)
        flag(normalised=self.normalised)

    @cached_property
    def stationary(self) -> Tensor:
        """Uniform."""
        return torch.full((self.states,), 1 / self.states, dtype=torch.float64)

    @cached_property
    def generator(self) -> Tensor:
        """Jumps to neighbours, each at the same rate."""
        jumps = self._neighbours() * self.rate
        return jumps - torch.diag(jumps.sum(1))

    @property
    def rate(self) -> float:
        """Of each step: 1, or that which makes the spectral gap 1."""
        return 1 / self._gap() if self.normalised else 1.0

    def undo(self, matrices: Tensor, x: Tensor, speed: Tensor, stats: Sequence[Tensor]) -> list[Tensor]:
        """Needs neighbours only, no product of matrices."""
        like, states = stats[0], matrices.shape[-1]
        rates = [torch.zeros_like(stat) for stat in stats]
        for side in (-1, 1):
            there = torch.arange(states, device=x.device).roll(-side)
            speeds = speed.double() * self.jumps.to(speed.device)[there, there.roll(side)][:, None]
            odds = torch.where(matrices > impossible(matrices.dtype), speeds * matrices[:, there] / matrices, 0.0)
            weights, target = look_up(odds.to(like), x), there[x][..., None]
            rates = [
                rate.scatter_add(-1, target, (weights * stat).sum(-1, keepdim=True))
                for rate, stat in zip(rates, stats, strict=True)
            ]
        return rates

    def column(self, x: Tensor, integral: Tensor) -> Tensor:
        """Rows, by symmetry."""
        return self.row(x, integral)

    @abstractmethod
    def _gap(self) -> float: ...

    @abstractmethod
    def _neighbours(self) -> Tensor:
        """One for each step, (S, S)."""


class BirthDeath(_Walk):
    r"""A walk on a line with reflecting ends: $P_B(i, j) = g_{|i - j|} + g_{i + j + 1}$, g a walk on a circle of 2 S.

    At rate 1 the eigenvalues are $-2(1 - \cos\frac{\pi k}S)$ and the eigenvectors $\cos\frac{\pi k(j + 1/2)}S$.
    Transitions are right to a relative 1e-8 down to the smallest float64. Where not `normalised` to a spectral gap of
    1, each step has rate 1.

    >>> BirthDeath(4, normalised=False).out(torch.tensor([0, 2]), torch.tensor(1.0))
    tensor([[0., 1., 0., 0.],
            [0., 1., 0., 1.]])
    """

    ordinal = True

    def transition(self, integral: Tensor) -> Tensor:
        """The walk on the circle, reflected."""
        law = circle(2 * self.rate * integral, 2 * self.states)
        i = torch.arange(self.states, device=integral.device)
        return law[:, (i[:, None] - i).abs()] + law[:, i[:, None] + i + 1]

    def _gap(self) -> float:
        return 4 * math.sin(0.5 * math.pi / self.states) ** 2

    def _neighbours(self) -> Tensor:
        one = torch.ones(self.states - 1, dtype=torch.float64)
        return torch.diag(one, 1) + torch.diag(one, -1)


class Cyclic(_Walk):
    """A walk on a circle: $P_B(i, j) = g_{i - j}$, by its Fourier series, or images where probabilities are tiny.

    Where not `normalised` to a spectral gap of 1, each step has rate 1.

    >>> Cyclic(4, normalised=False).out(torch.tensor([0, 2]), torch.tensor(1.0))
    tensor([[0., 1., 0., 1.],
            [0., 1., 0., 1.]])
    """

    least = 3

    def transition(self, integral: Tensor) -> Tensor:
        """The walk on the circle."""
        law = circle(2 * self.rate * integral, self.states)
        i = torch.arange(self.states, device=integral.device)
        return law[:, (i[:, None] - i) % self.states]

    def _gap(self) -> float:
        return 4 * math.sin(math.pi / self.states) ** 2

    def _neighbours(self) -> Tensor:
        one = torch.eye(self.states, dtype=torch.float64)
        return one.roll(1, 1) + one.roll(-1, 1)
