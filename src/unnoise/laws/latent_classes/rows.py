"""Rows of which some cells are not known, each with a weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse
from unnoise.laws.components import Components
from unnoise.laws.product_mixture import only


@dataclass(frozen=True)
class WeightedRows:
    """Weighted rows, of which some cells may be unknown.

    Args:
        x: points, (n, *event).
        known: a tree like x of bool tensors (n, *cells).
        weights: (n,), non-negative.

    >>> rows = WeightedRows(torch.zeros(3, 2), torch.ones(3, 2).bool(), torch.ones(3))
    >>> len(rows), rows.numbers, len(rows.followed_by(rows.at(slice(1))))
    (3, 6, 4)
    """

    x: Any
    known: Any
    weights: Tensor

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def numbers(self) -> int:
        """Of cells in all rows."""
        return len(self) * _tree.numel_per_row(self.x)

    def only(self, cells: Any) -> WeightedRows:
        """With the cells of a mask alone, side by side."""
        return WeightedRows(only(self.x, cells), only(self.known, cells), self.weights)

    def followed_by(self, other: WeightedRows) -> WeightedRows:
        """These, and after them others."""
        x, known = (
            _tree.map(lambda *of: torch.cat(of), *pair) for pair in ((self.x, other.x), (self.known, other.known))
        )
        return WeightedRows(x, known, torch.cat([self.weights, other.weights]))

    def at(self, rows: Tensor | slice) -> WeightedRows:
        """Some of them."""
        x, known = (_tree.map(lambda leaf: leaf[rows], tree) for tree in (self.x, self.known))
        return WeightedRows(x, known, self.weights[rows])


def checked(base: Any, x: Any, known: Any, weights: Any) -> WeightedRows:
    """The rows, or an InputError."""
    for _, part in _tree.leaves(base):
        if not isinstance(part, Components) or len(part) != 1:
            refuse("base", base, "laws.Components of one law, or a dict of them")
    points = dict(_tree.leaves(x))
    n = len(first) if isinstance(first := next(iter(points.values()), None), Tensor) and first.ndim else 0
    shapes = {path: (n, *part.cells) for path, part in _tree.leaves(base)}
    check_leaves("x", x, shapes, "one row or more of points")
    if known is None:
        known = _tree.map(lambda leaf: torch.ones_like(leaf, dtype=torch.bool), x)
    check_leaves("known", known, shapes, "bool masks", torch.bool)
    if weights is None:
        weights = torch.ones(n, device=_tree.first(x).device)
    if not isinstance(weights, Tensor) or weights.shape != (n,) or not (weights >= 0).all() or not weights.sum() > 0:
        refuse("weights", weights, f"{n} non-negative numbers, one for each row, of any sum but 0")
    return WeightedRows(x, known, weights)


def check_leaves(
    name: str, tree: Any, shapes: dict[str, tuple[int, ...]], what: str, dtype: torch.dtype | None = None
) -> None:
    """Raise InputError unless a tree has tensors of these shapes."""
    found = dict(_tree.leaves(tree))
    fits = found.keys() == shapes.keys() and 0 not in (shape[0] for shape in shapes.values())
    for path, leaf in found.items():
        is_fine = isinstance(leaf, Tensor) and tuple(leaf.shape) == shapes.get(path) and dtype in (None, leaf.dtype)
        fits = fits and is_fine
    if not fits:
        refuse(name, tree, f"{what} with the names and cells of the base: {_shapes(shapes)}")


def _shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{path or 'shape'} {shape}" for path, shape in list(shapes.items())[:4])
