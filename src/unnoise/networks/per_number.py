"""A small network that sees one number at a time, beside one that sees all."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from unnoise._checks import instance, whole
from unnoise.networks.embedding import MOST_WIDTH, Embedding, check_inputs, zeroed

LEVELS = 32  # width of the embedding of levels


class PerNumber(nn.Module):
    r"""$F_i(x, c) + f(x_i, a_i \cdot c, e_i)$, with one small f for all numbers i.

    Where every number has a law of its own given the condition, as parameters between bounds, f sees as many examples
    as there are numbers in all rows; F would need many more rows to find the same.

    Args:
        network: F, from inputs that are one block after the other of `numbers` to as many outputs.
        features: how many blocks there are.
        numbers: how many numbers.
        cond_features: numbers per condition.
        width: of f.

    >>> from unnoise.networks import MLP
    >>> network = PerNumber(MLP((6,), 2, (3,), width=8), features=2, numbers=3, cond_features=2)
    >>> network(torch.zeros(5, 6), torch.zeros(5), torch.ones(5, 2)).shape
    torch.Size([5, 3])
    """

    def __init__(self, network: nn.Module, features: int, numbers: int, cond_features: int, width: int = 64) -> None:
        instance(nn.Module, network=network)
        whole(least=1, most=MOST_WIDTH, features=features, numbers=numbers, cond_features=cond_features, width=width)
        super().__init__()
        self.network = network
        self.shape = (features, numbers)
        self.reading = nn.Linear(cond_features, numbers)
        self.level = Embedding(LEVELS)
        self.first = nn.Linear(features + 1 + LEVELS, width)
        self.names = nn.Parameter(torch.zeros(numbers, width))
        self.second = nn.Linear(width, width)
        self.last = zeroed(nn.Linear(width, 1))

    def forward(self, x: Tensor, level: Tensor, cond: Tensor) -> Tensor:
        """From x (n, features * numbers), level () or (n,), cond (n, cond_features) or one row of it."""
        check_inputs(x, level, cond, (math.prod(self.shape),), self.first.weight, reshapes=True)
        seen = x.reshape(len(x), *self.shape).mT
        read = self.reading(cond)[..., None].expand(len(x), -1, 1)
        levels = self.level(level)[:, None].expand(len(x), self.shape[1], -1)
        hidden = nn.functional.silu(self.first(torch.cat([seen, read, levels], -1)) + self.names)
        alone: Tensor = self.last(nn.functional.silu(self.second(hidden)))[..., 0]
        out: Tensor = self.network(x, level, cond)
        return out + alone
