r"""Rotations of three-dimensional space, SO(3).

Points are matrices; tangent vectors at R are $R\hat w$, w in radians, with the metric $|w|^2$, half of that of the
entries: distance is the angle of rotation, and the volume is $8\pi^2$. The log density with respect to the invariant
*probability* measure is larger by $\log 8\pi^2 = 4.3688$.

Quaternions (scalar last), rotation vectors and Euler angles are those of `scipy.spatial.transform`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.laws.base import standard_normal
from unnoise.laws.heat import RotationAngle
from unnoise.spaces._points import check_points
from unnoise.spaces.two_point import TwoPointHomogeneous

OFF = 1e-3  # how far entries of R^T R may be from those of the identity
NEWTON_STEPS = 9  # of `project`; quadratic, and one is enough for what rounding has moved


@dataclass(frozen=True)
class Rotations(TwoPointHomogeneous):
    r"""Orthogonal matrices of determinant 1; densities with respect to the invariant volume of mass $8\pi^2$.

    >>> space = Rotations()
    >>> quarter_turn = space.from_rotation_vector(torch.tensor([[0.0, 0.0, math.pi / 2]]))
    >>> space.distance(quarter_turn, torch.eye(3)) / math.pi
    tensor([0.5000])
    """

    event_shape = (3, 3)
    dimension = 3
    volume = 8 * math.pi**2
    radial = RotationAngle()

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds floating rotation matrices, (*batch, 3, 3)."""
        check_points("a rotation", x, (3, 3))
        matrices = x.double()
        error = (matrices.mT @ matrices - torch.eye(3, dtype=torch.float64, device=x.device)).abs()
        if x.numel() and float(error.max()) > OFF:
            raise InputError(
                f"got a matrix R that is no rotation: an entry of R^T R is {float(error.max()):.3g} away from the "
                f"identity, and {OFF} is allowed; give orthonormal columns, or use Rotations().project(x) on them"
            )
        if (torch.linalg.det(matrices) < 0).any():
            count = int((torch.linalg.det(matrices) < 0).sum())
            raise InputError(
                f"got {count} reflections, orthogonal matrices of determinant -1; a rotation has determinant +1: "
                "change the sign of one column, or of the whole matrix"
            )

    def features(self, x: Tensor) -> Tensor:
        """The nine entries, (*batch, 9)."""
        return x.flatten(-2)

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """By Rodrigues' formula of 1840."""
        angle = self.dot(v, v).clamp(min=torch.finfo(v.dtype).tiny).sqrt()[..., None, None]
        first, half = torch.sinc(angle / math.pi), torch.sinc(angle / (2 * math.pi))
        return x + first * v + 0.5 * half**2 * (v @ (x.mT @ v))

    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """The short way; at half a turn, one of the two."""
        return x @ hat(self.as_rotation_vector(x.mT @ y))

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """From sine and cosine: to rounding at every angle."""
        sine = torch.linalg.vector_norm(vee(x.mT @ y), dim=-1)
        return torch.atan2(sine, self.cosine(x, y))

    def project(self, x: Tensor) -> Tensor:
        r"""The polar factor by Newton's $X \leftarrow \frac12(X + X^{-T})$ (Higham 1986)."""
        for _ in range(NEWTON_STEPS):
            cofactors = torch.linalg.cross(x[..., [1, 2, 0], :], x[..., [2, 0, 1], :])
            determinant = (x[..., 0, :] * cofactors[..., 0, :]).sum(-1)[..., None, None]
            following = 0.5 * (x + cofactors / determinant)
            moved = float((following - x).detach().abs().max()) if x.numel() else 0.0
            x = following
            if moved < torch.finfo(x.dtype).eps ** 0.5:
                break
        return x

    def tangent(self, x: Tensor, v: Tensor) -> Tensor:
        """The part R times a skew matrix."""
        return 0.5 * (v - x @ v.mT @ x)

    def riemannian_gradient(self, x: Tensor, covector: Tensor) -> Tensor:
        """Twice the tangent part, as the metric is half."""
        return 2 * self.tangent(x, covector)

    def frame(self, x: Tensor) -> Tensor:
        """Infinitesimal turns about the axes of the body."""
        axes = hat(torch.eye(3, dtype=x.dtype, device=x.device))
        return x @ axes.reshape(3, *[1] * (x.ndim - 2), 3, 3)

    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        r"""$R\hat w$ with w standard normal."""
        return x @ hat(standard_normal((*x.shape[:-2], 3), x, rng))

    def dot(self, u: Tensor, v: Tensor) -> Tensor:
        """Half of that of the entries: that of rotation vectors."""
        return 0.5 * (u * v).sum((-2, -1))

    def cosine(self, x: Tensor, y: Tensor) -> Tensor:
        """From the trace of the rotation between."""
        return 0.5 * ((x * y).sum((-2, -1)) - 1)

    def turned(self, x: Tensor, angle: Tensor, rng: torch.Generator) -> Tensor:
        """About uniform axes."""
        axis = standard_normal((*angle.shape, 3), x, rng)
        vector = axis * (torch.sin(0.5 * angle) / torch.linalg.vector_norm(axis, dim=-1))[..., None]
        quaternion = torch.cat([vector, torch.cos(0.5 * angle)[..., None]], -1)
        return x @ to_matrix(quaternion)

    def draw_uniform(self, shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
        """Those of uniform quaternions (Shoemake 1992)."""
        like = torch.empty((), dtype=torch.float64, device=rng.device)
        numbers = standard_normal((*shape, 4), like, rng)
        return to_matrix(numbers / torch.linalg.vector_norm(numbers, dim=-1, keepdim=True))

    @staticmethod
    def from_quaternion(quaternion: Tensor) -> Tensor:
        """From (x, y, z, w) of any length but 0, else InputError; (*batch, 4)."""
        _check_last("quaternions", quaternion, 4)
        length = torch.linalg.vector_norm(quaternion, dim=-1, keepdim=True)
        if (length == 0).any():
            rows = (length[..., 0] == 0).nonzero()[:3].tolist()
            raise InputError(f"got a quaternion of length 0, first at batch index {rows}; it stands for no rotation")
        return to_matrix(quaternion / length)

    @staticmethod
    def as_quaternion(rotation: Tensor) -> Tensor:
        """Unit (x, y, z, w), w >= 0, (*batch, 4): the largest row of $4 q q^T$, exact to rounding (Shepperd 1978)."""
        r = rotation.flatten(-2).unbind(-1)
        rows = [
            [1 + r[0] - r[4] - r[8], r[1] + r[3], r[2] + r[6], r[7] - r[5]],
            [r[1] + r[3], 1 - r[0] + r[4] - r[8], r[5] + r[7], r[2] - r[6]],
            [r[2] + r[6], r[5] + r[7], 1 - r[0] - r[4] + r[8], r[3] - r[1]],
            [r[7] - r[5], r[2] - r[6], r[3] - r[1], 1 + r[0] + r[4] + r[8]],
        ]
        outer = torch.stack([torch.stack(row, -1) for row in rows], -2)
        best = outer.diagonal(dim1=-2, dim2=-1).argmax(-1)
        index = best[..., None, None].expand(*best.shape, 1, 4)
        row = outer.gather(-2, index)[..., 0, :]
        row = torch.where(row[..., 3:] < 0, -row, row)
        result: Tensor = row / torch.linalg.vector_norm(row, dim=-1, keepdim=True)
        return result

    @staticmethod
    def from_rotation_vector(vector: Tensor) -> Tensor:
        """By |w| radians about w, (*batch, 3)."""
        _check_last("rotation vectors", vector, 3)
        eye = torch.eye(3, dtype=vector.dtype, device=vector.device)
        return Rotations().exp(eye, hat(vector))

    @staticmethod
    def as_rotation_vector(rotation: Tensor) -> Tensor:
        """Rotation vectors of length at most pi, (*batch, 3)."""
        quaternion = Rotations.as_quaternion(rotation)
        sine = torch.linalg.vector_norm(quaternion[..., :3], dim=-1, keepdim=True)
        small = torch.finfo(sine.dtype).eps
        ratio = 2 * torch.atan2(sine, quaternion[..., 3:]) / sine.clamp(min=small)
        return torch.where(sine > small, ratio, 2.0) * quaternion[..., :3]

    @staticmethod
    def from_euler(sequence: str, angles: Tensor) -> Tensor:
        """From Euler angles in radians, (*batch, axes), about the axes named, as in SciPy.

        Lower case ("xyz") turns about fixed axes, upper case ("ZYX") about those of the body.
        """
        _check_numbers("Euler angles", angles)
        return _with_scipy(lambda scipy, numbers: scipy.from_euler(sequence, numbers).as_matrix(), angles, 1, (3, 3))

    @staticmethod
    def as_euler(sequence: str, rotation: Tensor) -> Tensor:
        """Euler angles in radians, (*batch, 3), about the axes named."""
        return _with_scipy(lambda scipy, numbers: scipy.from_matrix(numbers).as_euler(sequence), rotation, 2, (3,))


def _check_last(name: str, x: Tensor, size: int) -> None:
    _check_numbers(name, x)
    if x.ndim == 0 or x.shape[-1] != size:
        raise InputError(f"got {name} of shape {tuple(x.shape)}; expected {size} numbers each, (*batch, {size})")


def _check_numbers(name: str, x: object) -> None:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        got = str(x.dtype) if isinstance(x, Tensor) else type(x).__name__
        raise InputError(f"got {name} as {got}; expected a tensor of real numbers: torch.as_tensor(x).float()")
    if not x.isfinite().all():
        raise InputError(f"got {name} that hold NaN or infinity; remove or fill such rows")


def _with_scipy(convert: Any, x: Tensor, ndim: int, event_shape: tuple[int, ...]) -> Tensor:
    from scipy.spatial.transform import Rotation

    batch = x.shape[: x.ndim - ndim]
    numbers = x.detach().cpu().double().reshape(-1, *x.shape[x.ndim - ndim :]).numpy()
    return torch.as_tensor(convert(Rotation, numbers)).reshape(*batch, *event_shape).to(x)


def to_matrix(quaternion: Tensor) -> Tensor:
    """The rotations (*batch, 3, 3) of unit quaternions (*batch, 4)."""
    x, y, z, w = quaternion.unbind(-1)
    xx, yy, zz, xy, xz, yz = x * x, y * y, z * z, x * y, x * z, y * z
    wx, wy, wz = w * x, w * y, w * z
    entries = [
        *(0.5 - yy - zz, xy - wz, xz + wy),
        *(xy + wz, 0.5 - xx - zz, yz - wx),
        *(xz - wy, yz + wx, 0.5 - xx - yy),
    ]
    return 2 * torch.stack(entries, -1).reshape(*quaternion.shape[:-1], 3, 3)


def hat(vector: Tensor) -> Tensor:
    r"""The skew matrix with $\hat w u = w \times u$, (*batch, 3, 3)."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vector.shape[:-1], 3, 3)


def vee(matrix: Tensor) -> Tensor:
    """The inverse of `hat` on skew parts, (*batch, 3)."""
    differences = [matrix[..., i, j] - matrix[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))]
    return 0.5 * torch.stack(differences, -1)
