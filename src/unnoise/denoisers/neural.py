"""A network as a denoiser."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unnoise.denoisers.base import Denoiser
from unnoise.processes import Head, Process


class Neural(Denoiser):
    """A backbone, seen through a head: the denoiser of any process on any space.

    Args:
        process: its level tells the network how noisy a state is.
        network: forward(inputs, level, cond) -> outputs, of the shapes that the head states.
        head: what the network sees and what its output stands for; the process's own by default.

    >>> import torch
    >>> from unnoise.networks import MLP
    >>> from unnoise.processes import VariancePreserving
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Neural(VariancePreserving(Euclidean(2)), MLP((2,), width=16))
    >>> denoiser(torch.zeros(4, 2), torch.tensor(0.5)).shape
    torch.Size([4, 2])
    """

    def __init__(self, process: Process[Any], network: nn.Module, head: Head[Any] | None = None) -> None:
        super().__init__()
        self.process = process
        self.network = network
        self.head = process.head if head is None else head

    def forward(self, x_t: Any, t: Tensor, cond: Tensor | None = None) -> Any:
        """The statistic, in the precision of x_t."""
        inputs = self.head.inputs(self.process, x_t, t)
        output = self.network(inputs, self.process.level(t).to(inputs), cond)
        return self.head.estimate(self.process, output, x_t, t)
