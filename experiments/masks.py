"""Which pixels of a picture are missing: those that are asked for, and random ones to learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

SIDE = 28
HOLE = slice(7, 21)  # rows and columns of the centre


def asked(rng: torch.Generator) -> dict[str, Tensor]:
    """The masks that are shown and measured, (28, 28), True where a pixel is missing."""
    row, column = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    return {
        "centre": centre(),
        "lower half": row >= SIDE // 2,
        "right half": column >= SIDE // 2,
        "random pixels": torch.rand(SIDE, SIDE, generator=rng) < 0.75,
        "rows": row % 4 != 0,
    }


def centre() -> Tensor:
    """The middle 14 x 14 pixels."""
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[HOLE, HOLE] = True
    return mask


def drawn(n: int, rng: torch.Generator) -> Tensor:
    """Random masks, (n, 28, 28): every second the centre; else halves, pixels, rows or columns, and boxes.

    At least 140 pixels are missing.
    """
    kinds = torch.stack([centre().expand(n, -1, -1), _halves(n, rng), _pixels(n, rng), _lines(n, rng), _boxes(n, rng)])
    lots = torch.multinomial(torch.tensor([0.5, 0.15, 0.125, 0.125, 0.1]), n, replacement=True, generator=rng)
    chosen = kinds[lots, torch.arange(n)]
    turned = torch.rand(n, 1, 1, generator=rng) < 0.5
    return torch.where(turned, chosen.mT, chosen)


def _halves(n: int, rng: torch.Generator) -> Tensor:
    """The upper or the lower part, of 10 to 18 rows."""
    size = torch.randint(10, 19, (n, 1, 1), generator=rng)
    lower = torch.rand(n, 1, 1, generator=rng) < 0.5
    row = torch.arange(SIDE)[:, None].expand(n, SIDE, SIDE)
    return torch.where(lower, row >= SIDE - size, row < size)


def _pixels(n: int, rng: torch.Generator) -> Tensor:
    """Each by itself, with a probability of its picture."""
    share = 0.3 + 0.6 * torch.rand(n, 1, 1, generator=rng)
    return torch.rand(n, SIDE, SIDE, generator=rng) < share


def _lines(n: int, rng: torch.Generator) -> Tensor:
    """All rows but every second, third, fourth or fifth."""
    period, first = torch.randint(2, 6, (n, 1, 1), generator=rng), torch.randint(5, (n, 1, 1), generator=rng)
    row = torch.arange(SIDE)[:, None].expand(n, SIDE, SIDE)
    return (row + first) % period != 0


def _boxes(n: int, rng: torch.Generator) -> Tensor:
    """Of 12 to 20 rows and columns, anywhere."""
    inside = []
    for _ in range(2):
        size = torch.randint(12, 21, (n, 1), generator=rng)
        start = (torch.rand(n, 1, generator=rng) * (SIDE + 1 - size)).long()
        place = torch.arange(SIDE)
        inside.append((place >= start) & (place < start + size))
    return inside[0][:, :, None] & inside[1][:, None, :]


@dataclass(frozen=True, eq=False)
class Holed:
    """Pictures with a random mask each, some without their label.

    Attributes:
        pictures: bytes, (n, 28, 28).
        labels: (n,).
        states: the same as points of a process, (n, 784).
        untold: the share of pictures whose label is not told.
    """

    pictures: Tensor
    labels: Tensor
    states: Tensor
    untold: float = 0.3

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, indices: Tensor, rng: torch.Generator) -> tuple[Tensor, Any]:
        """Points and conditions."""
        told = torch.rand(len(indices), generator=rng) >= self.untold
        label = torch.where(told, self.labels[indices], -1)
        cond = {"picture": self.pictures[indices], "missing": drawn(len(indices), rng), "label": label}
        return self.states[indices], cond
