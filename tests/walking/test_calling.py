"""What functions return, and errors that they raise at some of the points."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.spaces import Counts, Euclidean
from unnoise.walking.calling import patient, returned
from unnoise.walking.forms import understood

X = torch.tensor([[1.0], [-1.0], [2.0], [-3.0], [4.0]], dtype=torch.float64)


def root(x):
    if (x < 0).any():
        raise ValueError("negative")
    return x.sqrt().sum(-1)


def test_errors_at_rows_are_found_by_halving_and_the_others_keep_values_and_slopes():
    calls = []

    def counted(x):
        calls.append(len(x))
        return root(x)

    values = patient(counted)(X)
    assert values.isnan().tolist() == [False, True, False, True, False]
    assert values[[0, 2, 4]].tolist() == X[[0, 2, 4], 0].sqrt().tolist()
    many = torch.cat([X[:2], torch.rand(1022, 1, dtype=torch.float64)])
    calls.clear()
    assert int(patient(counted)(many).isnan().sum()) == 1
    assert len(calls) == 1 + 2 * 7 + 8  # halves of 1,024 rows, where one is bad, down to eight
    calls.clear()
    half = torch.tensor([[1.0], [-1.0]], dtype=torch.float64).repeat(512, 1)
    assert patient(counted)(half).isnan().tolist() == [False, True] * 512
    assert len(calls) == 255 + 1024  # by halving alone 2,047
    found = understood(root, Euclidean(1), X)
    values, slope = found.log_prob_and_score(X)
    assert slope[[0, 2, 4], 0].tolist() == pytest.approx((0.5 / X[[0, 2, 4], 0].sqrt()).tolist())
    assert slope[[1, 3], 0].tolist() == [0.0, 0.0]


def test_numpy_does_not_warn_of_points_that_are_far_out():
    """Warnings are errors in tests."""
    found = understood(lambda x: -np.exp(np.square(x)).sum(-1) - np.log(x[:, 0]), Euclidean(1), X.abs())
    assert found.log_prob(torch.tensor([[1.0], [1e3], [-1.0]], dtype=torch.float64)).isfinite().tolist() == [
        True,
        False,
        False,
    ]


def test_errors_of_the_code_are_no_points_without_density():
    with pytest.raises(NameError):
        patient(lambda x: missing(x))(X)  # noqa: F821


MEAN = 3e6


def counted(x):
    """Of a Poisson law, as one writes it."""
    return (x * math.log(MEAN) - torch.lgamma(x + 1.0)).sum(-1)


def one_counted(x):
    """The same of one point that asks how large it is."""
    return counted(x) if x.sum() > 0 else 0.0 * x.sum()


@pytest.mark.parametrize("function", [counted, lambda x: counted(x[None])[0], one_counted])
def test_whole_numbers_are_computed_with_in_double_precision(function):
    """As real numbers are; torch makes single ones of them, which are a whole nat apart."""
    x = torch.arange(int(MEAN), int(MEAN) + 8)[:, None]
    right = [at * math.log(MEAN) - math.lgamma(at + 1) for at in x[:, 0].tolist()]
    values = understood(function, Counts(1), x).log_prob(x)
    assert values.tolist() == pytest.approx(right, abs=1e-6)
    assert torch.get_default_dtype() == torch.float32
    assert float((counted(x).double() - torch.tensor(right, dtype=torch.float64)).abs().max()) > 0.1


def test_functions_of_whole_numbers_may_know_single_precision_alone():
    weights = torch.tensor([[0.5], [2.0]])
    found = understood(lambda x: ((x / 4) @ weights)[:, 0], Counts(2), torch.tensor([[4, 8], [0, 4], [8, 4], [1, 2]]))
    assert found.log_prob(torch.tensor([[4, 8]])).tolist() == [4.5]


ASKING = {
    "an assertion": lambda x: check(x[0] > 0) or -x[0],
    "a matrix without a root": lambda x: -torch.linalg.cholesky(x[:, None]).sum(),
    "a place in a table": lambda x: [-1.0, -2.0, -3.0, -4.0, -5.0][index(x)],
}


def check(good):
    assert good


def index(x):
    return int(x[0]) if x[0] > 0 else 99


@pytest.mark.parametrize("name", ASKING)
def test_errors_of_many_kinds_say_that_there_is_no_density(name):
    found = understood(ASKING[name], Euclidean(1), X)
    assert found.log_prob(X).isfinite().tolist() == [True, False, True, False, True]


RETURNED = [
    (torch.tensor([1, 2]), [1.0, 2.0]),
    ([1.0, torch.tensor(2)], [1.0, 2.0]),
    ([torch.tensor([1.0]), torch.tensor([2.0])], [1.0, 2.0]),
    ((np.float32(1), 2), [1.0, 2.0]),
    (np.array([1, 2], dtype=object), [1.0, 2.0]),
    (-math.inf, -math.inf),
    (torch.tensor([1 + 0j]), [1.0]),
]


@pytest.mark.parametrize(("found", "numbers"), RETURNED, ids=str)
def test_numbers_of_all_kinds_are_tensors(found, numbers):
    assert returned(found).is_floating_point()
    assert returned(found).tolist() == numbers


NOWHERE = {
    "masked": (np.ma.masked_array([1, 2, 3], mask=[False, True, False]), [1.0, math.nan, 3.0]),
    "masked alone": (np.ma.masked, math.nan),
    "of NumPy": (np.emath.log([1.0, -2.0]), [0.0, math.nan]),
    "of torch": (torch.tensor([1.0, -1.0 + 0j]).log(), [0.0, math.nan]),
    "far out": (np.emath.log([-1.0]) + 1e30, [math.nan]),
    "rounding": (np.array([1.0 + 1e-14j, 2.0]), [1.0, 2.0]),
}


@pytest.mark.parametrize(("found", "numbers"), NOWHERE.values(), ids=NOWHERE)
def test_what_is_masked_or_not_real_is_no_density(found, numbers):
    """Masks and imaginary parts were dropped, so a negative density passed for a positive one."""
    assert returned(found).tolist() == pytest.approx(numbers, nan_ok=True)


@pytest.mark.parametrize(
    "found", [None, "a", {"a": 1}, (torch.zeros(2), torch.zeros(2, 3)), (1.0, np.zeros(2))], ids=str
)
def test_what_is_no_number_is_an_error_of_the_form(found):
    with pytest.raises(TypeError, match="it returned"):
        returned(found)
    with pytest.raises(InputError, match="truth values"):
        returned(np.array([True]))
