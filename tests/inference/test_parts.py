"""A parameter is shown as the prior draws it, and read again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.inference import Part


def test_values_have_the_kind_that_the_prior_draws():
    numbers = np.arange(6.0).reshape(3, 2)
    assert Part("a", (2,)).shown(numbers).dtype == np.float64
    assert Part("a", (2,)).shown(numbers, whole=True).dtype == np.int64
    assert Part("a", (2,), "int64").shown(numbers, whole=True).dtype == torch.int64
    assert Part("a", (2,), "float32").shown(numbers, whole=True).dtype == torch.float32
    np.testing.assert_array_equal(Part("a", (2,), "int64").read(Part("a", (2,), "int64").shown(numbers)), numbers)


def test_of_shares_all_but_the_last_are_free():
    part = Part("p", (2, 3), shares=True)
    assert (part.size, part.free) == (6, 4)
    assert part.free_columns == ["p[0, 0]", "p[0, 1] of the rest", "p[1, 0]", "p[1, 1] of the rest"]
    assert Part("p", (3,)).free_columns == ["p[0]", "p[1]", "p[2]"]


@pytest.mark.parametrize("shape", [(), (1,), (3, 1)])
def test_a_single_share_is_none(shape):
    with pytest.raises(InputError, match="at least two shares"):
        Part("p", shape, shares=True)


@pytest.mark.parametrize(("value", "words"), [([1.0], r"got p of shape \(1,\)"), ("x", "expected numbers")])
def test_other_values_are_refused(value, words):
    with pytest.raises(InputError, match=words):
        Part("p", (2,)).read(value)
