"""Spheres: unit vectors, with the metric and the area of the surface."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise.laws.base import standard_normal
from unnoise.laws.heat import Radial, sphere_angle
from unnoise.laws.heat.spheres import area, log_area
from unnoise.spaces._points import check_points
from unnoise.spaces.two_point import TwoPointHomogeneous

OFF = 1e-3  # how far from length 1 a vector may be


@dataclass(frozen=True)
class Sphere(TwoPointHomogeneous):
    r"""$S^d$: unit vectors of $R^{d+1}$; densities with respect to area, $4\pi$ in all on $S^2$.

    Args:
        dimension: d, of the surface, at least 1.

    >>> Sphere(2).check(torch.tensor([[0.0, 3.0, 4.0]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got a vector of length 5; a point of a sphere has length 1 to within 0.001: divide ...
    """

    dimension: int = 2
    event_shape: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        whole(least=1, dimension=self.dimension)
        object.__setattr__(self, "event_shape", (self.dimension + 1,))

    @property
    def volume(self) -> float:
        """The area of the unit sphere; from some 400 dimensions on it underflows to 0, and `log_volume` does not."""
        return area(self.dimension)

    @property
    def log_volume(self) -> float:
        """The log of the area, in any dimension."""
        return log_area(self.dimension)

    @property
    def radial(self) -> Radial:
        """The heat kernel of this dimension, from `laws.heat`."""
        return sphere_angle(self.dimension)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds floating unit vectors, (*batch, d + 1)."""
        check_points("a sphere", x, self.event_shape)
        length = torch.linalg.vector_norm(x.double(), dim=-1)
        if x.numel() and float((length - 1).abs().max()) > OFF:
            worst = float(length.flatten()[(length - 1).abs().argmax()])
            raise InputError(
                f"got a vector of length {worst:.6g}; a point of a sphere has length 1 to within {OFF}: divide every "
                "vector by its length"
            )

    def features(self, x: Tensor) -> Tensor:
        """The coordinates."""
        return x

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        r"""$\cos|v|\,x + \frac{\sin|v|}{|v|}v$."""
        length = (v * v).sum(-1, keepdim=True).clamp(min=torch.finfo(v.dtype).tiny).sqrt()
        return length.cos() * x + torch.sinc(length / torch.pi) * v

    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """The short way; from the antipode, any."""
        towards, angle = self.tangent(x, y), self.distance(x, y)[..., None]
        length = torch.linalg.vector_norm(towards, dim=-1, keepdim=True)
        near = torch.finfo(x.dtype).eps ** 0.5  # where theta = sin(theta) to rounding
        ratio = torch.where(length > near, angle / length.clamp(min=near), 1.0)
        opposite = (length <= near) & (angle > 1)
        return torch.where(opposite, angle * self.frame(x)[0], ratio * towards) if opposite.any() else ratio * towards

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """From half the chord and its complement: to rounding at every angle."""
        return 2 * torch.atan2(torch.linalg.vector_norm(x - y, dim=-1), torch.linalg.vector_norm(x + y, dim=-1))

    def project(self, x: Tensor) -> Tensor:
        """The vector over its length."""
        unit: Tensor = x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return unit

    def tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """The vector less its part along x."""
        return v - (v * x).sum(-1, keepdim=True) * x

    def riemannian_gradient(self, x: Tensor, covector: Tensor) -> Tensor:
        """The tangent part."""
        return self.tangent(x, covector)

    def frame(self, x: Tensor) -> Tensor:
        """The unit vectors but the last, reflected so that it becomes x or -x (Householder 1958)."""
        sign = torch.where(x[..., -1:] < 0, 1.0, -1.0).to(x)
        normal = torch.cat([x[..., :-1], x[..., -1:] - sign], -1)
        basis = torch.eye(self.dimension + 1, dtype=x.dtype, device=x.device)[:-1]
        basis = basis.reshape(-1, *[1] * (x.ndim - 1), self.dimension + 1)
        return basis - 2 * (basis * normal).sum(-1, keepdim=True) / (normal**2).sum(-1, keepdim=True) * normal

    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """The tangent part of normal numbers."""
        return self.tangent(x, standard_normal(tuple(x.shape), x, rng))

    def dot(self, u: Tensor, v: Tensor) -> Tensor:
        """The usual inner product."""
        return (u * v).sum(-1)

    def cosine(self, x: Tensor, y: Tensor) -> Tensor:
        """The inner product."""
        return (x * y).sum(-1)

    def turned(self, x: Tensor, angle: Tensor, rng: torch.Generator) -> Tensor:
        """Along the tangent part of normal vectors."""
        direction = self.project(self.noise(x, rng))
        return angle.cos()[..., None] * x + angle.sin()[..., None] * direction

    def draw_uniform(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Normal vectors over their length."""
        like = torch.empty((), dtype=torch.float64, device=rng.device)
        return self.project(standard_normal((*shape, self.dimension + 1), like, rng))
