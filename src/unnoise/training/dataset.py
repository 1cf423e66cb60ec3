"""Where training examples come from, and in which order.

The order is a pure function of seed and step, so a resumed training sees the same examples. A round is one permutation
of all examples, or several for small data, so that a batch may be larger than the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, refuse
from unnoise._errors import InputError
from unnoise.denoisers import conditions
from unnoise.training.scattering import ROUNDS, scattered

STREAM = 2**16  # indices of a stream, which mean nothing
MOST_DEALT = 2**24  # examples of a round that is held in memory, 128 MiB
ROUND = 16384  # examples per round of small data: one draw serves many steps


@runtime_checkable
class Dataset(Protocol):
    """What training draws from: as many examples as its length, and batches of those at given places.

    `Arrays` holds tensors, `Stream` draws anew. One of your own states `__len__` and `batch`:

    >>> class Squares:
    ...     def __len__(self):
    ...         return 10
    ...     def batch(self, indices, rng):
    ...         return indices[:, None].float() ** 2, None
    >>> isinstance(Squares(), Dataset)
    True
    """

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """The states x_0 and the conditions of the examples at these indices (int64, on the CPU), on any device.

        Dequantisation may use `rng`, which lives on the training device.
        """
        ...


@dataclass(frozen=True, eq=False)
class Arrays:
    """Examples in memory.

    Args:
        states: (n, *event), or a nested dict of such tensors.
        cond: conditions, (n, c); None without.

    Raises:
        InputError: factors or conditions have other numbers of rows, or a condition holds NaN or infinity.

    >>> Arrays(torch.zeros(5, 2), torch.zeros(6, 1))
    Traceback (most recent call last):
    unnoise._errors.InputError: got conditions of shape (6, 1) for 5 examples; expected a tensor with one row for each
    """

    states: Any
    cond: Tensor | None = None

    def __post_init__(self) -> None:
        for name, leaf in _tree.leaves(self.states):
            if not isinstance(leaf, Tensor) or not leaf.ndim:
                refuse(f"states[{name!r}]" if name else "states", leaf, "a tensor of points, (n, *event)")
        lengths = {name: len(leaf) for name, leaf in _tree.leaves(self.states)}
        if len(set(lengths.values())) != 1:
            raise InputError(f"got states of other numbers of rows, {lengths}; expected as many of each factor")
        instance(Tensor, or_none=True, cond=self.cond)
        conditions.check_each(self.cond, len(self))
        if self.cond is not None and not self.cond.isfinite().all():
            row = int((~self.cond.isfinite()).reshape(len(self), -1).any(1).nonzero()[0])
            raise InputError(f"got a condition that holds NaN or infinity in row {row}; remove or fill such rows")

    def __len__(self) -> int:
        return _tree.length(self.states)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """The examples at these indices."""
        cond = None if self.cond is None else self.cond[indices]
        return _tree.map(lambda leaf: leaf[indices], self.states), cond

    def digest(self) -> str:
        """The fingerprint of all numbers."""
        return digest(self.states, self.cond)


@dataclass(frozen=True)
class Stream:
    """Examples drawn anew for every batch, so that none is seen twice.

    Args:
        draw: (n, generator) -> n states, (n, *event) or a dict of them, else InputError.

    >>> stream = Stream(lambda n, rng: torch.rand(n, 2, generator=rng))
    >>> states, cond = stream.batch(torch.arange(3), torch.Generator().manual_seed(0))
    >>> states.shape, cond
    (torch.Size([3, 2]), None)
    """

    draw: Callable[[int, torch.Generator], Any]

    def __len__(self) -> int:
        return STREAM

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """As many new states as there are indices; else InputError."""
        states, n = self.draw(len(indices), rng), len(indices)
        for name, leaf in _tree.leaves(states):
            if not isinstance(leaf, Tensor) or leaf.shape[:1] != (n,):
                got = f"a tensor of shape {tuple(leaf.shape)}" if isinstance(leaf, Tensor) else type(leaf).__name__
                where = f" in {name!r}" if name else ""
                raise InputError(
                    f"got {got}{where} from the function that draws states; expected a tensor of {n} states"
                )
        return states, None


@runtime_checkable
class Digested(Protocol):
    """Data with a fingerprint, so that a training resumes with its own."""

    def digest(self) -> str:
        """The `digest` of all that batches are made of."""
        ...


def digest(*trees: Any) -> str:
    """A fingerprint of tensors, trees of them or None: numbers, types, names and shapes.

    >>> x = torch.zeros(2, 3)
    >>> digest(x) == digest(torch.zeros(2, 3)) != digest(torch.zeros(3, 2)) != digest(x + 1e-30)
    True
    """
    bits = hashlib.blake2b(digest_size=16)
    for number, tree in enumerate(trees):
        for name, leaf in _tree.leaves(tree):
            bits.update(repr((number, name)).encode())
            if leaf is not None:
                bits.update(repr((leaf.dtype, tuple(leaf.shape))).encode())
                bits.update(leaf.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return bits.hexdigest()


def derived_seed(*parts: int | str) -> int:
    """A 64-bit seed, a pure function of the parts, whatever type their whole numbers have."""
    plain = tuple(part if isinstance(part, str) else int(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(repr(plain).encode(), digest_size=8).digest(), "little")


class BatchOrder:
    """The indices of every batch: each example once per pass, each pass in a new order.

    With weights an example is drawn in proportion to its own, up to one draw more or less per round (systematic
    sampling), so that every mean over examples is a weighted one, without bias.

    >>> order = BatchOrder(num_examples=3, batch_size=6, seed=0)
    >>> sorted(order.indices(step=0).tolist())
    [0, 0, 1, 1, 2, 2]
    """

    def __init__(self, num_examples: int, batch_size: int, seed: int, weights: Tensor | None = None) -> None:
        if num_examples < 1:
            raise InputError("There are no examples to train on; give data with at least one row.")
        self._cumulative = None if weights is None else check_weights(weights, num_examples).cumsum(0)
        self.num_examples, self.batch_size, self.seed = num_examples, batch_size, seed
        self.passes = -(-max(batch_size, ROUND) // num_examples)
        self._cached, self._round = -1, torch.empty(0, dtype=torch.int64)

    def indices(self, step: int) -> Tensor:
        """The examples of this step's batch, (batch_size,)."""
        length = self.num_examples * self.passes  # of a round: never shorter than a batch
        number, start = divmod(step * self.batch_size, length)
        if self.num_examples > MOST_DEALT and self._cumulative is None:
            return self._scattered(number, start)
        head = self._deal(number)[start : start + self.batch_size]
        if len(head) == self.batch_size:
            return head
        return torch.cat((head, self._deal(number + 1)[: self.batch_size - len(head)]))

    def _scattered(self, number: int, start: int) -> Tensor:
        """A batch of a round of too many examples to hold, which is one pass; its end may lie in the next one."""
        first = torch.arange(start, min(start + self.batch_size, self.num_examples))
        rest = torch.arange(self.batch_size - len(first))
        return torch.cat([self._places(number, first), self._places(number + 1, rest)])

    def _places(self, number: int, places: Tensor) -> Tensor:
        keys = tuple(derived_seed(self.seed, "order", number, i) for i in range(ROUNDS))
        return scattered(places, self.num_examples, keys)

    def _deal(self, number: int) -> Tensor:
        if number != self._cached:
            rng = torch.Generator().manual_seed(derived_seed(self.seed, "order", number))
            if self._cumulative is not None:
                self._round = _systematic(self._cumulative, self.num_examples * self.passes, rng)
            elif self.passes == 1:
                self._round = torch.randperm(self.num_examples, generator=rng)
            else:
                keys = torch.rand(self.passes, self.num_examples, generator=rng, dtype=torch.float64)
                self._round = keys.argsort(dim=1).flatten()
            self._cached = number
        return self._round


def check_weights(weights: Tensor, num_examples: int) -> Tensor:
    """In float64; an InputError unless there is one for each example, none negative and not all zero."""
    found = torch.as_tensor(weights).detach().cpu().double()
    if found.shape != (num_examples,):
        raise InputError(f"got weights of shape {tuple(found.shape)}; expected one for each of {num_examples:,} rows")
    if not (found.isfinite() & (found >= 0)).all():
        row = int((~(found.isfinite() & (found >= 0))).nonzero()[0])
        raise InputError(f"got the weight {found[row]:g} in row {row}; expected finite numbers from 0")
    if not found.any():
        raise InputError("got weights that are all zero; expected at least one above 0")
    return found / found.max()


def _systematic(cumulative: Tensor, draws: int, rng: torch.Generator) -> Tensor:
    """At evenly spaced places of the cumulative weights from a random one, in a random order."""
    start = torch.rand((), generator=rng, dtype=torch.float64)
    places = (torch.arange(draws, dtype=torch.float64) + start) / draws * cumulative[-1]
    drawn = torch.searchsorted(cumulative, places, right=True).clamp(max=len(cumulative) - 1)
    return drawn[torch.randperm(draws, generator=rng)]
