"""A head whose network is told which cells are given and which are unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, refuse
from unnoise._errors import InputError
from unnoise.heads.base import Head

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Told(Head[Any]):
    """The network sees what its head shows, and two marks of every cell: one where it is given, one where unknown.

    It is shown `Head.faded`, in which a cell is the fainter the noisier it is: of inputs of one size a network has to
    learn from the time which to look past, and then looks past given cells, too.

    Where all is asked all marks are zero.

    Args:
        head: of one process, or of a product.
        cells: the shape of the cells, or a dict of those of the factors.

    >>> from unnoise import heads, processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean((1, 8, 8)))
    >>> Told(heads.V(process), process.cells).input_shape  # the image, and its marks
    (3, 8, 8)
    """

    head: Head[Any]
    cells: Any

    def __post_init__(self) -> None:
        instance(Head, head=self.head)
        for _, cells in _tree.leaves(self.cells):
            if not isinstance(cells, tuple) or not all(isinstance(size, int) and size > 0 for size in cells):
                refuse("cells", self.cells, "the shape of the cells, as process.cells, or a dict of those of factors")
        if self._count % math.prod(self.head.input_shape[1:]):
            got = f"{self._count} cells for a network that reads {self.head.input_shape}"
            raise InputError(f"got {got}; expected as many for every place: leave the roles out")

    @property
    def _count(self) -> int:
        return sum(math.prod(cells) for _, cells in _tree.leaves(self.cells))

    @property
    def input_shape(self) -> Shape:
        """With twice as many channels more as cells lie at one place."""
        first, *places = self.head.input_shape
        return (first + 2 * self._count // math.prod(places), *places)

    @property
    def output_shape(self) -> Shape:
        """That of the head."""
        return self.head.output_shape

    def inputs(self, x_t: Any, t: Any, asked: Any = None, given: Any = None) -> Tensor:
        """What the head shows, and the marks.

        Args:
            x_t: points.
            t: times, () or (n,), or a tree of those of every cell.
            asked: a tree of masks, (n, *cells); None where all is asked.
            given: the same.
        """
        seen = self.head.faded(x_t, t)
        if not seen.is_floating_point():
            raise InputError(
                f"the head {type(self.head).__name__} shows whole numbers, beside which no roles can stand"
            )
        places = self.head.input_shape[1:]
        if asked is None:
            return torch.cat([seen, seen.new_zeros(seen.shape[0], 2 * self._count // math.prod(places), *places)], 1)
        unknown = _tree.map(lambda a, g: ~(a | g), asked, given)
        marks = [_tree.ravel(tree).reshape(len(seen), -1, *places).to(seen) for tree in (given, unknown)]
        return torch.cat([seen, *marks], 1)

    def estimate(self, output: Tensor, x_t: Any, t: Tensor) -> Any:
        """The head's."""
        return self.head.estimate(output, x_t, t)

    def margins(self, x_0: Any, weights: Any) -> Tensor:
        """The head's."""
        return self.head.margins(x_0, weights)

    def at_site(self, output: Tensor, x_t: Any, t: Tensor, site: Tensor) -> Any:
        """The head's."""
        return self.head.at_site(output, x_t, t, site)


class _Cells(Protocol):
    @property
    def head(self) -> Head[Any]: ...
    @property
    def cells(self) -> Shape: ...


def told(process: _Cells, head: Callable[[Any], Head[Any]] | None = None) -> Told:
    """`Told` for a process, with a head or its own.

    >>> from functools import partial
    >>> from unnoise import heads, processes, spaces
    >>> process = processes.variance_preserving(spaces.Euclidean(3))
    >>> partial(told, head=heads.Eps)(process).input_shape
    (9,)
    """
    if not hasattr(process, "cells") or isinstance(process, type):
        refuse("process", process, "a process")
    if head is not None and not (issubclass(head, Head) if isinstance(head, type) else callable(head)):
        refuse("head", head, "a class or function that makes a head of a process, as heads.V")
    return Told(process.head if head is None else head(process), _cells_of(process))


def _cells_of(process: Any) -> Any:
    parts = getattr(process, "parts", None)
    if isinstance(parts, Mapping):
        return {name: _cells_of(part) for name, part in parts.items()}
    return process.cells
