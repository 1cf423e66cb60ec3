"""Unit quaternions (x, y, z, w), the scalar last as in SciPy: where rotations are near none of their poles."""

from __future__ import annotations

import torch
from torch import Tensor


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


def from_matrix(rotation: Tensor) -> Tensor:
    r"""The unit quaternions, w >= 0, of rotations: the largest row of $4 q q^T$, which matrix entries give linearly.

    Exact to rounding at every angle (Shepperd 1978).
    """
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


def hat(vector: Tensor) -> Tensor:
    r"""The skew matrix with $\hat w u = w \times u$, (*batch, 3, 3)."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vector.shape[:-1], 3, 3)


def vee(matrix: Tensor) -> Tensor:
    """The vector of the skew part of a matrix, the inverse of `hat`, (*batch, 3)."""
    differences = [matrix[..., i, j] - matrix[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))]
    return 0.5 * torch.stack(differences, -1)
