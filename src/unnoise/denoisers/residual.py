"""A known denoiser and a learnt correction of it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers.base import Denoiser, check_denoiser


class Residual(Denoiser):
    """The sum of two statistics of one process: the network learns only what a closed form gets wrong.

    The condition goes to the known denoiser alone.

    Args:
        known: frozen, as of a kernel density.
        learnt: better small at first.

    >>> import torch
    >>> from unnoise import denoisers, processes, spaces
    >>> one = denoisers.Exact(processes.edm(spaces.Euclidean(1)), torch.tensor([[-1.0], [1.0]]))
    >>> Residual(one, one)(torch.tensor([[0.9]]), torch.tensor(0.0))
    tensor([[2.]])
    """

    def __init__(self, known: Denoiser, learnt: Denoiser) -> None:
        check_denoiser(known=known, learnt=learnt)
        super().__init__()
        if known.process != learnt.process:
            raise InputError(f"got denoisers of {known.process} and of {learnt.process}; expected one process")
        self.process, self.known, self.learnt = learnt.process, known.requires_grad_(False), learnt

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The sum, leaf by leaf."""
        return _tree.map(lambda a, b: a + b, self.known(x_t, t, cond), self.learnt(x_t, t))
