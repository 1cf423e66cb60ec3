"""An observation of the simulator passes as often as is said, and one of another simulator is caught."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise.inference.familiarity import LEVEL, SHUFFLES, Neighbourhood, _p_value
from unnoise.testing import ImprobableError, assert_mean_at_most

SIMULATED = 300
FAR = {"normal": 9.0, "heavy tails": 1e5, "a line": 9.0}
HELD_OUT = 199  # so that 1 in 100 is called far


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
    assert_mean_at_most(torch.from_numpy(p <= 0.25).double(), 0.25)  # twice the lesser of two p-values, or less often
    assert_mean_at_most(-torch.from_numpy(p <= 0.5).double(), -0.25)
    moved = p_values(kind, 60, lambda point: point + FAR[kind] * np.array([1.0, 1.0, 0.0]))
    with pytest.raises(ImprobableError):  # of another simulator
        assert_mean_at_most(torch.from_numpy(moved <= 0.25).double(), 0.25)


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


def test_several_points_are_judged_together():
    found = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        near = Neighbourhood.of(simulated(SIMULATED, rng, "normal"), simulated(HELD_OUT, rng, "normal"))
        points = simulated(10, rng, "normal")
        found.append([near.of_points(one).p_value for one in (points, 1.7 * points)])  # the like, and more spread
    right, wrong = torch.tensor(found).T
    assert_mean_at_most((right <= 0.25).double(), 0.25)
    with pytest.raises(ImprobableError):
        assert_mean_at_most((wrong <= 0.25).double(), 0.25)
    assert not near.of_points(points + 100.0).good


def test_the_distance_of_several_points_is_that_of_the_farthest():
    rng = np.random.default_rng(0)
    near = Neighbourhood.of(rng.normal(size=(200, 2)), rng.normal(size=(100, 2)))
    points = np.array([[0.0, 0.0], [4.0, 0.0], [0.5, 0.5]])
    alone = [near.of_points(point[None]).distance for point in points]
    assert near.of_points(points).distance == pytest.approx(alone[1])
    assert alone[1] > 2 * max(alone[0], alone[2])


def test_many_numbers_are_looked_at_by_their_leading_axes():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(5, 200))
    near = Neighbourhood.of(rng.normal(size=(500, 5)) @ mixing, rng.normal(size=(200, 5)) @ mixing)
    assert near.of_points(rng.normal(size=(1, 5)) @ mixing).good
    assert not near.of_points(rng.normal(size=(1, 200))).good


def test_a_point_beyond_the_range_of_all_is_far():
    """Though simulations of long tails are as far from each other."""
    rng = np.random.default_rng(0)
    size = rng.exponential(size=(1500, 1)) ** 2
    x = np.concatenate([size + 0.1 * rng.normal(size=(1500, 1)), rng.uniform(-1, 1, (1500, 4))], 1)
    near = Neighbourhood.of(x[:1000], x[1000:])
    assert near.of_points(np.array([[1.0, 0.0, 0.5, 0.0, -0.5]])).good
    beyond = near.of_points(np.array([[1.0, 0.0, 2.0, 0.0, -0.5]]))
    assert not beyond.good
    assert beyond.beyond > 0
    assert "spreads beyond the range of all" in str(beyond)


def test_few_simulations_held_out_can_call_something_far_too() -> None:
    """Of twenty the least p-value is twice their least rank."""
    rng = np.random.default_rng(0)
    near = Neighbourhood.of(simulated(SIMULATED, rng, "normal"), simulated(20, rng, "normal"))
    away = near.of_points(np.full((1, 3), 40.0))
    assert away.p_value == away.level == pytest.approx(2 / 21)
    assert not away.good


def test_of_several_the_p_value_is_never_0() -> None:
    assert _p_value(torch.full((30,), 50.0), torch.zeros(400)) == 1 / (1 + SHUFFLES)
