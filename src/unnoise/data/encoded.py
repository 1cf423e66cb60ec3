"""Data as a model sees it: coordinates, and the cells of integers. Training draws its batches here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Encoded:
    """Coordinates of n data points, from which batches are drawn with fresh dequantisation noise.

    Args:
        x: (n, *event) float32; for an integer the lower edge of its cell.
        jitter: (*event) the width of the cell of every element, 0 for real numbers; None if all are real.
        cond: (n, c) float32, the features of the conditions; None if there are none.

    >>> data = Encoded(torch.zeros(4, 2), torch.tensor([0.0, 1.0]), None)
    >>> x, cond = data.batch(torch.tensor([0, 2]), torch.Generator().manual_seed(0))
    >>> x[:, 0], bool((x[:, 1] > 0).all()), cond
    (tensor([0., 0.]), True, None)
    """

    x: Tensor
    jitter: Tensor | None
    cond: Tensor | None

    def __len__(self) -> int:
        return self.x.shape[0]

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """The rows at `indices`, each integer at a uniform point of its cell, and their conditions."""
        return self._dequantised(self.x[indices], rng), None if self.cond is None else self.cond[indices]

    def all(self, rng: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """All rows in their order, as one batch."""
        return self._dequantised(self.x, rng), self.cond

    def to(self, device: torch.device | str) -> Self:
        """The same data on another device."""
        jitter = None if self.jitter is None else self.jitter.to(device)
        cond = None if self.cond is None else self.cond.to(device)
        return type(self)(self.x.to(device), jitter, cond)

    def _dequantised(self, x: Tensor, rng: torch.Generator) -> Tensor:
        if self.jitter is None:
            return x
        uniform = torch.rand(x.shape, generator=rng, device=rng.device, dtype=x.dtype)
        return torch.addcmul(x, self.jitter, uniform.to(x.device))
