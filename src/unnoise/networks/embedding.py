"""How a scalar noise level and a condition enter a network."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

from unnoise._errors import InputError

Shape = tuple[int, ...]
L = TypeVar("L", nn.Linear, nn.Conv2d)


def zeroed(layer: L) -> L:
    """The layer, whose output starts at zero."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class Embedding(nn.Module):
    """(level, cond) -> (n, width): waves of the level and a linear map of the condition, through an MLP.

    Args:
        width: of the embedding.
        cond_features: numbers per condition; 0 for none.
        frequencies: how many angular frequencies, log-spaced from 1 to `highest`.

    >>> Embedding(8, cond_features=2)(torch.zeros(3), torch.zeros(3, 2)).shape
    torch.Size([3, 8])
    """

    frequencies: Tensor

    def __init__(self, width: int, cond_features: int = 0, frequencies: int = 16, highest: float = 64.0) -> None:
        super().__init__()
        octaves = torch.linspace(0, math.log(highest), frequencies).exp()
        self.register_buffer("frequencies", octaves, persistent=False)
        self.level = nn.Linear(2 * frequencies, width)
        self.cond = nn.Linear(cond_features, width) if cond_features else None
        self.out = nn.Linear(width, width)

    def forward(self, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """Levels () or (n,); a scalar level without condition gives one row, which broadcasts."""
        expected, got = 0 if self.cond is None else self.cond.in_features, 0 if cond is None else cond.shape[-1]
        if got != expected:
            built = f"a network that was built with cond_features={expected}"
            raise InputError(f"got conditions of {got} numbers for {built}; build it with as many, 0 for none")
        angles = level.reshape(-1, 1) * self.frequencies
        hidden = self.level(torch.cat([angles.sin(), angles.cos()], -1))
        if self.cond is not None:
            hidden = hidden + self.cond(cond)
        embedded: Tensor = self.out(nn.functional.silu(hidden))
        return embedded
