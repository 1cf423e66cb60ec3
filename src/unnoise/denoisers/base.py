"""What a denoiser is: the learnt statistic of one process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from unnoise.processes import Process


class Denoiser(nn.Module, ABC):
    r"""(x_t, t, cond) -> $E[Y_t(X_0, x_t) | X_t = x_t, \text{cond}]$, for one process."""

    process: Process[Any]

    def extra_repr(self) -> str:
        """The process, for `repr`."""
        return str(self.process)

    @abstractmethod
    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The statistic of x_t, (n, *event), at t, () or (n,), given conditions, (n, ...) or one row for all."""
