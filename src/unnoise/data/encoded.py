"""Encoded data: coordinates, cells of integers, conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.denoisers.base import Denoiser
from unnoise.objectives.dequantisation import Dequantisation
from unnoise.training.dataset import digest


@dataclass(frozen=True, eq=False)
class Encoded:
    """Coordinates of n rows, whose batches have fresh dequantisation noise.

    Args:
        x: states; an integer is the lower edge of its cell.
        jitter: the cell width of every element of a state, 0 for real numbers; None for a leaf or a state without
            integers.
        cond: features of the conditions, (n, c) float32.
        known: where the data say what x is, a tree like x of (n, *cells) bool, and elsewhere x is any state; None if
            they say all.
        detail: the log density of values given x, a tree like x of (n, *cells), or None for a leaf; None if x says all.

    >>> data = Encoded(torch.zeros(4, 2), torch.tensor([0.0, 1.0]), None)
    >>> x, cond = data.batch(torch.tensor([0, 2]), torch.Generator().manual_seed(0))
    >>> x[:, 0], bool((x[:, 1] > 0).all()), cond
    (tensor([0., 0.]), True, None)
    """

    x: Any
    jitter: Any
    cond: Tensor | None
    known: Any = None
    detail: Any = None

    def __len__(self) -> int:
        return _tree.length(self.x)

    def digest(self) -> str:
        """Of every number of the data."""
        parts = (self.x, self.jitter, self.cond)
        return digest(*parts) if self.known is None else digest(*parts, self.known)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """The rows, integers uniform in their cells, and their conditions."""
        return self.rows(indices).all(rng)

    def rows(self, indices: Tensor) -> Self:
        """The rows at `indices`."""
        cond = None if self.cond is None else self.cond[indices]
        detail = _tree.map(lambda leaf: None if leaf is None else leaf[indices], self.detail)
        return type(self)(
            _tree.map(lambda leaf: leaf[indices], self.x), self.jitter, cond, self.known_at(indices), detail
        )

    def without(self, out: Tensor) -> Self:
        """All rows but those at the rising indices `out`."""
        kept = torch.ones(len(self), dtype=torch.bool)
        kept[out] = False
        return self.rows(kept.nonzero().flatten())

    def known_at(self, indices: Tensor) -> Any:
        """Where the rows at `indices` say what x is; None for everywhere."""
        return None if self.known is None else _tree.map(lambda leaf: leaf[indices], self.known)

    def all(self, rng: torch.Generator) -> tuple[Any, Tensor | None]:
        """All rows in order, as one batch."""
        if self.jitter is None:
            return self.x, self.cond
        return _tree.map(lambda leaf, width: _dequantised(leaf, width, rng), self.x, self.jitter), self.cond

    def to(self, device: torch.device | str) -> Self:
        """The same data on another device."""
        cond = None if self.cond is None else self.cond.to(device)
        jitter = _tree.map(lambda width: None if width is None else width.to(device), self.jitter)
        known = None if self.known is None else _tree.map(lambda leaf: leaf.to(device), self.known)
        detail = _tree.map(lambda leaf: None if leaf is None else leaf.to(device), self.detail)
        return type(self)(_tree.map(lambda leaf: leaf.to(device), self.x), jitter, cond, known, detail)

    def log_detail(self, of: Any = None) -> Tensor:
        """The log density of the values of each row given x, (n,) float64; of some cells, a tree of masks, or all."""
        total = torch.zeros(len(self), dtype=torch.float64, device=_tree.first(self.x).device)
        details = dict(_tree.leaves(self.detail))
        chosen = {} if of is None else dict(_tree.leaves(of))
        for name, detail in details.items():
            if detail is not None:
                kept = torch.where(chosen[name], detail, 0.0) if chosen else detail
                total = total + kept.flatten(1).sum(1)
        return total


@dataclass(frozen=True, eq=False)
class EncodedCells(Dequantisation):
    """Uniform dequantisation: a point in the cell of each row, whose density is 1 in units of the cell.

    The volume of cells is in `Schema.log_volume`, so likelihoods stay in nats in the units of the data.

    Args:
        jitter: the width of the cell of every number, as that of `Encoded`.
        name: for reports.
    """

    jitter: Any
    name: str = "uniform dequantisation"

    def draw(self, denoiser: Denoiser, x_0: Any, rng: torch.Generator) -> tuple[Any, Tensor]:
        """A point in each row's cell, and log weights 0."""
        device = _tree.first(x_0).device
        points, _ = Encoded(x_0, self.jitter, None).to(device).all(rng)
        return points, torch.zeros(_tree.length(x_0), device=device)


def _dequantised(x: Tensor, width: Tensor | None, rng: torch.Generator) -> Tensor:
    if width is None:
        return x
    uniform = torch.rand(x.shape, generator=rng, device=rng.device, dtype=x.dtype)
    return torch.addcmul(x, width, uniform.to(x.device))
