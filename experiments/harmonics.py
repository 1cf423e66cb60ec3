r"""Real spherical harmonics of degrees 1 to L, and how rotations turn them.

Numbers $v \in \mathbb R^{(L+1)^2-1}$ are a function on the sphere, degree after degree, each from order -l to l. A
rotation R takes it to $D(R)\,v$, D orthogonal, $D(RS) = D(R)D(S)$, $D(e^{\hat w}) = e^{\sum_i w_i G_i}$. By Euler's
angles, $R = R_z(\alpha)R_y(\beta)R_z(\gamma)$, with Q the quarter turn that takes the z axis to the y axis,

$$D(R) = Z(\alpha)\,Q\,Z(\beta)\,Q^T Z(\gamma), \qquad Z(\alpha) = \cos(m\alpha) + \sin(m\alpha)\,S.$$
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

LEAST = 1e-24  # of the square of a sine, below which it has no slope


def generators(degree: int) -> Tensor:
    r"""$G_1, G_2, G_3$ of one degree l, (3, 2l + 1, 2l + 1), antisymmetric, in float64.

    Of the angular momenta $J_\pm|m\rangle = \sqrt{l(l+1) - m(m\pm1)}\,|m\pm1\rangle$, G is $-iJ$ in the real basis.

    >>> x, y, z = generators(2)
    >>> torch.testing.assert_close(x @ y - y @ x, z)
    """
    order = torch.arange(-degree, degree + 1, dtype=torch.float64)
    raised = torch.sqrt(degree * (degree + 1) - order[:-1] * order[1:])
    up = torch.diag(raised, -1).to(torch.complex128)
    momenta = torch.stack([0.5 * (up + up.mH), -0.5j * (up - up.mH), torch.diag(order).to(up)])
    basis = torch.zeros_like(up)
    basis[degree, degree] = 1
    for m in range(1, degree + 1):
        plus, minus, sign = degree + m, degree - m, (-1) ** m
        pair = torch.tensor([[-1j, 1j * sign], [1, sign]]) / math.sqrt(2)  # sines, cosines
        basis[minus : plus + 1 : 2 * m, minus : plus + 1 : 2 * m] = pair
    return (basis @ (-1j * momenta) @ basis.mH).real


class Harmonics(nn.Module):
    """Turns them; nothing in it is trained.

    Args:
        most: the largest degree L.
    """

    generators: Tensor
    orders: Tensor
    swap: Tensor
    to_y: Tensor
    from_y: Tensor
    of_degree: Tensor

    def __init__(self, most: int) -> None:
        super().__init__()
        degrees = range(1, most + 1)
        self.most, self.numbers = most, (most + 1) ** 2 - 1
        of_each = [generators(degree) for degree in degrees]
        turns = torch.stack([_side_by_side([part[i] for part in of_each]) for i in range(3)])
        order = torch.cat([torch.arange(-degree, degree + 1) for degree in degrees]).abs()
        swap = turns[2] / order.clamp(min=1)[:, None]  # S
        quarter = torch.linalg.matrix_exp(-0.5 * math.pi * turns[0])  # Q
        degree = torch.cat([torch.full((2 * degree + 1,), degree - 1) for degree in degrees])
        found = {
            "generators": turns,
            "orders": nn.functional.one_hot(order, most + 1).T,  # of powers to what each number is multiplied by
            "swap": swap.mT,  # of rows
            "to_y": torch.cat([quarter, (swap @ quarter.mT).mT], 1),  # of a row h: Q^T h and S Q^T h
            "from_y": torch.cat([quarter.mT, (swap @ quarter).mT], 1),
            "of_degree": nn.functional.one_hot(degree, most),
        }
        for name, value in found.items():
            self.register_buffer(name, value.to(torch.get_default_dtype()), persistent=False)

    def forward(self, turns: Tensor, shapes: Tensor) -> Tensor:
        """D(R) v.

        Args:
            turns: unit quaternions (n, N, 4), scalar last.
            shapes: v, (n, k, numbers).

        Returns:
            (n, k, N, numbers).

        >>> Harmonics(2)(torch.tensor([[[0.0, 0.0, 0.0, 1.0]]]), torch.ones(1, 1, 8)).sum()
        tensor(8.)
        """
        x, y, z, w = turns.unbind(-1)
        half_sum, half_difference = _unit(w, z), _unit(y, -x)  # of half of alpha + gamma, and of alpha - gamma
        real, imaginary = self._powers(half_sum * half_difference.conj())  # of gamma
        h = torch.addcmul(shapes[:, :, None] * real, (shapes @ self.swap)[:, :, None], imaginary)
        cosine, sine = w.square() + z.square(), x.square() + y.square()  # their squares, of half of beta
        beta = torch.complex(cosine - sine, 2 * (cosine * sine).clamp(min=LEAST).sqrt())
        for matrix, angle in ((self.to_y, beta), (self.from_y, half_sum * half_difference)):
            real, imaginary = self._powers(angle)
            straight, swapped = (h @ matrix).tensor_split(2, -1)
            h = torch.addcmul(straight * real, swapped, imaginary)
        return h

    def _powers(self, angle: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin of m times an angle, of every number, (n, 1, N, numbers), given its complex number (n, N)."""
        powers = [torch.ones_like(angle)]
        for _ in range(self.most):
            powers.append(powers[-1] * angle)
        all_powers = torch.stack(powers, -1)[:, None]
        return all_powers.real @ self.orders, all_powers.imag @ self.orders


def _side_by_side(blocks: list[Tensor]) -> Tensor:
    """The matrix of these blocks along its diagonal."""
    found: Tensor = torch.block_diag(*blocks)  # type: ignore[no-untyped-call]
    return found


def _unit(x: Tensor, y: Tensor) -> Tensor:
    """The complex number of length one on the way to x + iy; 1 for zero."""
    angle = torch.atan2(y, x)
    return torch.complex(angle.cos(), angle.sin())
