"""Climbs find modes whatever the scale, and their shapes."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.laws.students import Students
from unnoise.walking.scouting import climbed, first_guess, modes_of, more_modes, scattered

F64 = torch.float64


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def found(function, dimension, climbs=32):
    target = Density(function)
    return modes_of(target, climbed(target, scattered(climbs, dimension, rng())))


def test_the_shape_of_a_normal_law_is_its_covariance_at_any_scale():
    scales = torch.tensor([1e-4, 1.0, 1e4], dtype=F64)
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=rng(1), dtype=F64))
    factor = turn * scales
    inverse = torch.linalg.inv(factor)
    centre = torch.tensor([3.0, -50.0, 1e3], dtype=F64)
    (mode,) = found(lambda x: -0.5 * ((x - centre) @ inverse.T).square().sum(-1), 3)
    away = inverse @ (mode.centre - centre)
    assert float(away.abs().max()) < 0.2
    units = inverse @ mode.factor
    torch.testing.assert_close(units @ units.T, torch.eye(3, dtype=F64), rtol=0.2, atol=0.2)
    assert mode.log_mass == pytest.approx(math.log(float(scales.prod())), abs=0.3)


def test_a_mode_without_curvature_has_a_width():
    """exp(-x^4) falls by one half at .84."""
    (mode,) = found(lambda x: -(x**4).sum(-1), 1)
    assert float(mode.factor.abs()) == pytest.approx(0.5**0.25, rel=0.2)


def test_modes_far_apart_are_found_and_weighed():
    def function(x):
        return torch.logaddexp(-0.5 * (x - 30).square().sum(-1), math.log(4) - 0.5 * (x + 30).square().sum(-1))

    one, other = found(function, 5)
    assert float((one.centre + 30).abs().max()) < 1e-3
    assert float((other.centre - 30).abs().max()) < 1e-3
    assert one.log_mass - other.log_mass == pytest.approx(math.log(4), abs=0.1)


def test_later_waves_find_modes_that_the_first_missed():
    """Of forty places of a cube the nearest to zero alone are seen from zero."""
    places = 80 * torch.rand(40, 10, generator=rng(3), dtype=F64) - 40
    target = Density(lambda x: torch.logsumexp(-0.5 * (x[:, None] - places).square().sum(-1), 1))
    start = scattered(64, 10, rng())
    first = climbed(target, start)
    alone = modes_of(target, first)
    guess, modes = first_guess(target, start, rng())
    assert len(alone) < 25
    assert len(modes) >= 38
    assert isinstance(guess, Students)
    again, climbs = more_modes(target, alone, first, start)
    assert len(again) == len(alone)
    assert len(climbs.ends) == 128


def test_a_guess_covers_what_it_was_made_for():
    """Of a normal law far from zero the weights of the guess's draws are even."""
    target = Density(lambda x: -0.5 * ((x - 100) / 3).square().sum(-1))
    guess, _ = first_guess(target, scattered(32, 4, rng()), rng())
    x = guess.sample(rng(2), (4000,))
    weights = torch.softmax(target.log_prob(x) - guess.log_prob(x), 0)
    assert float(1 / weights.square().sum()) > 800
