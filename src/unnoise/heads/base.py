r"""How a network reads a noisy state, and how its unconstrained output becomes the statistic.

A head stands between a process and a backbone that knows nothing of diffusion: `inputs` are numbers of order one, and
`estimate` makes any output a legal statistic, near the right one where the output is zero. Every process names the
head that serves it best; `denoisers.Neural` takes another on request.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic

from torch import Tensor

from unnoise._tree import S


class Head(ABC, Generic[S]):
    """What a backbone sees of a state of some process, and what its output stands for."""

    @abstractmethod
    def input_shape(self, process: Any) -> tuple[int, ...]:
        """The shape of one network input: (features,), (channels, sites) or (channels, height, width)."""

    @abstractmethod
    def output_shape(self, process: Any) -> tuple[int, ...]:
        """The shape of one network output, laid out as the input."""

    @abstractmethod
    def inputs(self, process: Any, x_t: S, t: Tensor) -> Tensor:
        """Numbers of order one that describe x_t, (n, *input_shape)."""

    @abstractmethod
    def estimate(self, process: Any, output: Tensor, x_t: S, t: Tensor) -> S:
        """The statistic that an output (n, *output_shape) stands for."""
