"""Log densities in every form that people write, and what helps where none works."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Density
from unnoise.spaces import Euclidean
from unnoise.targets import Potts
from unnoise.walking.functions import Differences, Function, Tried, TriedRatios, understood

SPACE = Euclidean(2)
X = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def inplace(x):
    x *= 1.0
    return -0.5 * x.square().sum(-1)


def single_precision(x):
    return -0.5 * x.float().square().sum(-1)


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
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_understood(form):
    function, sloped = FORMS[form]
    found = understood(function, SPACE, X.clone())
    assert isinstance(found, Function)
    torch.testing.assert_close(found.log_prob(X.clone()).double(), -0.5 * X.square().sum(1), rtol=1e-5, atol=1e-5)
    assert found.sloped == (sloped and form != "in place")
    if found.sloped:
        torch.testing.assert_close(found.log_prob_and_score(X)[1].double(), -X, rtol=1e-5, atol=1e-5)


def test_rows_that_see_each_other_are_told_of():
    with pytest.raises(InputError, match=r"rows see each other: .* sum over the axes of a point, never over the batch"):
        understood(lambda x: x.sum() + 0 * x.sum(-1), SPACE, X)


def test_what_works_in_no_form_is_refused_with_what_each_said():
    with pytest.raises(InputError, match=r"works neither on a batch.*a batch: NameError"):
        understood(lambda x: missing(x), SPACE, X)  # noqa: F821


def test_what_is_no_number_is_no_density_and_is_counted():
    def holed(x):
        return torch.where(x[:, 0] > 0, torch.nan, x[:, 1])

    target = Tried(Density(holed), SPACE)
    values, score = target.log_prob_and_score(X)
    wrong = X[:, 0] > 0
    assert torch.isneginf(values[wrong]).all()
    assert torch.equal(values[~wrong], X[~wrong, 1])
    assert torch.isfinite(score).all()
    assert (target.evaluations, target.refused) == (5, int(wrong.sum()))
    assert float(Tried(Density(lambda x: x[:, 0] * 0 + math.inf), SPACE).log_prob(X)[0]) == -math.inf


def test_ratios_pass():
    potts = Potts((2, 2), 3, 1.0)
    x = torch.zeros(1, 2, 2, dtype=torch.long)
    torch.testing.assert_close(TriedRatios(potts, potts.space).log_ratios(x), potts.log_ratios(x))


def test_differences_are_slopes_at_any_scale():
    for scale in (1e-3, 1.0, 1e4):
        target = Density(lambda x, s=scale: -0.5 * (x / s).square().sum(1) + x[:, 0] / s)
        value, slope = Differences(target).log_prob_and_score(scale * X)
        right = target.log_prob_and_score(scale * X)
        torch.testing.assert_close(value, right[0])
        torch.testing.assert_close(scale * slope, scale * right[1], rtol=1e-4, atol=1e-4)


def test_beside_an_edge_there_is_no_slope():
    target = Differences(Density(lambda x: torch.where(x[:, 0] > 0, -x[:, 0], -torch.inf)))
    _, slope = target.log_prob_and_score(torch.tensor([[1e-12, 1.0], [1.0, 1.0]], dtype=torch.float64))
    torch.testing.assert_close(slope, torch.tensor([[0.0, 0.0], [-1.0, 0.0]], dtype=torch.float64))
