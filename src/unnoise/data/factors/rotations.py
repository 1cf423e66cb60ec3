"""Rotations: quaternions, matrices or rotation vectors, as one point of SO(3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise.data._checked import check, check_dtype
from unnoise.data._numerics import Values, cast
from unnoise.data.factors.base import Columns, Factor, expect, finite_numbers, quoted, refuse
from unnoise.processes import Brownian
from unnoise.spaces import Rotations

FORMS = {3: "rotation vector", 4: "quaternion", 9: "matrix"}
_MOST_ANGLE = 1e6  # radians, beyond which the remainder loses digits
OFF = 1e-3  # of R R^T from the identity, or of a quaternion's length from 1


@dataclass(frozen=True)
class RotationFactor(Factor):
    """A quaternion (4 columns), a matrix (9, row by row), a rotation vector (3, radians), or a block (3, 3) or (4,).

    Quaternions are in SciPy's order x, y, z, w, unless the names of the columns end in these letters.

    >>> q = RotationFactor.fit({"qw": np.ones(2), "qx": np.zeros(2), "qy": np.zeros(2), "qz": np.zeros(2)})
    >>> q.encode({"qw": np.ones(1), "qx": np.zeros(1), "qy": np.zeros(1), "qz": np.zeros(1)})[0].diagonal()
    tensor([1., 1., 1.])
    """

    kind: ClassVar[str] = "rotation"
    joint: ClassVar[bool] = True
    measure: ClassVar[str] = "density per unit of the bi-invariant volume of rotations, of total 8 pi^2"
    form: str
    order: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = {form: size for size, form in FORMS.items()}
        check(self.form in sizes, "form", self.form, f"one of {', '.join(sizes)}")
        size = sizes[self.form]
        check(sorted(self.order) == list(range(size)), "order", self.order, f"the numbers 0 to {size - 1}")
        held = len(self.columns) if not self.shape else math.prod(self.shape) * (len(self.columns) == 1)
        check(held == size and min(self.shape, default=1) > 0, "shape", self.shape, f"one of {size} numbers")
        check_dtype(self.dtype)

    @property
    def block(self) -> tuple[int, ...]:
        """Of a column that holds whole rotations."""
        return self.shape

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The number of columns decides the form."""
        numbers = _table(columns)
        expect(
            numbers.shape[1] in FORMS,
            f"A rotation takes 4 columns (quaternion), 9 (matrix) or 3 (rotation vector); {quoted(list(columns))} hold "
            f"{numbers.shape[1]} numbers.",
        )
        form = FORMS[numbers.shape[1]]
        first = next(iter(columns.values()))
        whole = next((name for name, values in columns.items() if values.dtype.kind not in "fO"), None)
        expect(
            whole is None,
            f"A rotation is made of fractions, but column '{whole}' holds whole numbers; make it floats, such as 0.0.",
        )
        factor = cls(tuple(columns), form, _order(list(columns), form), first.shape[1:], str(first.dtype))
        factor.encode(columns)
        return factor

    def process(self) -> Brownian:
        """Brownian motion on SO(3)."""
        return Brownian(Rotations())

    @property
    def anywhere(self) -> Tensor:
        """No turn."""
        return torch.eye(3)

    def encode(self, columns: Columns) -> Tensor:
        """Matrices (n, 3, 3)."""
        from scipy.spatial.transform import Rotation

        numbers = _table({name: columns[name] for name in self.columns})[:, self.order]
        if self.form == "quaternion":
            _check_quaternions(numbers, self.columns)
            matrices = Rotation.from_quat(numbers).as_matrix()
        elif self.form == "rotation vector":
            _check_vectors(numbers, self.columns)
            matrices = Rotation.from_rotvec(numbers).as_matrix()
        else:
            matrices = numbers.reshape(-1, 3, 3)
            _check_matrices(matrices, self.columns)
        return torch.from_numpy(matrices.astype(np.float32))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Rotations in the form of the data; quaternions have real parts of 0 or more."""
        from scipy.spatial.transform import Rotation

        rotations = Rotation.from_matrix(x.double().numpy())
        if self.form == "quaternion":
            numbers = rotations.as_quat(canonical=True)
        elif self.form == "rotation vector":
            numbers = rotations.as_rotvec()
        else:
            numbers = rotations.as_matrix().reshape(-1, 9)
        back = np.empty_like(numbers)
        back[:, self.order] = numbers
        if len(self.columns) == 1:
            return {self.columns[0]: cast(back.reshape(-1, *self.shape), self.dtype)}
        return {name: cast(back[:, i], self.dtype) for i, name in enumerate(self.columns)}

    def __str__(self) -> str:
        return f"rotation, given as {self.form}"


def _table(columns: Columns) -> Values:
    for name, values in columns.items():
        finite_numbers(values, name, RotationFactor.kind)
    parts = [values.reshape(len(values), -1).astype(np.float64) for values in columns.values()]
    return np.concatenate(parts, axis=1)


def _order(names: list[str], form: str) -> tuple[int, ...]:
    """The columns of x, y, z, w; else all in order."""
    ends = [name[-1:].lower() for name in names]
    if form == "quaternion" and sorted(ends) == ["w", "x", "y", "z"]:
        return tuple(ends.index(letter) for letter in "xyzw")
    return tuple(range(next(size for size, known in FORMS.items() if known == form)))


def _lengths(numbers: Values) -> Values:
    with np.errstate(over="ignore"):
        return np.asarray(np.linalg.norm(numbers, axis=1))


def _check_vectors(numbers: Values, columns: tuple[str, ...]) -> None:
    lengths = _lengths(numbers)
    refuse(
        ~(lengths <= _MOST_ANGLE),
        lambda row: (
            f"The rotation vector in row {row} of {quoted(columns)} has length {lengths[row]:.4g}; expected an angle "
            "in radians."
        ),
    )


def _check_quaternions(numbers: Values, columns: tuple[str, ...]) -> None:
    lengths = _lengths(numbers)
    where = f"of {quoted(columns)}"
    refuse(lengths < 1e-12, lambda row: f"The quaternion in row {row} {where} is zero, not of length 1; drop the row.")
    refuse(
        ~(np.abs(lengths - 1) <= OFF),
        lambda row: (
            f"The quaternion in row {row} {where} has length {lengths[row]:.4g}; expected 1: divide it by its "
            "length, or check which columns you named."
        ),
    )


def _check_matrices(matrices: Values, columns: tuple[str, ...]) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(np.einsum("nij,nkj->nik", matrices, matrices) - np.eye(3)).max((1, 2))
    where = f"of {quoted(columns)}"
    refuse(
        ~(error <= OFF),
        lambda row: (
            f"The matrix in row {row} {where} is not a rotation: R R^T differs from the identity by "
            f"{error[row]:.3g}; normalise it, or check the order of the numbers (row by row)."
        ),
    )
    refuse(
        np.linalg.det(matrices) < 0,
        lambda row: (
            f"The matrix in row {row} {where} is a reflection (determinant -1), not a rotation; change the "
            "sign of one axis."
        ),
    )
