"""What a network sees and gives on a manifold: coordinates at many scales, and a tangent vector of order one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._tree import expand
from unnoise.heads.base import Head


@dataclass(frozen=True)
class Tangent(Head[Tensor]):
    r"""The score as $\sqrt{2g/(e^{2gB} - 1)}$ times the tangent part of the output, g the gap of the space.

    While B is small the factor is $1/\sqrt B$, so that the output is the noise with its sign changed, at unit variance
    (Ho et al. 2020, arXiv 2006.11239); later on it decays as fast as the score does. The zero output is the score of
    uniform data.

    The network sees the features $\phi$ of the space, and $e^{-f^2 B/2}\sin f\phi$ and $e^{-f^2 B/2}\cos f\phi$ for
    every frequency f (Tancik et al. 2020, arXiv 2006.10739): waves finer than the noise only disturb, and fade.

    Args:
        frequencies: of the waves; about 1/length for each scale of length that the data have.

    >>> from unnoise.processes import Brownian
    >>> from unnoise.spaces import Sphere
    >>> Tangent((4.0, 16.0)).input_shape(Brownian(Sphere(2)))
    (15,)
    """

    frequencies: tuple[float, ...] = ()

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """Features, and two waves for each at every frequency."""
        point = torch.zeros(1, *process.space.event_shape)
        features = process.space.features(point)[0].numel()
        return (features * (1 + 2 * len(self.frequencies)),)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """Ambient coordinates."""
        return (math.prod(process.space.event_shape),)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        """See the class."""
        features: Tensor = process.space.features(x_t).reshape(len(x_t), -1)
        if not self.frequencies:
            return features
        variance = expand(process.variance(t).to(features), features)
        parts = [features]
        for frequency in self.frequencies:
            fading = torch.exp(-0.5 * frequency**2 * variance)
            angle = frequency * features
            parts += [fading * angle.sin(), fading * angle.cos()]
        return torch.cat(parts, -1)

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """See the class; in the precision of x_t."""
        gap = 2 * process.space.spectral_gap
        factor = torch.sqrt(gap / torch.expm1(gap * process.variance(t).to(x_t)))
        vector: Tensor = process.space.tangent(x_t, output.reshape(x_t.shape).to(x_t.dtype))
        return expand(factor, x_t) * vector
