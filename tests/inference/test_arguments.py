"""A simulator is called with all parameters at once, or with each by its name, as its arguments say."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy import stats

from unnoise._errors import InputError
from unnoise.inference import as_prior, simulate
from unnoise.inference.arguments import Arguments, arguments

PRIOR = {"size": stats.uniform(1, 1), "rate": stats.uniform(10, 1)}
NAMED, PLAIN = as_prior(PRIOR).parameters, as_prior(stats.uniform([0, 0], 1)).parameters


def whole(theta): ...
def whole_seeded(theta, seed): ...
def whole_with_options(theta, steps=10): ...
def apart(rate, size): ...
def apart_with_options(rate, size, seed, steps=10, *more): ...
def apart_by_name_alone(*, rate, size): ...
def any_names(**parameters): ...
def whole_and_any(theta, **options): ...
def one_of_two(rate): ...


@pytest.mark.parametrize(
    ("simulator", "expected"),
    [
        (whole, Arguments()),
        (whole_seeded, Arguments(seed=True)),
        (whole_with_options, Arguments()),
        (apart, Arguments(names=True)),
        (apart_with_options, Arguments(names=True, seed=True)),
        (apart_by_name_alone, Arguments(names=True)),
        (functools.partial(apart_with_options, steps=3), Arguments(names=True, seed=True)),
        (any_names, Arguments(names=True)),
        (whole_and_any, Arguments()),
        (one_of_two, Arguments()),
        (np.exp, Arguments()),
    ],
)
def test_arguments_are_those_of_the_signature(simulator, expected):
    assert arguments(simulator, NAMED) == expected


def test_a_parameter_may_be_called_seed():
    named = as_prior({"seed": stats.norm(), "rate": stats.norm()}).parameters
    assert arguments(lambda seed, rate: seed, named) == Arguments(names=True)


@pytest.mark.parametrize(
    ("simulator", "parameters", "words"),
    [
        (
            lambda rate, sise: rate,
            NAMED,
            "arguments, rate, sise; expected one, .* or arguments of these names: rate, size",
        ),
        (apart, PLAIN, r'expected one, all parameters, or a prior \{"rate": ..., "size": ...\}'),
    ],
)
def test_several_arguments_of_other_names_are_refused(simulator, parameters, words):
    with pytest.raises(InputError, match=words):
        arguments(simulator, parameters)


@pytest.mark.parametrize("batched", [True, False])
def test_each_parameter_comes_to_its_argument(batched):
    def simulator(rate, size):  # in another order than the prior has them
        return np.stack([rate, size, rate - size], -1) if batched else [float(rate), float(size), float(rate - size)]

    made = simulate(PRIOR, simulator, 40, batch=None if batched else 1)
    theta = made.theta
    assert np.array_equal(made.x, np.stack([theta["rate"], theta["size"], theta["rate"] - theta["size"]], -1))
    assert theta["rate"].min() > 9 > theta["size"].max()
