"""Log densities in every form that people write, and what helps where none works."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Distribution, Exponential, Gamma, Normal

from unnoise._errors import InputError
from unnoise.spaces import Euclidean
from unnoise.walking.forms import understood
from unnoise.walking.functions import Function

SPACE = Euclidean(2)
X = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def inplace(x):
    x *= 1.0
    return -0.5 * x.square().sum(-1)


def single_precision(x):
    return -0.5 * x.float().square().sum(-1)


def numpy_inplace(x):
    x *= x
    return -0.5 * x.sum(-1)


def distributions(x):
    scale = (x[0] - x[0] + 1.0).abs()  # a tensor, which the distribution validates
    return Normal(0.0, scale).log_prob(x).sum() + math.log(2 * math.pi)


FORMS = {
    "a batch": (lambda x: -0.5 * x.square().sum(-1), True),
    "(n, 1)": (lambda x: -0.5 * x.square().sum(-1, keepdim=True), True),
    "one point": (lambda x: -0.5 * (x[0] ** 2 + x[1] ** 2), True),
    "one point, a dot product": (lambda x: -0.5 * torch.dot(x, x), True),
    "numpy": (lambda x: -0.5 * np.square(x).sum(-1), False),
    "numpy, one point": (lambda x: float(-0.5 * np.dot(x, x)), False),
    "detached": (lambda x: -0.5 * x.detach().square().sum(-1), False),
    "single precision": (single_precision, True),
    "in place": (inplace, True),
    "weights in single precision": (lambda x: -0.5 * (x @ torch.eye(2)).square().sum(-1), True),
    "one point, distributions": (
        lambda x: -0.5 * x[0] ** 2 + (Normal(0.0, x[0].exp()).log_prob(x[1]) * 0 - 0.5 * x[1] ** 2),
        True,
    ),
    "numpy, a single row without an axis": (lambda x: -0.5 * np.square(x).sum(-1).squeeze(), False),
    "numpy, in place": (numpy_inplace, False),
    "the functions of math": (lambda x: -0.5 * math.log(math.exp(x[0] ** 2) * math.exp(x[1] ** 2)), False),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_understood(form):
    function, sloped = FORMS[form]
    found = understood(function, SPACE, X.clone())
    assert isinstance(found, Function)
    torch.testing.assert_close(found.log_prob(X.clone()).double(), -0.5 * X.square().sum(1), rtol=1e-5, atol=1e-5)
    assert found.sloped == sloped
    if found.sloped:
        torch.testing.assert_close(found.log_prob_and_score(X)[1].double(), -X, rtol=1e-5, atol=1e-5)


def test_rows_that_see_each_other_are_told_of():
    with pytest.raises(InputError, match=r"rows see each other: .* sum over the axes of a point, never over the batch"):
        understood(lambda x: x.sum() + 0 * x.sum(-1), SPACE, X)


def test_what_works_in_no_form_is_refused_with_what_each_said():
    with pytest.raises(InputError, match=r"works neither on a batch.*a batch: NameError"):
        understood(lambda x: missing(x), SPACE, X)  # noqa: F821


def test_the_points_stay_as_they_are():
    """Whatever a function writes on them."""
    x = X.clone()
    understood(inplace, SPACE, x).log_prob(x)
    understood(lambda x: -numpy_inplace(x), SPACE, x).log_prob(x)
    assert torch.equal(x, X)


def test_errors_of_math_are_no_density_unless_nothing_works():
    found = understood(lambda x: -math.exp(x[0]) - x[1] ** 2, SPACE, X)
    far = torch.tensor([[1e3, 0.0], [0.0, 0.0]], dtype=torch.float64)  # e^1000 overflows
    assert found.log_prob(far).isnan().tolist() == [True, False]
    with pytest.raises(InputError, match="one point in NumPy: OverflowError"):
        understood(lambda x: math.exp(1e3 + 0 * x[0]), SPACE, X)


SUPPORTS = {
    "a batch": lambda x: Gamma(2.0, 1.0).log_prob(x).sum(-1),
    "one point": lambda x: Gamma(2.0, 1.0).log_prob(x[0]) + Normal(0.0, x[0].exp()).log_prob(x[1]),
    "one that is finite outside": lambda x: Exponential(x[1].exp()).log_prob(x[0]) - x[1] ** 2,
}


@pytest.mark.parametrize("form", SUPPORTS)
def test_values_outside_a_support_are_told_of_with_what_to_do(form):
    """Not dropped: the density of an exponential law is finite where it has none."""
    with pytest.raises(InputError, match=r"values that it cannot have.* as parameters, such as .*Positive\(\)"):
        understood(SUPPORTS[form], SPACE, X)
    assert Distribution._validate_args == __debug__


def test_values_outside_a_support_may_come_later():
    found = understood(SUPPORTS["a batch"], SPACE, X.abs())
    with pytest.raises(InputError, match="values that it cannot have"):
        found.log_prob(X)


def test_a_sum_that_was_forgotten_is_told_of():
    with pytest.raises(InputError, match=r"it returned \(3, 2\), a number for every axis of a point: sum over these"):
        understood(lambda x: Normal(0.0, 1.0).log_prob(x), SPACE, X)
