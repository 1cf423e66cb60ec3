"""What parameters may be declared as, and what helps where they may not."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Dirichlet, Gamma, MultivariateNormal, Normal, Poisson, Uniform, constraints

import unnoise
from unnoise import spaces, walking
from unnoise._errors import InputError
from unnoise.walking.parameters import by_names, declared, supported, told


def test_what_torch_and_spaces_know_is_taken_too():
    found = by_names({"a": constraints.positive, "p": spaces.Simplex(3), "x": walking.Reals((2, 3))})
    assert [tuple(part.event_shape) for part in found.values()] == [(), (3,), (2, 3)]
    assert found["p"].constraint is constraints.simplex
    assert set(by_names(walking.Positive(2))) == {""}


@pytest.mark.parametrize(
    ("law", "shape", "words"),
    [
        (Normal(torch.zeros(8), 1.0), (8,), "a finite number"),
        (Gamma(2.0, 1.0), (), "a number above 0"),
        (Uniform(-1.0, 2.0), (), "a number above -1 and below 2"),
        (Uniform(torch.zeros(2), torch.ones(2)), (2,), "a number above its bound and below its bound"),
        (Dirichlet(torch.ones(2, 3)), (2, 3), "positive shares that sum to 1"),
        (MultivariateNormal(torch.zeros(3), torch.eye(3)), (3,), "a finite number"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_the_support_of_a_distribution_is_a_parameter(law, shape, words):
    found = supported(law)
    assert found.event_shape == shape
    assert told(found.constraint) == words


WRONG = {
    "bounds": (lambda: walking.Interval(3, 1), r"got high = 1; expected a finite number above 3"),
    "endless": (lambda: walking.Above(torch.inf), "got low = inf"),
    "nothing": (lambda: by_names({}), r"got parameters = \{\}; expected a dict of parameters .*, at least one"),
    "no name": (lambda: by_names({3: walking.Reals()}), "expected a dict of parameters by their names"),
    "no shape": (lambda: walking.Positive(0), "got event_shape = 0; expected a whole number from 1"),
    "no axis": (lambda: walking.Ordered(()), "expected a whole number or a tuple of 1 or more"),
    "a class": (lambda: declared(walking.Positive, "a"), "got a = the class Positive; expected one of unnoise.walking"),
    "a text": (lambda: declared("positive", "a"), r"got a = 'positive'; expected .* such as Reals\(\), Positive\(\)"),
    "a law": (lambda: declared(Normal(0.0, 1.0), "a"), "got a = the distribution Normal; .* give log_prior="),
    "levels": (lambda: supported(Poisson(1.0)), "expected real numbers"),
    "one variable": (lambda: walking.CorrelationCholesky(1), "got size = 1; expected a whole number from 2"),
    "no rule": (lambda: walking.Constrained("positive"), "got rule = 'positive'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_parameter_is_told(name):
    make, match = WRONG[name]
    with pytest.raises(InputError, match=match):
        make()


def test_a_function_that_asks_for_another_name_is_told():
    with pytest.raises(InputError, match="asks for 'sigma', and the parameters are tau: declare it"):
        unnoise.walk(lambda at: -at["sigma"], parameters={"tau": walking.Positive()})
