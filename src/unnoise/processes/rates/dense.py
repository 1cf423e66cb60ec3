"""Rates whose transitions are matrices: one for all sites of an example."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from unnoise.processes.rates.base import Rates, impossible
from unnoise.schedules import Geometric, Schedule

NUMBERS_AT_ONCE = 2**22  # of transition matrices that are held at a time
MOST_STATES = 2**14  # whose matrix takes 2 GB
STILL = 1e-4  # probability that a site has moved at t = 0, at most
FORGOTTEN = 8.0  # B at t = 1: what is left of data is about exp(-B)


class Dense(Rates):
    """A generator given as a matrix R, (S, S), in float64."""

    @property
    @abstractmethod
    def generator(self) -> Tensor:
        """The matrix R, (S, S), in float64; rows sum to zero."""

    @abstractmethod
    def transition(self, integral: Tensor) -> Tensor:
        """$P_B$ for B, (k,) in float64: (k, S, S), non-negative."""

    @property
    def schedule(self) -> Schedule:
        """From a jump now and then to the whole range of states."""
        fastest = -float(self.generator.diagonal().min())
        return Geometric(STILL / fastest, FORGOTTEN)

    def out(self, x: Tensor, rate: Tensor) -> Tensor:
        r"""Rows of $\beta R$."""
        return rate[..., None] * self.jumps.to(rate)[x]

    def into(self, x: Tensor, rate: Tensor) -> Tensor:
        r"""Columns of $\beta R$."""
        return rate[..., None] * self.jumps.to(rate).T.contiguous()[x]

    def row(self, x: Tensor, integral: Tensor) -> Tensor:
        """Rows of $P_B$."""
        return self._looked_up(x, integral, lambda matrices: matrices)

    def column(self, x: Tensor, integral: Tensor) -> Tensor:
        """Columns of $P_B$."""
        return self._looked_up(x, integral, lambda matrices: matrices.mT)

    def push(self, v: Tensor, integral: Tensor) -> Tensor:
        """Products with $P_B$."""
        rows = v.reshape(integral.numel(), -1, v.shape[-1])
        pushed = [rows[some] @ matrices.to(v) for some, matrices in self._groups(integral)]
        return _joined(pushed).reshape(v.shape)

    def undone(self, x: Tensor, rate: Tensor, integral: Tensor, *stats: Tensor) -> tuple[Tensor, ...]:
        """As for all rates; one transition serves all of it."""
        shape, count = stats[0].shape, integral.numel()
        states, speeds = x.expand(shape[:-1]).reshape(count, -1), rate.reshape(count, 1, 1)
        laws = [stat.reshape(count, -1, shape[-1]) for stat in stats]
        parts = [
            self.undo(matrices, states[some], speeds[some], [law[some] for law in laws])
            for some, matrices in self._groups(integral)
        ]
        return tuple(_joined(part).reshape(shape) for part in zip(*parts, strict=True))

    def undo(self, matrices: Tensor, x: Tensor, speed: Tensor, stats: Sequence[Tensor]) -> list[Tensor]:
        """Reverse rates for transitions (k, S, S), states (k, m), rates (k, 1, 1), laws (k, m, S)."""
        columns, like = matrices.mT, stats[0]
        odds = torch.where(columns > impossible(like.dtype), 1 / columns, 0.0).to(like)
        into = look_up((speed.double() * self.jumps.to(speed.device).T).to(like), x)
        onward = matrices.to(like)
        return [(look_up(odds, x).mul_(stat) @ onward).mul_(into) for stat in stats]

    @cached_property
    def jumps(self) -> Tensor:
        """The matrix R without its diagonal."""
        return self.generator - torch.diag(self.generator.diagonal())

    def _looked_up(self, x: Tensor, integral: Tensor, rows: Callable[[Tensor], Tensor]) -> Tensor:
        x, _ = torch.broadcast_tensors(x, integral)  # type: ignore[no-untyped-call]
        axes = range(x.ndim)
        sizes = (1,) * (x.ndim - integral.ndim) + integral.shape
        order = sorted(axes, key=lambda axis: sizes[axis] == 1)  # those along which B differs first
        states = x.permute(order)
        shape, states = states.shape, states.reshape(integral.numel(), -1)
        found = [look_up(rows(matrices).to(integral), states[some]) for some, matrices in self._groups(integral)]
        return _joined(found).reshape(*shape, -1).movedim(tuple(axes), tuple(order))

    def _groups(self, integral: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Which of the B, and their matrices in float64, in groups that bound memory."""
        times, size = integral.flatten().double(), max(1, NUMBERS_AT_ONCE // self.generator.numel())
        for start in range(0, len(times), size):
            some = slice(start, start + size)
            yield some, self.transition(times[some])


def look_up(tables: Tensor, x: Tensor) -> Tensor:
    """Row x of each table, (k, S, n) at (k, m) to (k, m, n).

    >>> look_up(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), torch.tensor([[1]]))
    tensor([[[3., 4.]]])
    """
    count, states, width = tables.shape
    first = states * torch.arange(count, device=x.device)[:, None]
    return torch.nn.functional.embedding(x + first, tables.reshape(count * states, width))


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
