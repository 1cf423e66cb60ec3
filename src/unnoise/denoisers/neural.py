"""A network as a denoiser."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from unnoise.denoisers.base import Denoiser
from unnoise.heads import Head
from unnoise.processes import Process


class Neural(Denoiser):
    """A backbone, seen through a head: the denoiser of any process on any space.

    What the process itself can learn, such as `schedules.Learned`, is part of the denoiser: it is trained, averaged,
    moved and saved with the weights of the network.

    Args:
        process: its level tells the network how noisy a state is.
        network: forward(inputs, level, cond) -> outputs, of the shapes that the head states.
        head: what the network sees and what its output stands for; the process's own by default.

    >>> import torch
    >>> from unnoise.networks import MLP
    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Neural(variance_preserving(Euclidean(2)), MLP((2,), width=16))
    >>> denoiser(torch.zeros(4, 2), torch.tensor(0.5)).shape
    torch.Size([4, 2])
    """

    def __init__(self, process: Process[Any], network: nn.Module, head: Head[Any] | None = None) -> None:
        super().__init__()
        self.process = process
        self.network = network
        self.head = process.head if head is None else head
        self.learnt = nn.ModuleList(dict.fromkeys(_modules(process)))

    def forward(self, x_t: Any, t: Tensor, cond: Tensor | None = None) -> Any:
        """The statistic, in the precision of x_t."""
        inputs = self.head.inputs(self.process, x_t, t)
        output = self.network(inputs, self.process.noise_conditioning(t).to(inputs), cond)
        return self.head.estimate(self.process, output, x_t, t)


def _modules(part: Any) -> Iterator[nn.Module]:
    """The modules in a process, its schedule, and the factors of a product."""
    if isinstance(part, nn.Module):
        yield part
    elif isinstance(part, Mapping):
        for item in part.values():
            yield from _modules(item)
    elif dataclasses.is_dataclass(part) and not isinstance(part, type):
        for field in dataclasses.fields(part):
            yield from _modules(getattr(part, field.name, None))
