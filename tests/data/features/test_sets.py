"""Sets as conditions: of any number of observations, in every form; and what is no set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.features import Sets
from unnoise.data.features.base import as_values

NAN = np.nan
FORMS = [
    [np.array([1.0, 3.0]), np.array([5.0])],
    [np.array([[1.0], [3.0]]), np.array([[5.0]])],
    np.array([[1.0, 3.0], [5.0, NAN]]),
    np.array([[1.0, 3.0], [NAN, 5.0]]),
    np.array([[[1.0], [3.0]], [[5.0], [NAN]]]),
    np.ma.masked_equal([[1, 3], [5, 9]], 9),
    [torch.tensor([1.0, 3.0]), torch.tensor([5.0])],
]


@pytest.mark.parametrize("value", FORMS)
def test_sets_may_come_in_any_form(value: Any) -> None:
    kind = Sets.fit(as_values(value, "c"), "c")
    assert (kind.numbers, kind.most, kind.means) == (1, 2, (3.0,))
    found = kind.features(as_values(value, "c"), "c") * np.array([1, kind.scales[0]] * 2)
    np.testing.assert_allclose(found, [[1, -2, 1, 0], [1, 2, 0, 0]])


def test_one_set_is_for_all_rows() -> None:
    one = Sets.fit(as_values([np.arange(3.0), np.arange(2.0)], "c"), "c")
    for value in ([1.0, 2.0], np.array([1.0, 2.0]), np.array([[1.0], [2.0]])):
        assert [len(held) for held in one.given(value, "c", 5)] == [2] * 5
    pairs = Sets.fit(as_values([np.ones((3, 2)), np.zeros((1, 2))], "c"), "c")
    assert pairs.features(pairs.given(np.zeros((4, 2)), "c", 3), "c").shape == (3, 12)
    with pytest.raises(InputError, match="'c' was given 2 sets; give one, or one for each of 3 rows"):
        pairs.given([np.zeros((4, 2))] * 2, "c", 3)


def test_larger_sets_than_those_of_the_data_have_room() -> None:
    x = np.random.default_rng(0).normal(size=(4, 1))
    sets = [np.arange(1.0 + i % 2) for i in range(4)]
    schema = Schema.infer(x, {"a": sets, "b": [one[:, None] + [0.0, 1.0] for one in sets]}, optional=True)
    assert schema.condition_width == 2 * 2 + 2 * 3 + 1
    larger = schema.holding({"a": [np.arange(7.0)], "b": [np.zeros((3, 2))]})
    assert [kind.width for kind in larger.conditions.values()] == [7 * 2, 3 * 3]
    cond = schema.encode_condition({"a": np.arange(7.0), "b": np.zeros((3, 2))}, 2)
    assert cond is not None
    assert cond.shape == (2, 7 * 2 + 7 * 3 + 1), "as many places in every set"
    assert cond[0, 14:35].reshape(7, 3)[:, 0].tolist() == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([np.zeros(2), np.zeros(0)], "'c' is a set of no observations in row 1; expected at least one"),
        (np.array([[1.0], [NAN]]), "'c' is a set of no observations in row 1"),
        ([np.array([[1.0, NAN]]), np.zeros((2, 2))], "'c' has an observation with a hole or an infinity in row 0"),
        ([np.array([np.inf]), np.zeros(3)], "'c' has an observation with a hole or an infinity in row 0"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], r"shape \(2, 3\) in row 1; expected observations of 2 numbers"),
        (np.zeros(4), r"expected sets, \(n, m, d\)"),
    ],
)
def test_what_is_no_set_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Sets.fit(as_values(value, "c"), "c")
