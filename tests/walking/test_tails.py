"""Tails are measured far out, along axes and diagonals."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.spaces import Euclidean
from unnoise.walking.functions import Function
from unnoise.walking.scouting import Mode
from unnoise.walking.tails import falls, freedom, heavy_directions

F64 = torch.float64


def mode(d):
    return Mode(torch.ones(d, dtype=F64), 0.0, torch.diag(torch.logspace(-3, 3, d, dtype=F64)))


def student(nu, d):
    """Of one shape with the mode."""
    scales = torch.logspace(-3, 3, d, dtype=F64)
    return Density(lambda x: -0.5 * (nu + d) * torch.log1p(((x - 1) / scales).square().sum(1)))


def independent(nu):
    return Density(lambda x: -0.5 * (nu + 1) * torch.log1p((x - 1).square()).sum(1))


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("nu", [0.1, 0.5, 3.0])
def test_degrees_of_freedom_are_those_of_students(nu, d):
    assert freedom(student(nu, d), mode(d)) == pytest.approx(nu, abs=1e-3)
    assert freedom(independent(nu), mode(d)) == pytest.approx(nu, abs=1e-3)
    assert falls(student(nu, d), mode(d))


LIGHT = {
    "normal": lambda x: -0.5 * x.square().sum(1),
    "exponential": lambda x: -x.abs().sum(1),
    "a box": lambda x: torch.where((x.abs() < 9).all(1), 0.0, -math.inf),
    "a floor": lambda x: torch.log(torch.exp(-x.square().sum(1)) + 1e-300),
}


@pytest.mark.parametrize("name", LIGHT)
def test_light_tails_have_none(name):
    assert freedom(Density(LIGHT[name]), mode(2)) > 1e3


@pytest.mark.parametrize("d", [1, 3])
def test_what_does_not_fall_enough_is_seen(d):
    assert freedom(student(-0.1, d), mode(d)) == pytest.approx(-0.1, abs=1e-3)
    assert falls(student(-0.1, d), mode(d)) == (d == 3)  # by DEEP
    assert not falls(Density(lambda x: 0 * x.sum(1)), mode(d))


@pytest.mark.parametrize("side", [-1, 1])
def test_one_heavy_side_is_enough(side):
    def log_prob(x):
        x = side * x[:, 0]
        return torch.where(x > 0, -0.75 * torch.log1p(x.square()), -x.square())

    assert freedom(Density(log_prob), mode(1)) == pytest.approx(0.5, abs=1e-3)


def turned(d, seed=0):
    return torch.linalg.qr(torch.randn(d, d, dtype=F64, generator=torch.Generator().manual_seed(seed)))[0]


def assert_along(directions, coordinates, wanted):
    """Directions are those wanted, in some order, up to signs and lengths; coordinates leave all others."""
    assert torch.allclose(coordinates @ directions.T, torch.eye(len(directions), dtype=F64), atol=1e-6)
    units = directions / directions.norm(dim=1, keepdim=True)
    cosines = (units @ (wanted / wanted.norm(dim=1, keepdim=True)).T).abs()
    assert len(directions) == len(wanted)
    assert sorted(cosines.argmax(1).tolist()) == list(range(len(wanted)))
    assert float(cosines.amax(1).min()) > 1 - 1e-6


@pytest.mark.parametrize(("d", "nu"), [(2, 1.0), (6, 1.0), (6, 3.0)])
def test_directions_of_independent_heavy_tails_are_found_in_any_coordinates(d, nu):
    mixing = turned(d) @ torch.diag(torch.logspace(-2, 2, d, dtype=F64)) @ turned(d, 1)
    back = torch.linalg.inv(mixing)
    target = Density(lambda x: -0.5 * (nu + 1) * torch.log1p((x @ back.T).square()).sum(1))
    at_top = Mode(torch.zeros(d, dtype=F64), 0.0, mixing @ turned(d, 2))
    directions, coordinates = heavy_directions(target, at_top)
    assert_along(directions, coordinates, mixing.T)


def test_one_direction_of_heavy_tails_is_found_among_light_ones():
    turn = turned(5)

    def log_prob(x):
        x = x @ turn
        return -torch.log1p(x[:, 0].square()) - 0.5 * x[:, 1:].square().sum(1)

    directions, coordinates = heavy_directions(Density(log_prob), Mode(torch.zeros(5, dtype=F64), 0.0, turned(5, 1)))
    assert_along(directions, coordinates, turn.T[:1])
    assert torch.allclose(coordinates, directions, atol=1e-6)  # of length one, and across the others


def test_a_tail_that_all_directions_share_is_spanned():
    directions, coordinates = heavy_directions(student(2.0, 4), mode(4))
    assert torch.linalg.matrix_rank(directions @ torch.linalg.inv(mode(4).factor).T) == 4
    assert torch.allclose(coordinates @ directions.T, torch.eye(4, dtype=F64), atol=1e-6)


def test_light_tails_have_no_directions():
    for light in LIGHT.values():
        at_top = Mode(torch.ones(2, dtype=F64), 0.0, torch.eye(2, dtype=F64))
        assert heavy_directions(Function(light, Euclidean(2), True), at_top) is None
    assert heavy_directions(independent(7.1), Mode(torch.ones(2, dtype=F64), 0.0, torch.eye(2, dtype=F64))) is None


def test_one_heavy_side_is_enough_to_stretch_along_it():
    target = Density(lambda x: torch.where(x > 0, -torch.log1p(x.square()), -0.5 * x.square()).sum(1))
    directions, coordinates = heavy_directions(target, Mode(torch.zeros(2, dtype=F64), 0.0, torch.eye(2, dtype=F64)))
    assert_along(directions, coordinates, torch.eye(2, dtype=F64))
