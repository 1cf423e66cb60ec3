"""How a network reads a noisy state, and how its unconstrained output becomes the statistic.

Backbones know nothing of diffusion: a head gives them `inputs` of order one, and its `estimate` makes any output a
legal statistic, near the right one at zero. It is made for one process, as in `heads.Eps(process)`; by default
`process.head`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import shown
from unnoise._errors import InputError
from unnoise._tree import S
from unnoise.spaces import Space


class Head(ABC, Generic[S]):
    """What a backbone sees of the states of one process, and what its output stands for.

    A network $F$ maps `inputs(x_t, t)`, (n, *input_shape), to (n, *output_shape), and `estimate(F, x_t, t)` makes of
    any output a legal statistic, laid out as the states. One of your own states `input_shape`, `inputs` and `estimate`.

    >>> from dataclasses import dataclass
    >>> from unnoise.processes import Gaussian, edm
    >>> from unnoise.spaces import Euclidean
    >>> @dataclass(frozen=True)
    ... class Positive(Head):  # data that are never negative
    ...     process: Gaussian
    ...     @property
    ...     def input_shape(self):
    ...         return self.process.space.event_shape
    ...     def inputs(self, x_t, t):
    ...         return x_t / torch.hypot(*self.process.alpha_sigma(t))
    ...     def estimate(self, output, x_t, t):
    ...         return torch.nn.functional.softplus(output)
    >>> Positive(edm(Euclidean(1))).estimate(torch.zeros(1, 1), torch.ones(1, 1), torch.tensor(0.5))
    tensor([[0.6931]])
    """

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Of one network input: (features,), (channels, sites) or (channels, height, width)."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of one network output, laid out as the input, and by default the same."""
        return self.input_shape

    @property
    def timeless(self) -> bool:
        """Whether a state says by itself which of its cells are noise, so that no time and no roles need be told."""
        return False

    @abstractmethod
    def inputs(self, x_t: S, t: Tensor) -> Tensor:
        """Numbers of order one that describe x_t, (n, *input_shape)."""

    def faded(self, x_t: S, t: Tensor) -> Tensor:
        """The inputs, but the noisier a cell the fainter, as its own mean of x_0; here the inputs themselves.

        Where cells have times of their own a network need not learn which of them to look past.
        """
        return self.inputs(x_t, t)

    def margins(self, x_0: S, weights: S) -> Tensor:
        """The output, (*output_shape), for which `estimate` knows how often each cell has which state, and no more.

        A network whose output begins there learns sooner what is rare. Here zeros, where nothing better is known.

        Args:
            x_0: data, (n, *event).
            weights: how much each cell of each row counts, (n, *cells).
        """
        return torch.zeros(self.output_shape)

    @abstractmethod
    def estimate(self, output: Tensor, x_t: S, t: Tensor) -> S:
        """The statistic that an output (n, *output_shape) stands for."""

    def at(self, x_t: S, t: Tensor) -> HeadAt[S]:
        """The head at the times t of these states, () or (n,), which it reads and then answers.

        What both take of the time may be computed once: here it is not.
        """
        return HeadAt(self, t)

    def at_each(self, times: Tensor, like: S) -> Sequence[HeadAt[S]]:
        """The head at each of these times, (k,), for states like this one.

        What depends on time alone may be computed once for all: here it is not.
        """
        return [HeadAt(self, t) for t in times.unbind()]

    def at_site(self, output: Tensor, x_t: S, t: Tensor, site: Tensor) -> S:
        """`estimate` at one site of every row, (n,), counted through all factors.

        Returns:
            (n, S) for a process on a finite space; of a product a tree of the factors' numbers, each for the rows whose
            site it has.
        """
        found: S = _tree.at_site(self.estimate(output, x_t, t), site)
        return found


@dataclass(frozen=True)
class HeadAt(Generic[S]):
    """A head at one time, or at one of every row."""

    head: Head[S]
    t: Tensor

    def inputs(self, x_t: S) -> Tensor:
        """As of the head."""
        return self.head.inputs(x_t, self.t)

    def estimate(self, output: Tensor, x_t: S) -> S:
        """As of the head."""
        return self.head.estimate(output, x_t, self.t)


class _OnSpace(Protocol):
    @property
    def space(self) -> Space[Any, Any]: ...


@dataclass(frozen=True)
class ProcessHead(Head[Tensor]):
    """A head of a process whose states are tensors.

    Raises:
        InputError: the process is not of the kind that the head reads, such as a head of Gaussian noise for jumps.

    >>> from unnoise import heads, processes, spaces
    >>> heads.Eps(processes.Brownian(spaces.Torus(1)))
    Traceback (most recent call last):
    unnoise._errors.InputError: the head Eps reads the states of a process with x_t = alpha x_0 + sigma noise, not ...
    """

    needs: ClassVar[type]  # a protocol of processes
    on: ClassVar[type]  # the kind of space
    trait: ClassVar[str]  # what processes of this kind are, as a clause after "a process"

    process: _OnSpace

    def __post_init__(self) -> None:
        fits = isinstance(self.process, self.needs) and not isinstance(self.process, type)
        if not (fits and isinstance(self.process.space, self.on)):
            head, process = type(self).__name__, type(self.process).__name__
            process = shown(self.process) if isinstance(self.process, type) else process
            reads = f"the head {head} reads the states of a process {self.trait}, not of {process}"
            raise InputError(f"{reads}: leave the head out for the process's own")
