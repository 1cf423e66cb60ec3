"""An observation of the simulator passes as often as is said, and one of another simulator is caught."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise.inference.familiarity import LEVEL, Neighbourhood
from unnoise.testing import ImprobableError, assert_frequencies

SIMULATED = 300
HELD_OUT = 99  # so that 1 in 100 is called far


def simulated(n, rng, kind):
    z = rng.normal(size=(n, 3))
    if kind == "heavy tails":
        return np.sinh(2 * z)
    if kind == "a line":
        return z[:, :1] * np.array([1.0, -2.0, 0.5])
    return z @ np.array([[1.0, 2.0, 0.0], [0.0, 0.3, 0.0], [5.0, 0.0, 1.0]])


def p_values(kind, runs, other=None):
    found = []
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        near = Neighbourhood.of(simulated(SIMULATED, rng, kind), simulated(HELD_OUT, rng, kind))
        point = simulated(1, rng, kind)
        found.append(near.of_points(point if other is None else other(point)).p_value)
    return np.array(found)


@pytest.mark.parametrize("kind", ["normal", "heavy tails", "a line"])
def test_it_is_called_far_as_often_as_is_said(kind):
    p = p_values(kind, 60)
    tenths = torch.tensor([int(((p > low) & (p <= low + 0.25)).sum()) for low in (0.0, 0.25, 0.5, 0.75)])
    assert_frequencies(tenths, torch.full((4,), 0.25))
    moved = p_values(kind, 60, lambda point: point + np.array([9.0, 9.0, 0.0]))
    with pytest.raises(ImprobableError):  # of another simulator
        assert_frequencies(torch.tensor([(moved <= 0.25).sum(), (moved > 0.25).sum()]), torch.tensor([0.25, 0.75]))


def test_the_lowest_of_ranks_is_far():
    rng = np.random.default_rng(0)
    near = Neighbourhood.of(simulated(SIMULATED, rng, "normal"), simulated(HELD_OUT, rng, "normal"))
    middle, away = near.of_points(np.zeros((1, 3))), near.of_points(np.full((1, 3), 40.0))
    assert middle.good
    assert not away.good
    assert away.p_value == pytest.approx(LEVEL)
    assert "lies among the simulations" in str(middle)
    assert "no posterior of it can be trusted" in str(away)
    assert away.distance > 5 * away.usual


def test_points_off_a_line_are_far():
    rng = np.random.default_rng(0)
    near = Neighbourhood.of(simulated(SIMULATED, rng, "a line"), simulated(HELD_OUT, rng, "a line"))
    assert near.of_points(np.array([[0.5, -1.0, 0.25]])).good
    assert not near.of_points(np.array([[0.5, -1.0, 0.75]])).good


def test_several_points_are_counted():
    rng = np.random.default_rng(0)
    near = Neighbourhood.of(simulated(SIMULATED, rng, "normal"), simulated(HELD_OUT, rng, "normal"))
    points = simulated(30, rng, "normal")
    each = [near.of_points(point[None]).p_value for point in points]
    assert near.of_points(points).p_value == pytest.approx(min(1.0, 30 * min(each)))


def test_many_numbers_are_looked_at_by_their_leading_axes():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(5, 200))
    near = Neighbourhood.of(rng.normal(size=(500, 5)) @ mixing, rng.normal(size=(200, 5)) @ mixing)
    assert near.of_points(rng.normal(size=(1, 5)) @ mixing).good
    assert not near.of_points(rng.normal(size=(1, 200))).good
