"""Distributions that are asked where they have no density: minus infinity there, the same elsewhere, and no error."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Distribution, Exponential, Gamma, Normal, Uniform

from unnoise._errors import InputError
from unnoise.spaces import Euclidean
from unnoise.walking.forms import understood
from unnoise.walking.supports import noting

SPACE = Euclidean(2)
X = torch.tensor([[1.0, 2.0], [-1.0, 2.0], [0.5, -0.3], [-2.0, -1.0], [3.0, 0.1]], dtype=torch.float64)
DATA = torch.linspace(-1, 1, 5, dtype=torch.float64)  # as many as rows


def scaled(x):
    """A likelihood whose scale is a number of the point, which is negative in rows 2 and 3."""
    return Normal(x[:, :1], x[:, 1:]).log_prob(DATA).sum(-1)


def scaled_point(x):
    return Normal(x[0], x[1]).log_prob(DATA).sum()


SUPPORTS = {
    "values, a batch": (lambda x: Gamma(2.0, 1.0).log_prob(x).sum(-1), [1, 0, 0, 0, 1]),
    "values, one point": (lambda x: Gamma(2.0, 1.0).log_prob(x[0]) - x[1].square(), [1, 0, 1, 0, 1]),
    "finite outside": (lambda x: Exponential(x[1].exp()).log_prob(x[0]) - x[1] ** 2, [1, 0, 1, 0, 1]),
    "scales, a batch": (scaled, [1, 1, 0, 0, 1]),
    "scales, one point": (scaled_point, [1, 1, 0, 0, 1]),
    "a gamma function that is finite outside": (lambda x: Gamma(x[:, 1], 1.0).log_prob(x[:, 1].abs()), [1, 1, 0, 0, 1]),
}


@pytest.mark.parametrize("usual", [True, False])  # the latter once torch.compile was used
@pytest.mark.parametrize("name", SUPPORTS)
def test_rows_outside_have_no_density_and_others_keep_theirs(name, usual, monkeypatch):
    monkeypatch.setattr(Distribution, "_validate_args", usual)
    function, inside = SUPPORTS[name]
    found = understood(function, SPACE, X)
    values, slopes = found.log_prob_and_score(X)
    assert values.isneginf().tolist() == [not one for one in inside]
    good = values.isfinite()
    assert torch.equal(values[good], found.log_prob(X[good]))  # where torch raises no error
    assert slopes[good].isfinite().all()
    assert Distribution._validate_args == usual


def test_values_outside_a_support_may_come_later():
    found = understood(SUPPORTS["values, a batch"][0], SPACE, X.abs())
    assert found.log_prob(X).isneginf().tolist() == [False, True, True, True, False]


def test_data_that_a_distribution_cannot_have_are_an_error_as_before():
    with pytest.raises(InputError, match=r"ValueError: Expected value argument"):
        understood(lambda x: Gamma(2.0, x[:, :1].exp()).log_prob(DATA[:4]).sum(-1), SPACE, X)
    with pytest.raises(ValueError, match="within the support"):
        Gamma(2.0, 1.0, validate_args=True).log_prob(torch.tensor(-1.0))


def test_an_answer_for_all_rows_at_once_is_an_error():
    with noting(2), pytest.raises(ValueError, match="within the support"):
        Uniform(0.0, 1.0).log_prob(torch.tensor([0.5, 2.0, 3.0]))
    with noting(2) as notes:
        values = notes.held(Uniform(0.0, 1.0, validate_args=True).log_prob(torch.tensor([0.5, 2.0])))
    assert values.tolist() == [0.0, -math.inf]
