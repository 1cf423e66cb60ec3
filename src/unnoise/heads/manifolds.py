"""What a network sees and gives on a manifold: waves, and a tangent vector of order one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise._checks import reals
from unnoise._tree import expand
from unnoise.heads.base import ProcessHead
from unnoise.spaces import Compact, Manifold


@runtime_checkable
class _Brownian(Protocol):
    @property
    def space(self) -> Compact: ...
    def variance(self, t: Tensor) -> Tensor: ...  # B(t)


@runtime_checkable
class _Diffusion(Protocol):
    @property
    def space(self) -> Manifold: ...
    def volatility(self, x: Tensor, t: Tensor) -> Tensor: ...  # s(t)


@dataclass(frozen=True)
class Tangent(ProcessHead):
    r"""The score as $\sqrt{2g/(e^{2gB} - 1)}$ times the tangent part of the output, g the spectral gap of the space.

    At small B the factor is $1/\sqrt B$, so the output is minus the noise (Ho et al. 2020); later it decays as the
    score does. The network sees the features $\phi$ of the space, and $e^{-f^2 B/2}\sin f\phi$ and
    $e^{-f^2 B/2}\cos f\phi$ for every frequency f (Tancik et al. 2020, arXiv 2006.10739): waves finer than the noise
    fade.

    Args:
        frequencies: about 1/length for each scale of length of the data.

    >>> from unnoise.processes import Brownian
    >>> from unnoise.spaces import Sphere
    >>> Tangent(Brownian(Sphere(2)), (4.0, 16.0)).input_shape
    (15,)
    """

    needs, on = _Brownian, Compact
    trait = "of Brownian motion on a compact manifold"
    process: _Brownian
    frequencies: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        reals("frequencies", self.frequencies, fewest=0, above=0)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Features, and two waves for each at every frequency."""
        space = self.process.space
        features = space.features(torch.zeros(1, *space.event_shape))[0].numel()
        return (features * (1 + 2 * len(self.frequencies)),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Ambient coordinates."""
        return (math.prod(self.process.space.event_shape),)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The features and their waves, side by side."""
        features = self.process.space.features(x_t).reshape(len(x_t), -1)
        variance = expand(self.process.variance(t).to(features), features)
        if variance.ndim > 1:  # of every cell: its features come one after the other
            variance = variance.repeat(1, features.shape[1] // variance.shape[1])
        parts = [features]
        for frequency in self.frequencies:
            fading, angle = torch.exp(-0.5 * frequency**2 * variance), frequency * features
            parts += [fading * angle.sin(), fading * angle.cos()]
        return torch.cat(parts, -1)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The tangent part, scaled, in the precision of x_t."""
        space, gap = self.process.space, 2 * self.process.space.spectral_gap
        factor = torch.sqrt(gap / torch.expm1(gap * self.process.variance(t).to(x_t)))
        return expand(factor, x_t) * space.tangent(x_t, output.reshape(x_t.shape).to(x_t.dtype))


@dataclass(frozen=True)
class ScoreHead(ProcessHead):
    r"""The tangent part of the output is $s\nabla\log q_t$, s the volatility: its square error is the KL rate.

    The network sees the features of the point: images, of three axes, as they are, all else as a vector.
    """

    needs, on = _Diffusion, Manifold
    trait = "of diffusion on a manifold, with a volatility s(t)"
    process: _Diffusion

    @property
    def input_shape(self) -> tuple[int, ...]:
        """That of the features."""
        space = self.process.space
        shape = tuple(space.features(torch.zeros(1, *space.event_shape)).shape[1:])
        return shape if len(shape) == 3 else (math.prod(shape),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """That of a point, laid out as the input."""
        shape = self.process.space.event_shape
        return shape if len(self.input_shape) == 3 else (math.prod(shape),)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The features."""
        return self.process.space.features(x_t).reshape(-1, *self.input_shape)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The tangent part over the volatility, in the precision of x_t."""
        tangent = self.process.space.tangent(x_t, output.reshape(x_t.shape).to(x_t.dtype))
        return tangent / self.process.volatility(x_t, t).to(x_t.dtype)
