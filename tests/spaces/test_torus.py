"""Tori: the shipped laws, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.spaces import Torus
from unnoise.testing import PropertyError, assert_law, check_space

FLOAT64 = torch.float64


@pytest.mark.parametrize("dimension", [1, 2])
def test_it_keeps_the_properties(dimension, rng):
    space = Torus(dimension)
    check_space(space, space.uniform(4).sample(rng), draws=2000)


class Louder(Torus):
    def noise(self, x, rng):
        return 1.2 * super().noise(x, rng)


def test_a_broken_twin_is_caught():
    points = torch.tensor([[3.0], [-2.0], [0.5]], dtype=FLOAT64)
    check_space(Torus(1), points, draws=2000)
    with pytest.raises(PropertyError, match="noise"):
        check_space(Louder(1), points, draws=2000)


def test_the_uniform_law(rng):
    law = Torus(2).uniform(5)
    assert law.sample(rng, (3,)).shape == (3, 5, 2)
    drawn = law.sample(rng, (2000,))
    assert float(drawn.abs().max()) <= math.pi
    assert_law(drawn.flatten(), lambda angle: 0.5 + angle / (2 * math.pi))
    assert float(law.log_prob(drawn)[0, 0]) == pytest.approx(-2 * math.log(2 * math.pi))


BAD = {
    "degrees": (torch.tensor([[90.0], [-180.0]]), r"got angles from -180 to 90; .* radians .* torch\.deg2rad"),
    "shape": (torch.zeros(5, 2), r"got points of shape \(2,\); a torus expects \(1,\)"),
    "integers": (torch.zeros(5, 1, dtype=torch.int64), "got torch.int64; a torus expects floating point"),
    "nan": (torch.tensor([[0.0], [math.nan]]), r"first at batch index \[\[1\]\]"),
}


@pytest.mark.parametrize(("points", "message"), BAD.values(), ids=BAD)
def test_check_refuses(points, message):
    with pytest.raises(InputError, match=message):
        Torus(1).check(points)


def test_check_accepts_angles_of_either_convention():
    Torus(1).check(torch.tensor([[0.0], [2 * math.pi], [-math.pi], [6.2831855]]))


def test_a_torus_without_angles_is_refused():
    with pytest.raises(InputError, match="got dimension = 0; expected a whole number from 1"):
        Torus(0)
