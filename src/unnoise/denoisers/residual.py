"""A known denoiser and a learnt correction of it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser


class Residual(Denoiser):
    """The sum of two statistics: statistics live in a linear space.

    A simple model that is known in closed form, such as a kernel density, is a better start than zero; the network
    has to learn only what it gets wrong. The condition is given to the known one: a network that has learnt to correct
    a kernel density without the example at hand needs to be told which kernels to leave out.

    Args:
        known: of the same process.
        learnt: whose output at the start of training is better small.

    Raises:
        InputError: denoisers of two processes.

    >>> import torch
    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> one = Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> Residual(one, one)(torch.tensor([[0.9]]), torch.tensor(0.0))
    tensor([[2.]])
    """

    def __init__(self, known: Denoiser, learnt: Denoiser) -> None:
        super().__init__()
        if known.process != learnt.process:
            raise InputError(f"got denoisers of {known.process} and of {learnt.process}; expected one process")
        self.process = learnt.process
        self.known = known.requires_grad_(False)
        self.learnt = learnt

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The sum, leaf by leaf."""
        return _tree.map(lambda a, b: a + b, self.known(x_t, t, cond), self.learnt(x_t, t))
