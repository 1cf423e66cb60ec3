"""Blocks as users give them: arrays, lists of arrays, masks; and what is wrong with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, features
from unnoise.data.features import CLASSES, KINDS
from unnoise.data.features.base import as_values, is_block, stacked, whole

X = np.random.default_rng(0).normal(size=(6, 2))


@pytest.mark.parametrize(
    ("value", "shape", "block"),
    [
        ([1, 2, 3], (3,), False),
        (["a", "b"], (2,), False),
        ([[1, 2], [3, 4]], (2, 2), True),
        (np.zeros((2, 3)), (2, 3), True),
        (torch.zeros(2, 3), (2, 3), True),
        ([np.zeros(2), np.zeros(3)], (2,), True),
        ([np.zeros(2), np.zeros(2)], (2,), True),
        ([torch.zeros(2), torch.zeros(3)], (2,), True),
    ],
)
def test_values_have_a_row_each(value: Any, shape: tuple[int, ...], block: bool) -> None:
    found = as_values(value, "c")
    assert found.shape == shape
    assert is_block(found) == block


def test_what_a_mask_hides_is_nan() -> None:
    found = as_values(np.ma.masked_equal([[1, 2], [3, 9]], 9), "c")
    np.testing.assert_array_equal(found, [[1, 2], [3, np.nan]])


def test_arrays_of_one_shape_are_one_array() -> None:
    assert stacked(as_values([np.zeros((2, 2))] * 3, "c"), "c").shape == (3, 2, 2)
    with pytest.raises(InputError, match="'c' holds arrays of different shapes"):
        stacked(as_values([np.zeros(2), np.zeros(3)], "c"), "c")


def test_holes_and_texts_are_refused() -> None:
    with pytest.raises(InputError, match="'c' has a hole or an infinity in row 1"):
        whole(np.array([[1.0], [np.inf]]), "c")
    with pytest.raises(InputError, match="'c' holds 'a'; expected numbers"):
        whole(np.array([["a"]], dtype=object), "c")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.zeros((6, 3)), "vector"),
        (np.zeros((6, 3, 3), dtype=np.uint8), "image"),
        (np.zeros((6, 1, 3, 3)), "image"),
        (np.full((6, 3, 3), np.nan), "set"),
        (as_values([np.zeros(2)] * 6, "c"), "set"),
    ],
)
def test_what_nothing_is_said_of_is_taken_for(values: Any, kind: str) -> None:
    assert features.usual(values, "c") == kind


def test_every_kind_is_known_by_its_word_and_saved() -> None:
    made = {
        "vector": X,
        "image": np.arange(6 * 16).reshape(6, 4, 4),
        "set": [np.arange(1.0 + i % 3) for i in range(6)],
        "sequence": np.array(["ab", "b", "abc", "c", "a", "ba"], dtype=object),
        "angle": np.linspace(0, 6, 6),
        "degrees": np.linspace(0, 350, 6),
        "radians": np.linspace(0, 6, 6),
        "latlon": X,
        "rotation": np.tile(np.eye(3), (6, 1, 1)),
        "proportions": np.full((6, 2), 0.5),
        "count": np.arange(6),
    }
    assert set(made) == set(KINDS)
    for kind, y in made.items():
        schema = Schema.infer(X, {"c": y}, kinds={"c": kind}, optional=True)
        again = Schema.from_config(schema.to_config())
        assert again == schema, kind
        assert type(schema.conditions["c"]) in CLASSES.values()
        first, second = schema.encode(X, {"c": y}).cond, again.encode_condition({"c": y}, 6)
        assert first is not None
        assert torch.equal(first, second), kind
        assert first.shape == (6, schema.condition_width), kind
        assert f"condition: {schema.conditions['c']}" in schema.describe()
        assert schema.conditions["c"].example is not None


def test_a_kind_that_blocks_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="'c' holds an array in each row and is declared ordered"):
        Schema.infer(X, {"c": X}, kinds={"c": "ordered"})
