"""A trial finds out how a simulator is called, and what is wrong with it is said in one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.inference.parameters import Parameters, Part
from unnoise.inference.simulators import tried

PLACE = Parameters((Part("", (2,)),), (-np.inf,) * 2, (np.inf,) * 2)
ROW = np.array([0.3, -0.7])


def one_by_index(theta):
    return theta[0] + np.random.normal(size=3)


def one_that_broadcasts(theta):
    """Of a batch it would return as many rows, all with the same noise."""
    return theta + np.random.normal(size=2)


def one_number(theta):
    return float(theta.sum() + np.random.normal())


def many(theta):
    return theta + np.random.normal(size=theta.shape)


def many_alone(theta):
    return theta[:, 0] + np.random.normal(size=len(theta))


def many_without_noise(theta):
    return theta**2


def many_with_seed(theta, seed):
    return theta + np.random.default_rng(seed).normal(size=theta.shape)


@pytest.mark.parametrize(
    ("simulator", "batched", "shape"),
    [
        (one_by_index, False, (3,)),
        (one_that_broadcasts, False, (2,)),
        (one_number, False, ()),
        (many, True, (2,)),
        (many_alone, True, ()),
        (many_without_noise, True, (2,)),
        (many_with_seed, True, (2,)),
    ],
)
def test_a_trial_finds_out_how_it_is_called(simulator, batched, shape):
    caller = tried(simulator, PLACE, ROW, seed=0)
    assert (caller.batched, caller.shape) == (batched, shape)
    x = caller(np.tile(ROW, (5, 1)), 7)
    assert x.shape == (5, *shape)
    assert np.array_equal(x, caller(np.tile(ROW, (5, 1)), 7))
    if simulator is not many_without_noise:
        assert not np.array_equal(x, caller(np.tile(ROW, (5, 1)), 8))
        assert len(np.unique(x.reshape(5, -1), axis=0)) == 5  # each row has noise of its own


def test_what_is_said_of_batches_is_heeded():
    assert not tried(many, PLACE, ROW, seed=0, batched=False).batched
    assert tried(one_that_broadcasts, PLACE, ROW, seed=0, batched=True).batched


def test_the_generators_of_others_are_left_alone():
    before = np.random.get_state()[1].copy()
    tried(many, PLACE, ROW, seed=0)(np.tile(ROW, (5, 1)), 7)
    assert np.array_equal(before, np.random.get_state()[1])


def test_infinities_are_not_seen():
    caller = tried(lambda theta: np.stack([theta[:, 0], np.full(len(theta), np.inf)], 1), PLACE, ROW, seed=0)
    assert np.isnan(caller(ROW[None], 0)).tolist() == [[False, True]]


def failing(theta):
    if theta.ndim > 1:
        raise TypeError("one row, please")
    if theta[0] > 1:
        raise ValueError("too\nlarge")
    return theta[: 1 if theta[1] > 1 else 2]


def failing_batch(theta):
    if (theta[:, 0] > 1).any():
        raise ValueError("too large")
    return theta[:, : 1 if (theta[:, 1] > 1).any() else 2]


@pytest.mark.parametrize("simulator", [failing, failing_batch])
def test_it_is_said_where_it_fails(simulator):
    caller = tried(simulator, PLACE, ROW, seed=0)
    theta = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 0.0]])
    with pytest.raises(InputError, match=r"raised ValueError \(too large\) at theta\[0\] = 2, theta\[1\] = 0"):
        caller(theta, 0)
    with pytest.raises(InputError, match=r"the simulator returned the shape \(.*; expected"):
        caller(theta[:, ::-1], 0)


@pytest.mark.parametrize(
    ("simulator", "words"),
    [
        (3, "expected a function"),
        (int, "expected a function"),
        (lambda theta: "x", "the simulator returned 'x'; expected numbers"),
        (lambda theta: 1 / 0, "raised ZeroDivisionError .* at theta"),
        (lambda theta: theta.sum(1, keepdims=True).T, r"returned the shape \(1, 3\) for 3 rows"),
    ],
)
def test_what_is_no_simulator_is_refused(simulator, words):
    with pytest.raises(InputError, match=words):
        tried(simulator, PLACE, ROW, seed=0)
