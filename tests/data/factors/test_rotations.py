"""Rotations as quaternions, matrices and vectors; what is none."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.spatial.transform import Rotation

from unnoise._errors import InputError
from unnoise.data import Schema

TURNS = Rotation.random(30, rng=np.random.default_rng(0))
WXYZ = {"qw": 3, "qx": 0, "qy": 1, "qz": 2}


def quaternions() -> pl.DataFrame:
    numbers = TURNS.as_quat()
    return pl.DataFrame({name: numbers[:, place] for name, place in WXYZ.items()})


def test_quaternions_in_the_order_that_names_say() -> None:
    frame = quaternions()
    schema = Schema.infer(frame, kinds={"q": "rotation"})
    assert list(schema.factors) == ["q"]
    x = schema.encode(frame).x
    np.testing.assert_allclose(x.numpy(), TURNS.as_matrix(), atol=1e-6)
    back = Rotation.from_quat(schema.decode(x).select("qx", "qy", "qz", "qw").to_numpy())
    assert (back * TURNS.inv()).magnitude().max() < 1e-3
    assert Schema.from_config(schema.to_config()) == schema


@pytest.mark.parametrize("data", [TURNS.as_quat(), TURNS.as_matrix().reshape(-1, 9), TURNS.as_rotvec()])
def test_columns_of_an_array(data: np.ndarray) -> None:
    schema = Schema.infer(data, kinds={"x": "rotation"})
    x = schema.encode(data).x
    np.testing.assert_allclose(x.numpy(), TURNS.as_matrix(), atol=1e-6)
    np.testing.assert_allclose(schema.encode(schema.decode(x)).x.numpy(), x.numpy(), atol=1e-5)


def test_a_block_of_matrices() -> None:
    data = TURNS.as_matrix()
    schema = Schema.infer(data, kinds={"x": "rotation"})
    back = schema.decode(schema.encode(data).x)
    assert back.shape == data.shape
    np.testing.assert_allclose(back, data, atol=1e-6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (TURNS.as_matrix() * 1.1, r"matrix in row 0 .* is not a rotation: R R\^T differs from the identity by 0\.21"),
        (TURNS.as_matrix() * [1, 1, -1], r"matrix in row 0 .* is a reflection"),
        (TURNS.as_quat() * np.r_[1, 0, np.ones(28)][:, None], "quaternion in row 1 .* is zero"),
        (TURNS.as_quat() * 2, "quaternion in row 0 .* has length 2; expected 1"),
        (TURNS.as_matrix() * 1e200, "matrix in row 0 .* is not a rotation"),
        (TURNS.as_rotvec() * 1e9, r"rotation vector in row 0 .* has length .*e\+09; expected an angle in radians"),
        (TURNS.as_rotvec() * 1e200, "rotation vector in row 0 .* has length inf"),
        (np.stack([np.eye(3, dtype=int)] * 3), "made of fractions, but column 'x' holds whole numbers; make it floats"),
        (np.random.default_rng(0).normal(size=(9, 5)), "A rotation takes 4 columns .* hold 5 numbers"),
    ],
)
def test_what_is_no_rotation_is_refused(data: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data, kinds={"x": "rotation"})
