"""Simulations are as many parameters as observations, of which something was seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.inference import Simulations


def test_some_of_them():
    theta = {"a": np.arange(5.0), "b": torch.arange(5.0)}
    some = Simulations(theta, np.arange(10.0).reshape(5, 2)).at([3, 1])
    assert some.theta["b"].tolist() == [3.0, 1.0]
    assert some.x.tolist() == [[6.0, 7.0], [2.0, 3.0]]
    assert Simulations(np.zeros(5), np.zeros((5, 3, 2)), observations=3).shape == (2,)
    assert Simulations(np.zeros(5), np.zeros(5)).shape == ()


def test_both_at_once():
    first, second = (Simulations({"a": np.arange(5.0), "b": torch.arange(5.0)}, np.ones((5, 2))) for _ in range(2))
    both = first.joined(second.at([4]))
    assert both.theta["a"].tolist() == both.theta["b"].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 4.0]
    assert Simulations(np.zeros((3, 1)), np.ones(3)).joined(Simulations(np.ones((2, 1)), np.ones(2))).theta.sum() == 2


@pytest.mark.parametrize(
    ("theta", "x", "observations", "words"),
    [
        (np.zeros(5), np.zeros(4), 1, "expected one observation for each"),
        ({"a": np.zeros(5), "b": np.zeros(4)}, np.zeros(5), 1, "expected one observation for each"),
        (np.zeros(5), 3.0, 1, "expected one observation for each"),
        (np.zeros(5), np.zeros((5, 2)), 3, r"expected \(n, 3, ...\)"),
        (np.zeros(5), np.zeros((5, 0)), 1, "which holds nothing"),
        (np.zeros(5), np.full((5, 2), np.nan), 1, "got NaN in all of x"),
        (np.zeros(5), np.full((5, 2), np.inf), 1, "got NaN in all of x"),
        (np.zeros(5), "x", 1, "expected numbers"),
        (np.zeros(5), np.zeros(5), 0, "observations"),
    ],
)
def test_other_things_are_refused(theta, x, observations, words):
    with pytest.raises(InputError, match=words):
        Simulations(theta, x, observations)
