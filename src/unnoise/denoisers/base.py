"""What a denoiser is: the learnt statistic of one process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from unnoise.processes import HasKernel


class Denoiser(nn.Module, ABC):
    r"""(x_t, t, cond) -> $E[Y_t(X_0, x_t) | X_t = x_t, \text{cond}]$, for one process."""

    process: HasKernel[Any]

    @abstractmethod
    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """X_t: (n, *event); t: () or (n,); cond: (n, features) or None. Returns the statistic, shaped like Y."""
