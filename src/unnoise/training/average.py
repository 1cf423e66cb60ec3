"""The running average of the weights: what one samples with."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


class Average(Generic[Network]):
    r"""A copy of a network whose weights follow those of the original as an exponential moving average.

    $\bar w \leftarrow d_n \bar w + (1 - d_n) w$ with $d_n = \min(d, (1 + n) / (10 + n))$ after $n$ updates,
    so that the first steps, far from the end, are forgotten soon. Buffers are copied.

    References:
        Polyak and Juditsky, 1992, Acceleration of stochastic approximation by averaging.

    >>> network = nn.Linear(1, 1, bias=False)
    >>> average = Average(network, decay=0.999)
    >>> _ = nn.init.ones_(average.network.weight), nn.init.zeros_(network.weight)
    >>> average.update(0)
    >>> round(average.network.weight.item(), 6)
    0.1
    """

    def __init__(self, network: Network, decay: float) -> None:
        self.network: Network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self._weights: list[Tensor] = list(network.parameters())
        self._averages: list[Tensor] = list(self.network.parameters())
        self._buffers = list(network.buffers())
        self._copies = list(self.network.buffers())

    @torch.no_grad()
    def update(self, num_updates: int) -> None:
        """Move towards the weights of the original, after `num_updates` earlier updates."""
        decay = min(self.decay, (1 + num_updates) / (10 + num_updates))
        torch._foreach_lerp_(self._averages, self._weights, 1.0 - decay)
        if self._buffers:
            torch._foreach_copy_(self._copies, self._buffers)
