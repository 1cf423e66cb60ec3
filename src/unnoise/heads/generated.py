"""What networks see and say where nothing is known of a process but its generator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.finite import Softmax


@dataclass(frozen=True)
class ScoreHead(Head[Tensor]):
    r"""The tangent part of the output is $s\nabla\log q_t$, s the scale of the process: an error has its price.

    The network sees the features of the point: images, of three axes, as they are, everything else as a vector.
    """

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """That of the features."""
        shape = tuple(process.space.features(torch.zeros(1, *process.space.event_shape)).shape[1:])
        return shape if len(shape) == 3 else (math.prod(shape),)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """That of a point, laid out as the input."""
        shape: tuple[int, ...] = process.space.event_shape
        return shape if len(self.input_shape(process)) == 3 else (math.prod(shape),)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        """The features."""
        features: Tensor = process.space.features(x_t)
        return features.reshape(-1, *self.input_shape(process))

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The tangent part over the scale, in the precision of x_t."""
        tangent: Tensor = process.space.tangent(x_t, output.reshape(x_t.shape).to(x_t.dtype))
        scale: Tensor = process.scale(expand(t, x_t))
        return tangent / scale.to(x_t.dtype)


@dataclass(frozen=True)
class RatioHead(Softmax):
    r"""The output is $\log q_t(y)/q_t(x)$ for every y that differs from x at one site; the input as in `Softmax`."""

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The ratios; 1 for staying."""
        logs = self._by_site(process, output, process.space.states)
        return logs.scatter(-1, x_t[..., None], 0.0).exp()
