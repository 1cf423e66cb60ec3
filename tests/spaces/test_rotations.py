"""Rotations: the shipped laws, SciPy's conventions, and what is refused."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from unnoise._errors import InputError
from unnoise.spaces import Rotations
from unnoise.spaces.rotations import hat, to_matrix, vee
from unnoise.testing import ImprobableError, PropertyError, assert_mean, check_space

FLOAT64, SPACE = torch.float64, Rotations()


@pytest.fixture
def rotations(rng):
    """Many rotations, of which the last turn by nothing, half a turn and nearly that."""
    axis = torch.tensor([1.0, -2.0, 0.5], dtype=FLOAT64) / 5.25**0.5
    turns = torch.tensor([0.0, 1e-9, math.pi, math.pi - 1e-9], dtype=FLOAT64)
    return torch.cat([SPACE.draw_uniform((200,), rng), SPACE.from_rotation_vector(turns[:, None] * axis)])


def test_it_keeps_the_properties(rng):
    check_space(SPACE, SPACE.uniform(4).sample(rng), draws=2000)


class WrongMetric(Rotations):
    def dot(self, u, v):
        return (u * v).sum((-2, -1))


class Righthanded(Rotations):
    def exp(self, x, v):
        return x + v


@pytest.mark.parametrize("twin", [WrongMetric, Righthanded])
def test_broken_twins_are_caught(twin, rng):
    with pytest.raises(PropertyError):
        check_space(twin(), SPACE.uniform(4).sample(rng), draws=2000)


class TestConventions:
    def test_quaternions(self, rotations):
        expected = torch.as_tensor(Rotation.from_matrix(rotations.numpy()).as_quat(canonical=True))
        found = SPACE.as_quaternion(rotations)
        same = torch.minimum((found - expected).abs().amax(-1), (found + expected).abs().amax(-1))
        assert float(same.max()) < 1e-12
        assert (found[:, 3] >= 0).all()
        torch.testing.assert_close(SPACE.from_quaternion(3.7 * found), rotations, rtol=0, atol=1e-14)

    def test_rotation_vectors(self, rotations):
        vectors = SPACE.as_rotation_vector(rotations)
        torch.testing.assert_close(SPACE.from_rotation_vector(vectors), rotations, rtol=0, atol=1e-13)
        expected = torch.as_tensor(Rotation.from_matrix(rotations.numpy()).as_rotvec())
        torch.testing.assert_close(vectors[:-2], expected[:-2], rtol=0, atol=1e-12)
        assert float(vectors.norm(dim=-1).max()) <= math.pi + 1e-12

    @pytest.mark.parametrize("sequence", ["xyz", "ZYX", "zxz"])
    def test_euler_angles(self, sequence, rotations):
        angles = SPACE.as_euler(sequence, rotations[:200].reshape(2, 100, 3, 3))
        assert angles.shape == (2, 100, 3)
        expected = Rotation.from_euler(sequence, angles.reshape(-1, 3).numpy()).as_matrix()
        found = SPACE.from_euler(sequence, angles).reshape(-1, 3, 3)
        torch.testing.assert_close(found, torch.as_tensor(expected), rtol=0, atol=1e-12)
        torch.testing.assert_close(found, rotations[:200], rtol=0, atol=1e-12)

    def test_float32_stays_float32(self, rotations):
        low = rotations.float()
        for values in (SPACE.as_quaternion(low), SPACE.as_rotation_vector(low), SPACE.as_euler("xyz", low[:9])):
            assert values.dtype == torch.float32


class TestGeometry:
    def test_hat_and_vee(self, rng):
        v, u = torch.randn(2, 5, 3, generator=rng, dtype=FLOAT64)
        torch.testing.assert_close((hat(v) @ u[..., None])[..., 0], torch.linalg.cross(v, u))
        torch.testing.assert_close(vee(hat(v)), v)

    def test_quaternion_and_matrix_are_inverse(self, rotations):
        torch.testing.assert_close(to_matrix(SPACE.as_quaternion(rotations)), rotations, rtol=0, atol=1e-14)

    @pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 1.0, math.pi - 1e-9, math.pi])
    def test_distance_is_the_angle_of_rotation(self, angle, rng):
        x = SPACE.draw_uniform((), rng)
        y = x @ SPACE.from_rotation_vector(torch.tensor([0.0, angle, 0.0], dtype=FLOAT64))
        assert float(SPACE.distance(x, y)) == pytest.approx(angle, rel=1e-12, abs=1e-15)

    def test_project_finds_the_nearest_rotation(self, rotations, rng):
        """Against the singular value decomposition, from far away and from close by."""
        for size in (1e-8, 0.1, 0.3):
            far = rotations + size * torch.randn(rotations.shape, generator=rng, dtype=FLOAT64) / 3
            u, _, v = torch.linalg.svd(far)
            torch.testing.assert_close(SPACE.project(far), u @ v, rtol=0, atol=1e-10)

    def test_the_frame_is_orthonormal(self, rotations):
        frame = SPACE.frame(rotations)
        for i in range(3):
            for j in range(3):
                expected = torch.full((len(rotations),), float(i == j), dtype=FLOAT64)
                torch.testing.assert_close(SPACE.dot(frame[i], frame[j]), expected, rtol=0, atol=1e-13)

    def test_uniform_rotations_have_no_mean(self, rng):
        drawn = SPACE.draw_uniform((20_000,), rng)
        assert_mean(drawn)
        with pytest.raises(ImprobableError):
            assert_mean(drawn[drawn[:, 0, 0] < 0.9])


REFLECTION = torch.diag(torch.tensor([1.0, 1.0, -1.0]))[None]
BAD = {
    "stretched": (1.1 * torch.eye(3)[None], r"no rotation: an entry of R\^T R is 0\.21 away .*project"),
    "reflection": (REFLECTION, r"got 1 reflections, orthogonal matrices of determinant -1; .* sign of one column"),
    "shape": (torch.zeros(5, 9), r"got points of shape \(9,\); a rotation expects \(3, 3\)"),
    "integers": (torch.eye(3, dtype=torch.int64)[None], "got torch.int64; a rotation expects floating point"),
    "nan": (torch.full((2, 3, 3), math.nan), r"first at batch index \[\[0\], \[1\]\]"),
}


@pytest.mark.parametrize(("points", "message"), BAD.values(), ids=BAD)
def test_check_refuses(points, message):
    with pytest.raises(InputError, match=message):
        SPACE.check(points)


@pytest.mark.parametrize("make", [SPACE.from_rotation_vector, partial(SPACE.from_euler, "xyz")])
def test_what_cannot_hold_a_rotation_is_refused(make):
    """Euler angles of whole numbers gave matrices of whole numbers."""
    with pytest.raises(InputError, match=r"as torch.int64; expected a tensor of real numbers"):
        make(torch.tensor([[0, 0, 1]]))
    with pytest.raises(InputError, match="as ndarray; expected a tensor"):
        make(np.zeros((1, 3)))
    with pytest.raises(InputError, match="that hold NaN or infinity"):
        make(torch.tensor([[0.0, 0.0, math.nan]]))


def test_what_stands_for_no_rotation_is_refused():
    with pytest.raises(InputError, match=r"quaternion of length 0, first at batch index \[\[1\]\]"):
        SPACE.from_quaternion(torch.tensor([[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]]))
    with pytest.raises(InputError, match=r"got quaternions of shape \(2, 3\); expected 4 numbers each"):
        SPACE.from_quaternion(torch.zeros(2, 3))
    with pytest.raises(InputError, match=r"got rotation vectors of shape \(2, 4\); expected 3 numbers each"):
        SPACE.from_rotation_vector(torch.zeros(2, 4))
