r"""Rates that draw a site anew: $R = 1\pi^T - I$ and $P_B = e^{-B} I + (1 - e^{-B}) 1\pi^T$.

The uniform and absorbing (mask) noise of D3PM (Austin et al. 2021, arXiv 2107.03006), any chain of two states, and
binomial diffusion (Sohl-Dickstein et al. 2015, arXiv 1503.03585).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unnoise._checks import counts, shown
from unnoise._errors import InputError
from unnoise.processes.rates.base import Rates, as_numbers
from unnoise.schedules import Erasing, Schedule


class Refreshing(Rates):
    """Draws a site anew from the stationary law at rate 1."""

    @property
    def schedule(self) -> Schedule:
        """What survives falls on a line."""
        return Erasing()

    def out(self, x: Tensor, rate: Tensor) -> Tensor:
        r"""$\beta\pi$, but for x."""
        law = self._law(rate).expand(*x.shape, -1)
        return (rate[..., None] * law).scatter(-1, x[..., None], 0.0)

    def into(self, x: Tensor, rate: Tensor) -> Tensor:
        r"""$\beta\pi(x)$, but from x."""
        rates = (rate * self._mass(x, rate))[..., None]
        return rates.repeat_interleave(self.stationary.shape[-1], -1).scatter(-1, x[..., None], 0.0)

    def row(self, x: Tensor, integral: Tensor) -> Tensor:
        r"""$e^{-B} 1_x + (1 - e^{-B})\pi$."""
        return _kept(x, integral, -torch.expm1(-integral)[..., None] * self._law(integral))

    def column(self, x: Tensor, integral: Tensor) -> Tensor:
        r"""$e^{-B} 1_x + (1 - e^{-B})\pi(x)$."""
        fresh = (-torch.expm1(-integral) * self._mass(x, integral))[..., None]
        return _kept(x, integral, fresh.expand(*fresh.shape[:-1], self.stationary.shape[-1]))

    def push(self, v: Tensor, integral: Tensor) -> Tensor:
        r"""$e^{-B} v + (1 - e^{-B})(\sum v)\pi$."""
        kept, lost = torch.exp(-integral)[..., None], -torch.expm1(-integral)[..., None]
        return kept * v + (lost * v.sum(-1, keepdim=True)) * self._law(v)

    def _law(self, like: Tensor) -> Tensor:
        return self.stationary.to(like)

    def _mass(self, x: Tensor, like: Tensor) -> Tensor:
        return torch.gather(self._law(like).expand(*x.shape, -1), -1, x[..., None])[..., 0]


def _kept(x: Tensor, integral: Tensor, fresh: Tensor) -> Tensor:
    """Rows of `fresh` with the probability $e^{-B}$ added at x."""
    x, kept = torch.broadcast_tensors(x, torch.exp(-integral))  # type: ignore[no-untyped-call]
    return fresh.expand(*x.shape, -1).scatter_add(-1, x[..., None], kept[..., None])


@dataclass(frozen=True)
class Refresh(Refreshing):
    r"""Draws a site anew from $\pi$ at rate 1.

    Args:
        probabilities: $\pi$, one row for all sites or one per site, each of sum one; zero for a state that a site
            lacks.

    >>> Refresh([0.8, 0.2]).row(torch.tensor([1]), torch.tensor(0.0))
    tensor([[0., 1.]])
    """

    probabilities: tuple[float, ...] | tuple[tuple[float, ...], ...]

    def __init__(self, probabilities: Tensor | Sequence[float] | Sequence[Sequence[float]]) -> None:
        law = as_numbers("probabilities", probabilities)
        if not (
            law.ndim in (1, 2) and law.shape[-1] > 1 and (law >= 0).all() and ((law.sum(-1) - 1).abs() < 1e-5).all()
        ):
            expected = "at least 2 non-negative probabilities that sum to 1, or one such row per site"
            raise InputError(f"got {shown(law.tolist())} as stationary law; expected {expected}")
        rows = (law / law.sum(-1, keepdim=True)).tolist()
        vars(self).update(probabilities=tuple(rows if law.ndim == 1 else map(tuple, rows)))

    @cached_property
    def stationary(self) -> Tensor:
        r"""$\pi$."""
        return torch.tensor(self.probabilities, dtype=torch.float64)


@dataclass(frozen=True)
class _Sized(Refreshing):
    states: int | tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = counts("states", self.states)
        object.__setattr__(self, "states", sizes if isinstance(self.states, Sequence) else sizes[0])

    @cached_property
    def stationary(self) -> Tensor:
        """One row for all sites, or one for each."""
        rows = torch.stack([self._row(size, max(self._sizes())) for size in self._sizes()])
        return rows[0] if isinstance(self.states, int) else rows

    def _sizes(self) -> tuple[int, ...]:
        return (self.states,) if isinstance(self.states, int) else self.states

    @staticmethod
    @abstractmethod
    def _row(size: int, states: int) -> Tensor: ...


class UniformRates(_Sized):
    """Draws a site anew from all its states.

    Args:
        states: how many a site has; one number per site where they differ.

    >>> UniformRates((2, 4)).stationary
    tensor([[0.5000, 0.5000, 0.0000, 0.0000],
            [0.2500, 0.2500, 0.2500, 0.2500]], dtype=torch.float64)
    """

    @staticmethod
    def _row(size: int, states: int) -> Tensor:
        return (torch.arange(states) < size).double() / size


class Absorbing(_Sized):
    """Replaces a site by a mask, its last state, which data is never in and noise never leaves.

    Args:
        states: how many a site has, the mask included; one number per site where they differ.

    >>> Absorbing(3).row(torch.tensor([0, 2]), torch.tensor(0.6931))
    tensor([[0.5000, 0.0000, 0.5000],
            [0.0000, 0.0000, 1.0000]])
    """

    @cached_property
    def data(self) -> Tensor:
        """All states of a site but its last one."""
        below = torch.stack([torch.arange(max(self._sizes())) < size - 1 for size in self._sizes()])
        return below[0] if isinstance(self.states, int) else below

    @staticmethod
    def _row(size: int, states: int) -> Tensor:
        return (torch.arange(states) == size - 1).double()
