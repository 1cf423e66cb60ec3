"""Arrays of real numbers with the usual metric; densities with respect to Lebesgue measure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import shape
from unnoise.laws import Normal
from unnoise.laws.base import standard_normal
from unnoise.spaces._points import check_points
from unnoise.spaces.base import Affine, Diffusion, Manifold, one_cell


class Flat(Manifold):
    """A manifold with the metric of its coordinates: gradients are partial derivatives."""

    def tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """The vector itself."""
        return v

    def riemannian_gradient(self, x: Tensor, covector: Tensor) -> Tensor:
        """The partial derivatives themselves."""
        return covector

    def frame(self, x: Tensor) -> Tensor:
        """The unit vectors."""
        basis = torch.eye(self.dimension, dtype=x.dtype, device=x.device)
        return basis.reshape(-1, *[1] * (x.ndim - len(self.event_shape)), *self.event_shape).expand(-1, *x.shape)

    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Standard normal numbers in the shape of x."""
        return standard_normal(tuple(x.shape), x, rng)

    def dot(self, u: Tensor, v: Tensor) -> Tensor:
        """The sum of the products of coordinates."""
        products = u * v  # one of them may be the same for all rows or directions
        return products.reshape(*products.shape[: products.ndim - len(self.event_shape)], self.dimension).sum(-1)


@dataclass(frozen=True)
class Euclidean(Flat, Affine):
    """$R^d$, or arrays of any shape.

    Args:
        event_shape: the shape of one point; an int d means (d,).

    >>> Euclidean(3).check(torch.zeros(5, 2))
    Traceback (most recent call last):
    unnoise._errors.InputError: got points of shape (2,); Euclidean expects (3,) ...
    """

    event_shape: tuple[int, ...]

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        object.__setattr__(self, "event_shape", shape("event_shape", event_shape))

    @property
    def dimension(self) -> int:
        """How many numbers make a point."""
        return math.prod(self.event_shape)

    @property
    def cell(self) -> Euclidean:
        """One number."""
        return one_cell(self)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x is finite and floating, (*batch, *event_shape)."""
        check_points("Euclidean", x, self.event_shape)

    def features(self, x: Tensor) -> Tensor:
        """The numbers themselves."""
        return x

    def move(self, x: Tensor, local: Diffusion, dt: Tensor) -> Normal:
        """The Euler-Maruyama step."""
        return Normal(x + local.drift * dt, local.scale * dt**0.5, len(self.event_shape))

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """A straight line: x + v."""
        return x + v

    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """A straight line: y - x."""
        return y - x

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """The Euclidean distance."""
        return self.dot(x - y, x - y).sqrt()

    def project(self, x: Tensor) -> Tensor:
        """All coordinates are points."""
        return x
