r"""What a jump process needs to know of the rates at one site.

One homogeneous generator R on $\{0, \dots, S - 1\}$ with a stationary law, and its transition matrices $P_B = e^{BR}$.
Rows, columns and products with vectors are linear in batch x sites x states.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import refuse
from unnoise.schedules import Schedule


class Rates(ABC):
    r"""A generator R with a stationary law, of relaxation rate (spectral gap) 1 unless asked otherwise.

    States x are int64 of any shape. The integrated rate B and the rate $\beta = dB/dt$ broadcast against x: () or
    (*batch, 1, ..., 1). Results are (*x.shape, S), in the precision of B or of the rate.
    """

    ordinal: bool = False  # whether states that are numbered alike are alike, so that noise moves from one to the next

    @property
    @abstractmethod
    def stationary(self) -> Tensor:
        """The stationary law, (S,), or (sites, S) where sites differ, in float64."""

    @property
    def data(self) -> Tensor:
        """Which states data can be in, shaped like `stationary`."""
        return self.stationary > 0

    @property
    @abstractmethod
    def schedule(self) -> Schedule:
        """The default integrated rate B(t)."""

    @abstractmethod
    def out(self, x: Tensor, rate: Tensor) -> Tensor:
        r"""$\beta R(x, \cdot)$, zero at x."""

    @abstractmethod
    def into(self, x: Tensor, rate: Tensor) -> Tensor:
        r"""$\beta R(\cdot, x)$, zero at x."""

    @abstractmethod
    def row(self, x: Tensor, integral: Tensor) -> Tensor:
        r"""$P_B(x, \cdot)$."""

    @abstractmethod
    def column(self, x: Tensor, integral: Tensor) -> Tensor:
        r"""$P_B(\cdot, x)$."""

    @abstractmethod
    def push(self, v: Tensor, integral: Tensor) -> Tensor:
        """$v P_B$ for non-negative vectors (..., S), whose leading axes B broadcasts against."""

    def undone(self, x: Tensor, rate: Tensor, integral: Tensor, *stats: Tensor) -> tuple[Tensor, ...]:
        r"""The reverse rates $\beta R(y, x)\sum_a p(a) P_B(a, y)/P_B(a, x)$ for laws p of $x_0$."""
        column, into = self.column(x, integral), self.into(x, rate)
        seen = column > impossible(column.dtype)
        odds = seen / torch.where(seen, column, 1.0)
        return tuple(into * self.push(stat * odds, integral) for stat in stats)


def as_numbers(name: str, given: Any) -> Tensor:
    """Rows of numbers, or one row, in float64; else InputError."""
    try:
        return torch.as_tensor(given, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        refuse(name, given, "a tensor or rows of numbers, all of one length")


def impossible(dtype: torch.dtype) -> float:
    """A probability as good as none, whose inverse can still be added up."""
    smallest: float = torch.finfo(dtype).tiny ** 0.8
    return smallest
