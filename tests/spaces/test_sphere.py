"""Spheres: the shipped laws, geometry at the antipodes, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.spaces import Sphere
from unnoise.testing import PropertyError, check_space

FLOAT64 = torch.float64


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_it_keeps_the_properties(dimension, rng):
    space = Sphere(dimension)
    check_space(space, space.uniform(4).sample(rng), draws=2000)


class Flat(Sphere):
    def exp(self, x, v):
        return self.project(x + v)


def test_a_broken_twin_is_caught(rng):
    with pytest.raises(PropertyError, match="speed"):
        check_space(Flat(2), Sphere(2).uniform(4).sample(rng), draws=2000)


def test_areas():
    for dimension, area in ((1, 2 * math.pi), (2, 4 * math.pi), (3, 2 * math.pi**2)):
        assert Sphere(dimension).volume == pytest.approx(area)
        assert Sphere(dimension).log_volume == pytest.approx(math.log(area))


def test_areas_that_underflow_have_logarithms(rng):
    """To Stirling's formula and its first correction."""
    for dimension in (343, 1000):
        half = (dimension + 1) / 2
        stirling = (half - 0.5) * math.log(half) - half + 0.5 * math.log(2 * math.pi) + 1 / (12 * half)
        wanted = math.log(2) + half * math.log(math.pi) - stirling
        law = Sphere(dimension).uniform(2)
        assert law.log_prob(law.sample(rng)).tolist() == pytest.approx([-wanted] * 2, abs=1e-9)
    assert Sphere(1000).volume == 0


def test_distance_is_exact_at_every_angle():
    for angle in (0.0, 1e-9, 1.0, math.pi - 1e-9, math.pi):
        x = torch.tensor([1.0, 0.0, 0.0], dtype=FLOAT64)
        y = torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=FLOAT64)
        assert float(Sphere(2).distance(x, y)) == pytest.approx(angle, rel=1e-14, abs=1e-15)


def test_the_frame_is_orthonormal_and_tangent(rng):
    space = Sphere(3)
    poles = torch.eye(4, dtype=FLOAT64)
    x = torch.cat([space.uniform(5).sample(rng), poles, -poles])
    frame = space.frame(x)
    products = torch.einsum("ina,jna->nij", frame, frame)
    torch.testing.assert_close(products, torch.eye(3, dtype=FLOAT64).expand_as(products), rtol=0, atol=1e-14)
    torch.testing.assert_close(space.tangent(x, frame), frame, rtol=0, atol=1e-14)


def test_the_antipode_is_half_a_turn_away_in_some_direction():
    space, x = Sphere(2), torch.eye(3, dtype=FLOAT64)
    v = space.log(x, -x)
    torch.testing.assert_close(space.dot(v, v).sqrt(), torch.full((3,), math.pi, dtype=FLOAT64))
    torch.testing.assert_close(space.exp(x, v), -x, rtol=0, atol=1e-15)
    assert (space.log(x, x) == 0).all()


BAD = {
    "too-long": (torch.tensor([[0.0, 3.0, 4.0]]), "got a vector of length 5; .* divide every vector by its length"),
    "slightly-off": (torch.tensor([[0.0, 0.0, 1.01]]), "got a vector of length 1.01"),
    "shape": (torch.zeros(5, 2), r"got points of shape \(2,\); a sphere expects \(3,\)"),
    "integers": (torch.eye(3, dtype=torch.int64), "got torch.int64; a sphere expects floating point"),
    "nan": (torch.full((1, 3), math.nan), r"first at batch index \[\[0\]\]"),
}


@pytest.mark.parametrize(("points", "message"), BAD.values(), ids=BAD)
def test_check_refuses(points, message):
    with pytest.raises(InputError, match=message):
        Sphere(2).check(points)


def test_a_sphere_of_no_dimension_is_refused():
    with pytest.raises(InputError, match="got dimension = 0; expected a whole number from 1"):
        Sphere(0)
