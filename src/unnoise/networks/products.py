"""Products of the numbers of a condition, which a network would be slow to learn."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unnoise._checks import instance, whole
from unnoise.networks.embedding import MOST_WIDTH


class Products(nn.Module):
    r"""A network that is also given $\mathrm{asinh}(c_i)\,\mathrm{asinh}(c_j)$, $i \le j$, of its condition c.

    Second moments are often what suffices, as of points whose variance is asked; asinh tames long tails.

    Args:
        network: built for as many conditions as `features` says.
        cond_features: numbers per condition.

    >>> from unnoise.networks import MLP
    >>> Products(MLP((3,), Products.features(2), width=8), 2)(torch.zeros(4, 3), torch.zeros(4), torch.ones(4, 2)).shape
    torch.Size([4, 3])
    """

    first: Tensor
    second: Tensor

    def __init__(self, network: nn.Module, cond_features: int) -> None:
        instance(nn.Module, network=network)
        whole(least=1, most=MOST_WIDTH, cond_features=cond_features)
        super().__init__()
        self.network = network
        first, second = torch.triu_indices(cond_features, cond_features)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)

    @staticmethod
    def features(cond_features: int) -> int:
        """How many numbers the network is given: the condition, and the products.

        >>> Products.features(2)
        5
        """
        return cond_features + cond_features * (cond_features + 1) // 2

    def forward(self, x: Tensor, level: Tensor, cond: Tensor | None = None) -> Tensor:
        """As the network, with conditions (n, cond_features)."""
        if cond is not None:
            tamed = torch.asinh(cond)
            cond = torch.cat([cond, tamed[:, self.first] * tamed[:, self.second]], 1)
        out: Tensor = self.network(x, level, cond)
        return out
