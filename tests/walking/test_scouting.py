"""Climbs find modes whatever the scale, and their shapes."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.laws.students import Students
from unnoise.walking import climbing, probing, scouting
from unnoise.walking.climbing import climbed
from unnoise.walking.probing import LENGTHS, beside
from unnoise.walking.scouting import MET, PROPER, first_guess, modes_of, reach, scattered

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


def softmax_of_free_logits(size):
    counts = torch.arange(1.0, size + 1, dtype=F64)
    return lambda x: (counts * torch.log_softmax(x, 1)).sum(1)


def strengths_of_players(size):
    """Of Bradley and Terry, where the first of a pair won."""
    first = torch.arange(6 * size) % size
    other = (first + 1 + torch.arange(6 * size) // size % (size - 1)) % size
    return lambda x: torch.nn.functional.logsigmoid(x[:, first] - x[:, other]).sum(1)


def a_sum_of_scaled_numbers(size):
    scales = torch.logspace(-3, 3, size, dtype=F64)
    return lambda x: -torch.log(torch.cosh(x @ scales)) - 0.5 * x[:, 1:-1].square().sum(1)


@pytest.mark.parametrize("size", [3, 6])
@pytest.mark.parametrize("kind", [softmax_of_free_logits, strengths_of_players, a_sum_of_scaled_numbers])
def test_a_direction_in_which_nothing_changes_is_seen_where_log_p_is_no_parabola(kind, size):
    """Of a weak prior there is one that is as wide as it, along that direction, and is no longer endless."""
    endless = kind(size)
    assert found(endless, size)[0].reach >= PROPER
    weak = found(lambda x: endless(x) - 0.5 * (x / 1e5).square().sum(1), size)[0].reach
    assert 1e4 < weak < 1e6


def test_a_flat_top_is_as_wide_as_it_is():
    """No slope leads along the diagonal, where the density ends at four."""
    target = Density(lambda x: -x.diff(dim=1)[:, 0].square() - torch.relu(x.sum(1).abs() - 4).square())
    (mode,) = modes_of(target, climbed(target, torch.zeros(1, 2, dtype=F64)))
    along = mode.factor.sum(0).norm() / math.sqrt(2)
    assert 2 < float(along) < 6


def test_modes_far_apart_are_found_and_weighed():
    def function(x):
        return torch.logaddexp(-0.5 * (x - 30).square().sum(-1), math.log(4) - 0.5 * (x + 30).square().sum(-1))

    one, other = found(function, 5)
    assert float((one.centre + 30).abs().max()) < 1e-3
    assert float((other.centre - 30).abs().max()) < 1e-3
    assert one.log_mass - other.log_mass == pytest.approx(math.log(4), abs=0.1)


def forty(d):
    """Normal laws in a cube; their places, and the density."""
    places = 80 * torch.rand(40, d, generator=rng(3), dtype=F64) - 40

    def log_prob(x):
        squared = x.square().sum(1)[:, None] - 2 * x @ places.T + places.square().sum(1)
        return torch.logsumexp(-0.5 * squared, 1)

    return Density(log_prob), places


@pytest.mark.parametrize("d", [10, pytest.param(30, marks=pytest.mark.slow)])
def test_climbs_go_on_until_every_mode_was_met_several_times(d):
    """Of forty places of a cube the nearest to zero alone are seen from zero."""
    target, places = forty(d)
    start = scattered(64, d, rng())
    assert len(modes_of(target, climbed(target, start))) < 25
    guess, modes, vain = first_guess(target, start, rng())
    assert isinstance(guess, Students)
    assert len(modes) == 40
    assert float(torch.cdist(places, torch.stack([mode.centre for mode in modes])).amin(1).max()) < 1e-3
    assert min(mode.met for mode in modes) >= MET
    assert vain < 0.1


def test_a_narrow_mode_within_a_wide_one_is_seen():
    """No climb from afar ends there, and of the guess's draws some do."""

    def log_prob(x):
        narrow = -0.5 * ((x - 0.7) / 0.01).square().sum(1) - 2 * math.log(0.01)
        return torch.logaddexp(-0.5 * x.square().sum(1), narrow)

    target = Density(log_prob)
    assert len(modes_of(target, climbed(target, scattered(64, 2, rng())))) == 1
    _, modes, _ = first_guess(target, scattered(64, 2, rng()), rng())
    assert len(modes) == 2
    assert float((modes[0].centre - 0.7).abs().max()) < 1e-3


def test_a_narrow_mode_far_from_a_wide_one_is_found():
    """Nothing but its own surroundings, one in thirty thousand points, points to it."""
    place = 6 * torch.tensor([0.5, -0.5, 0.5, 0.5], dtype=F64)

    def log_prob(x):
        narrow = -0.5 * ((x - place) / 0.1).square().sum(1) - 4 * math.log(0.1)
        return torch.logaddexp(-0.5 * x.square().sum(1), narrow)

    _, modes, _ = first_guess(Density(log_prob), scattered(64, 4, rng()), rng())
    assert [float((mode.centre - place).norm()) < 1e-3 for mode in modes] == [True, False]


def five_widths():
    """Modes of equal mass and five widths, about nineteen apart: their places, widths, and the density."""
    places = 19 / math.sqrt(40) * torch.randn(5, 20, generator=rng(100), dtype=F64)
    widths = torch.tensor([0.7, 0.85, 1.0, 1.2, 1.4], dtype=F64)

    def function(x):
        away = (x[:, None] - places).square().sum(-1)
        return torch.logsumexp(-20 * widths.log() - 0.5 * away / widths**2, 1)

    return places, widths, function


@pytest.mark.parametrize("between", [True, False], ids=["between modes, too", "beside modes alone"])
def test_modes_of_several_widths_in_many_dimensions_are_found_from_between_them(monkeypatch, between):
    """From the widest the narrowest is seen at 30 degrees, in a millionth of all directions."""
    if not between:
        monkeypatch.setattr(probing, "around", lambda law, place, n, rng: beside(law, n, LENGTHS, rng))
    places, widths, function = five_widths()
    modes = first_guess(Density(function), scattered(64, 20, rng()), rng())[1]
    if not between:
        assert len(modes) < 5
        return
    which = torch.cdist(torch.stack([mode.centre for mode in modes]), places).argmin(1)
    assert sorted(which.tolist()) == [0, 1, 2, 3, 4]
    for mode, place, width in zip(modes, places[which], widths[which], strict=True):
        assert mode.height == pytest.approx(-20 * math.log(float(width)), abs=1e-3)
        torch.testing.assert_close(mode.factor.norm(dim=0), width.expand(20), rtol=0.15, atol=0)
        assert float((mode.centre - place).abs().max()) < 0.01


@pytest.mark.parametrize("away", [1e4, 1e7])
def test_a_mode_very_far_from_all_first_points_is_found(away):
    """Both of width one; climbs that begin within hundreds all end at the other."""
    place = away * torch.tensor([0.6, 0.0, 0.8], dtype=F64)

    def function(x):
        one, other = (-0.5 * (x - centre).square().sum(-1) for centre in (0.0, place))
        return torch.logaddexp(one + math.log(0.3), other + math.log(0.7))

    modes = first_guess(Density(function), scattered(64, 3, rng()), rng())[1]
    assert len(modes) == 2
    assert float((modes[0].centre - place).abs().max()) < 1e-3
    assert modes[0].log_mass - modes[1].log_mass == pytest.approx(math.log(7 / 3), abs=0.2)


def test_climbs_in_units_of_a_mode_end_where_others_are_cut_short():
    """Scales that differ by a million, in twenty dimensions; another mode of the same shape."""
    turn, _ = torch.linalg.qr(torch.randn(20, 20, generator=rng(4), dtype=F64))
    factor = turn * torch.logspace(-3, 3, 20, dtype=F64)
    inverse = torch.linalg.inv(factor)
    place = 9 * factor.sum(1)

    def log_prob(x):
        one, other = (((x - m) @ inverse.T).square().sum(1) for m in (0 * place, place))
        return torch.logaddexp(-0.5 * one, -0.5 * other)

    x = place + 20 * torch.randn(20, 20, generator=rng(5), dtype=F64) @ factor.T
    found = scouting.climbed_both(Density(log_prob), x, scouting.Mode(0 * place, 0.0, factor, 1))
    away = torch.minimum(*(((found.ends - m) @ inverse.T).norm(dim=1) for m in (0 * place, place)))
    assert float(away[10:].max()) < 1e-3
    assert float(away[:10].min()) > 1  # those in no units


def test_first_climbs_that_are_all_cut_short_go_on(monkeypatch):
    """Down exp(-exp(x)) steps are short beside the way."""
    for module, name, value in ((climbing, "CLIMBS", 10), (scouting, "WAVES", 0), (scouting, "LOOKS", 0)):
        monkeypatch.setattr(module, name, value)
    start = torch.tensor([[200.0], [190.0]], dtype=F64)
    _, modes, _ = first_guess(Density(lambda x: (x - x.exp()).sum(1)), start, rng())
    assert abs(float(modes[0].centre)) < 1e-3


@pytest.mark.parametrize(("rise", "share"), [(1.0, 0.75), (-1.0, 0.0)])
def test_climbs_in_vain_are_counted_where_they_end_above_all_modes(rise, share):
    """Three of four end far from the only mode; one, where there is no density, did not begin."""
    target = Density(lambda x: torch.where(x > 9, -math.inf, rise * x)[:, 0])
    ends = torch.tensor([[0.0], [5.0], [6.0], [7.0], [10.0]], dtype=F64)
    mode = scouting.Mode(torch.zeros(1, dtype=F64), 0.0, torch.eye(1, dtype=F64), 1)
    climbs = climbing.Climbs(ends, target.log_prob(ends), ends, True)
    assert scouting._in_vain(target, climbs, [mode]) == share


def test_no_climbs_are_in_vain_along_a_bent_ridge():
    def ridge(x):
        return -0.5 * x[:, 0].square() - 0.5 * (x[:, 1] - x[:, 0].square()).square()

    assert first_guess(Density(ridge), scattered(64, 2, rng()), rng())[2] == 0


def test_a_guess_is_widened_by_modes():
    guess, modes, _ = first_guess(Density(lambda x: -0.5 * x.square().sum(-1)), scattered(8, 1, rng()), rng())
    moved = scouting.replace(modes[0], centre=modes[0].centre + 1e4)
    x = scouting.widened(guess, scouting.law_of([moved]), 0.25).sample(rng(), (4000,))
    assert float((x > 9e3).double().mean()) == pytest.approx(0.25, abs=0.03)


def test_how_far_a_density_reaches():
    along = reach(Density(lambda x: -0.5 * (x / 7).square().sum(1)), torch.zeros(1, 3, dtype=F64), rng())
    torch.testing.assert_close(along, torch.full_like(along, 7.0), rtol=0.2, atol=0)
    flat = reach(Density(lambda x: 0 * x.sum(1)), torch.zeros(1, 3, dtype=F64), rng())
    assert float(flat.min()) > 1e11


def test_a_guess_covers_what_it_was_made_for():
    """Of a normal law far from zero the weights of the guess's draws are even."""
    target = Density(lambda x: -0.5 * ((x - 100) / 3).square().sum(-1))
    guess, _, _ = first_guess(target, scattered(32, 4, rng()), rng())
    x = guess.sample(rng(2), (4000,))
    weights = torch.softmax(target.log_prob(x) - guess.log_prob(x), 0)
    assert float(1 / weights.square().sum()) > 800


def test_a_guess_reaches_far_along_a_thin_turned_plane():
    """Where one along the axes has hardly a draw, as it is as wide across the plane."""
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=F64, generator=rng(5)))[0]
    units = turn * torch.tensor([0.01, 1.0, 1.0], dtype=F64)
    mode = scouting.Mode(torch.zeros(3, dtype=F64), 0.0, units, 9)
    visited = 20 * torch.randn(1000, 3, dtype=F64, generator=rng()) @ units.T
    ends = torch.zeros(1, 3, dtype=F64)
    law = scouting._around(climbing.Climbs(ends, torch.zeros(1, dtype=F64), visited, True), [mode])
    z = torch.linalg.solve(units, law.sample(rng(1), (4000,)).T).T
    log_weights = -0.5 * (z / 10).square().sum(1) - law.log_prob(z @ units.T)
    weights = torch.softmax(log_weights, 0)
    assert float(1 / weights.square().sum()) > 600


def test_where_no_climb_ended_the_highest_on_its_way_leads_on(monkeypatch):
    """Not one that is stuck at -1e9, whose surroundings are no use."""

    def log_prob(x):
        return torch.where(x[:, 0] > 90, 0 * x[:, 0] - 1e9, -torch.log1p(x[:, 0].square()))

    for module, name, value in ((climbing, "CLIMBS", 9), (scouting, "FARTHER", 0), (scouting, "WAVES", 0)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(scouting, "LOOKS", 0)
    start = torch.tensor([[95.0], [80.0]], dtype=torch.float64)
    assert not climbed(Density(log_prob), start).ended
    _, modes, _ = first_guess(Density(log_prob), start, rng())
    assert modes[0].height > -100
