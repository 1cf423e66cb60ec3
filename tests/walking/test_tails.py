"""Tails are measured far out, along axes and diagonals."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.walking.scouting import Mode
from unnoise.walking.tails import falls, freedom, heavy_axes

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


def test_the_axes_of_heavy_tails_are_told():
    target = Density(lambda x: -torch.log1p(x[:, [0, 2]].square()).sum(1) - 0.5 * x[:, 1].square())
    assert heavy_axes(target, mode(3)).tolist() == [0, 2]
    assert heavy_axes(independent(4.0), mode(2)).tolist() == [0, 1]
    assert not len(heavy_axes(independent(6.0), mode(2)))
    assert not len(heavy_axes(student(2.0, 5), mode(5)))  # whose heavy tail lies along no axis
    for light in LIGHT.values():
        assert not len(heavy_axes(Density(light), mode(2)))


def test_one_heavy_side_of_an_axis_is_enough_to_stretch_it():
    target = Density(lambda x: torch.where(x > 0, -torch.log1p(x.square()), -0.5 * x.square()).sum(1))
    assert heavy_axes(target, mode(2)).tolist() == [0, 1]
