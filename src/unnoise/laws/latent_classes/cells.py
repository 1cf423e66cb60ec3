"""All cells of a row side by side, and back into the tree that they stand in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise import _tree


def side_by_side(tree: Any) -> Tensor:
    """The numbers of all cells, of a tree of tensors (*cells)."""
    return torch.cat([leaf.flatten() for _, leaf in _tree.leaves(tree)])


def of_cells(numbers: Tensor, like: Any) -> Any:
    """Undo it."""
    parts = iter(torch.split(numbers, [leaf.numel() for _, leaf in _tree.leaves(like)]))
    return _tree.map(lambda leaf: next(parts).reshape(leaf.shape), like)


def each_alone(base: Any) -> Any:
    """A number for every cell."""
    like = _tree.map(lambda part: torch.zeros(part.cells), base)
    return of_cells(torch.arange(len(side_by_side(like))), like)


def which(cells: Any) -> tuple[bool, ...]:
    """Which cells these are."""
    return tuple(side_by_side(cells).tolist())


def put(parts: Any, cells: Any, own: Any) -> Any:
    """The components with those that `only` took for the cells of a mask."""
    if isinstance(parts, dict):
        return {name: put(part, cells[name], own[name]) if name in own else part for name, part in parts.items()}
    return parts.put(cells, own)
