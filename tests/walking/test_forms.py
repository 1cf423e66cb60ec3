"""Log densities in every form that people write, and what helps where none works."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

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


def asking(x):
    if torch.any(x.abs() > 1e6):
        return -math.inf
    return -0.5 * torch.sum(x**2)


SPACE_FOR_VALUES = np.zeros(2**12)


def reusing(x):
    """Returns the same memory at every call."""
    values = SPACE_FOR_VALUES[: len(x)]
    values[:] = -0.5 * np.square(x).sum(-1)
    return values


def reusing_torch(x):
    values = torch.from_numpy(SPACE_FOR_VALUES)[: len(x)]
    return values.copy_(-0.5 * x.detach().square().sum(-1))


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
    "a list of tensors": (lambda x: [-0.5 * torch.dot(row, row) for row in x], True),
    "an array from tensors": (lambda x: (-0.5 * x.detach().square().sum(-1)).numpy(), False),
    "the same array at every call": (reusing, False),
    "the same tensor at every call": (reusing_torch, False),
    "one axis too many": (lambda x: -0.5 * x.square().sum(-1)[:, None, None], True),
    "one point, torch that asks": (asking, True),
    "columns in NumPy": (lambda x: -0.5 * (np.square(x[0]) + np.square(x[1])), False),
    "columns alone": (lambda x: -0.5 * np.square(x).sum(0), False),
    "two arguments": (lambda a, b: -0.5 * (a**2 + b**2), True),
    "any number of arguments": (lambda *x: -0.5 * sum(v**2 for v in x), True),
    "two arguments, the functions of math": (lambda a, b: -0.5 * (math.pow(a, 2) + math.pow(b, 2)), False),
    "a large constant": (lambda x: 1e10 - 0.5 * x.square().sum(-1) - 1e10, True),
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


NUMBERS = {
    "the functions of math": lambda x: -0.5 * math.pow(x, 2),
    "a question": lambda x: -0.5 * x**2 if x < 1e5 else -math.inf,
    "a column": lambda x: -0.5 * x**2,
    "an argument of any number": lambda *x: -0.5 * x[0] ** 2,
}


@pytest.mark.parametrize("form", NUMBERS)
def test_a_point_of_one_number_may_be_the_number(form):
    found = understood(NUMBERS[form], Euclidean(1), X[:, :1])
    torch.testing.assert_close(found.log_prob(X[:, :1]).double(), -0.5 * X[:, 0].square())


def test_arguments_are_parameters_by_their_names():
    """All of them, or some; one argument is the dict unless that fails."""
    at = {"mu": X[:, 0], "tau": X[:, 1].exp()}
    expected = -at["mu"] / at["tau"]
    three = (lambda mu, tau: -mu / tau, lambda tau, mu, more=0: more - mu / tau, lambda mu: -mu["mu"] / mu["tau"])
    for function in three:
        torch.testing.assert_close(understood(function, SPACE, at).log_prob(at), expected)
    torch.testing.assert_close(understood(lambda tau: tau * 2, SPACE, at).log_prob(at), 2 * at["tau"])
    with pytest.raises(InputError, match="takes mu, sigma, and the parameters are mu, tau; expected one argument"):
        understood(lambda mu, sigma: mu, SPACE, at)
    with pytest.raises(InputError, match="takes x, data, weights, and a point has 2 numbers; expected one argument"):
        understood(lambda x, data, weights: x, SPACE, X)


def test_a_function_of_columns_that_is_another_one_of_points_is_none_of_columns():
    """Here the mean of a point is not that of its columns."""

    def centred(x):
        return -np.square(x - np.mean(x, -1, keepdims=True)).sum(0)

    found = understood(centred, SPACE, X)
    torch.testing.assert_close(found.log_prob(X), -(X - X.mean(1, keepdim=True)).square().sum(1))


def test_a_flat_prior_has_a_slope_of_zero():
    """So that gradients of a likelihood beside it count."""
    found = understood(lambda x: 0.0 if np.ndim(x) == 1 else np.zeros(len(x)), SPACE, X)
    assert found.sloped
    assert found.log_prob_and_score(X)[1].tolist() == torch.zeros(5, 2).tolist()


UNFIT = {
    "chance": (lambda x: -x.square().sum(-1) + torch.randn(len(x)), "of the same point is .* leave out random numbers"),
    "truth": (lambda x: (x > 0).all(-1), "returned truth values; expected logarithms: 0 where they are true"),
    "names": (lambda x: x["a"] + x["b"], r"by the names a, b; say what .* parameters = \{'a': Reals\(\), 'b': Reals"),
    "a gradient too": (lambda x: (-x.square().sum(-1), -2 * x), "a batch: TypeError: it returned a tuple of 2"),
    "nothing": (lambda x: None, "it returned nothing"),
    "everywhere an error": (lambda x: refuse(), "nowhere.*test_forms.py, line .*give the bounds of its points"),
}


def refuse():
    raise ValueError("nowhere")


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_log_density_is_told(name):
    function, match = UNFIT[name]
    with pytest.raises(InputError, match=match):
        understood(function, SPACE, X)


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


def test_a_sum_that_was_forgotten_is_told_of():
    wanted = r"it returned \(3, 2\), a number for every axis of a point: sum over these axes, as by .sum\(1\)$"
    with pytest.raises(InputError, match=wanted):
        understood(lambda x: Normal(0.0, 1.0).log_prob(x), SPACE, X)
