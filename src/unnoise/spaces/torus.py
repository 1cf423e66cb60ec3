"""Angles: circles and their products, with the flat metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._checks import times, whole
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import WrappedNormal
from unnoise.laws.wrapped_normal import wrap
from unnoise.spaces._points import check_points
from unnoise.spaces.base import Compact, Diffusion, one_cell
from unnoise.spaces.euclidean import Flat


@dataclass(frozen=True)
class Torus(Flat, Compact):
    r"""Angles in radians, $(\theta_1, \dots, \theta_d)$; densities with respect to $d\theta_1\cdots d\theta_d$.

    They come out in $[-\pi, \pi)$, and may come in within $\pm 2\pi$.

    Args:
        dimension: d, at least 1.

    >>> Torus(1).check(torch.tensor([[90.0], [-180.0]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got angles from -180 to 90; a torus expects radians within 2 pi of 0: ...
    """

    spectral_gap = 0.5  # of cos(theta)
    dimension: int = 1
    event_shape: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        whole(least=1, dimension=self.dimension)
        object.__setattr__(self, "event_shape", (self.dimension,))

    @property
    def volume(self) -> float:
        r"""$(2\pi)^d$."""
        return float((2 * math.pi) ** self.dimension)

    @property
    def cell(self) -> Torus:
        """One angle."""
        return one_cell(self, dimension=1)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds floating angles within 2 pi of 0, (*batch, d)."""
        check_points("a torus", x, self.event_shape)
        if x.numel() and float(x.abs().max()) > 2 * math.pi + 1e-3:
            raise InputError(
                f"got angles from {float(x.min()):.6g} to {float(x.max()):.6g}; a torus expects radians within 2 pi "
                "of 0: convert degrees with torch.deg2rad, or take the remainder by 2 pi"
            )

    def features(self, x: Tensor) -> Tensor:
        """Sines and cosines, (*batch, 2 d)."""
        return torch.cat([x.sin(), x.cos()], -1)

    def move(self, x: Tensor, local: Diffusion, dt: Tensor) -> WrappedNormal:
        """The Euler-Maruyama step, wrapped."""
        return WrappedNormal(x + local.drift * dt, local.scale * dt**0.5, len(self.event_shape))

    def heat(self, x_0: Tensor, time: Tensor) -> WrappedNormal:
        """The wrapped normal law of variance `time`."""
        times(time, name="time")
        return WrappedNormal(x_0, expand(time.sqrt(), x_0), len(self.event_shape))

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """The sum, wrapped."""
        return wrap(x + v)

    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """The difference, wrapped: the short way round every circle."""
        return wrap(y - x)

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """The length of the short way."""
        length: Tensor = torch.linalg.vector_norm(self.log(x, y), dim=-1)
        return length

    def project(self, x: Tensor) -> Tensor:
        """The same angles in [-pi, pi)."""
        return wrap(x)

    def draw_uniform(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Independent angles in [-pi, pi)."""
        turns = torch.rand((*shape, self.dimension), generator=rng, device=rng.device, dtype=torch.float64)
        return 2 * math.pi * turns - math.pi
