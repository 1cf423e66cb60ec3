"""What a denoiser is: the learnt statistic of one process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from unnoise._errors import InputError
from unnoise.processes import HasKernel, Process


class Denoiser(nn.Module, ABC):
    r"""(x_t, t, cond) -> $E[Y_t(X_0, x_t) | X_t = x_t, \text{cond}]$, for one process."""

    process: Process[Any]

    def extra_repr(self) -> str:
        """The process, for `repr`."""
        return str(self.process)

    @abstractmethod
    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """X_t: (n, *event); t: () or (n,); cond: (n, features) or None. Returns the statistic, shaped like Y."""


def kernel_of(denoiser: Denoiser, asker: str, instead: str) -> HasKernel[Any]:
    """The process of a denoiser, for those who need its kernel.

    Raises:
        InputError: the kernel is not known; says what works without it.
    """
    process = denoiser.process
    if not isinstance(process, HasKernel):
        raise InputError(
            f"{asker} needs a process whose kernel is known, and that of {type(process).__name__} is not: use {instead}"
        )
    return process
