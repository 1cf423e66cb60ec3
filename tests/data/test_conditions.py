"""Conditions: where they come from, what has to be given, what is wrong with what was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema

DATA = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 30.0]])
LABELS = np.array([3, 5, 3])


@pytest.fixture
def schema() -> Schema:
    frame = pl.DataFrame({"a": [1.0, 2.0, 4.0], "class": ["u", "v", "u"], "age": [20, 30, 40]})
    return Schema.infer(frame, kinds={"a": "real"}, condition=["class", "age"])


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS[:, None],
        LABELS.tolist(),
        torch.tensor(LABELS),
        pd.Series(LABELS),
        pl.DataFrame({"class": LABELS}),
    ],
)
def test_labels_may_come_in_any_form(y: Any) -> None:
    cond = Schema.infer(DATA, y, condition="class").encode(DATA, y).cond
    assert cond is not None
    assert cond.tolist() == [[1, 0], [0, 1], [1, 0]]


def test_several_conditions_beside_the_data() -> None:
    y = pd.DataFrame({"b": [1.5, 2.5, 3.5], "a": ["u", "v", "u"], "unused": 1})
    schema = Schema.infer(DATA, y, condition=["a", "b"])
    assert [kind.name for kind in schema.conditions.values()] == ["category", "real"]
    as_matrix = Schema.infer(DATA, np.array([["u", 1.5], ["v", 2.5], ["u", 3.5]], dtype=object), condition=["a", "b"])
    assert as_matrix.conditions == schema.conditions


def test_conditions_in_the_data_and_beside_it() -> None:
    schema = Schema.infer(DATA, LABELS, condition=["class", "x1"])
    assert list(schema.conditions) == ["class", "x1"]
    assert schema.event_shape == (1,)
    encoded = schema.encode(DATA, LABELS)
    assert encoded.cond is not None
    assert encoded.cond.shape == (3, 3)
    back = schema.decode(encoded.x, {"class": LABELS, "x1": DATA[:, 1]})
    np.testing.assert_allclose(back, DATA, rtol=1e-6)


@pytest.mark.parametrize(
    ("y", "condition", "message"),
    [
        (
            None,
            "class",
            "The condition 'class' is not a column of the data, and y was not given; the columns are 'x0', 'x1'",
        ),
        (pl.DataFrame({"b": [1, 2, 3]}), "class", "y has no column 'class'; its columns are 'b'"),
        (np.zeros((3, 2)), "class", "y has 2 columns, but the conditions are 'class'"),
        (LABELS[:2], "class", "X has 3 rows, but the condition 'class' has 2"),
        (None, ["x0", "x1"], "Every column is a condition, so nothing is left to model"),
    ],
)
def test_conditions_that_are_not_there(y: Any, condition: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(DATA, y, condition=condition)


def test_labels_are_needed_again_for_new_rows() -> None:
    with pytest.raises(InputError, match="'class' is not a column of the data, and y was not given"):
        Schema.infer(DATA, LABELS, condition="class").encode(DATA)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "The model is conditional on 'class', 'age': pass given={'class': 'u', 'age': 30.0}"),
        ({}, "The condition 'class', 'age' was not given: pass given={'class': 'u', 'age': 30.0}"),
        ({"class": "u"}, "The condition 'age' was not given: pass given="),
        (pl.DataFrame({"age": [1, 2]}), "The condition 'class' was not given"),
        ({"class": "u", "age": 30, "size": 1}, "The model has no condition 'size': pass given="),
        ({"class": "w", "age": 30}, "Condition 'class' has no level 'w'; the levels are u, v"),
        ({"class": ["u", None], "age": 30}, "Condition 'class' has no level None"),
        ({"class": "u", "age": "old"}, "Condition 'age' is a number, but 'old' was given"),
        ({"class": "u", "age": float("nan")}, "Condition 'age' was given as NaN or infinity"),
        ({"class": "u", "age": np.ma.masked_equal([1, 2], 1)}, "The data has 1 masked values"),
        ({"class": "u", "age": 1j}, "Complex data not supported"),
        ({"class": "u", "age": [[1], [2, 3]]}, "The rows do not form an array"),
        ({"class": "u", "age": 1e300}, "Column 'age' holds 1e+300 in row 0, which is too far from the data"),
        (
            {"class": "u", "age": [1, 2, 3]},
            "The condition 'age' was given 3 values; give one, or one for each of 2 rows",
        ),
        ({"class": "u", "age": [[1, 2]]}, "'age' was given an array of shape (1, 2)"),
        (
            ["u", 30],
            "given is of type list; expected a dict or a DataFrame, such as given={'class': 'u', ",
        ),
    ],
)
def test_what_is_given_is_checked(schema: Schema, given: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        schema.encode_condition(given, 2)
    assert message in str(caught.value)


def test_rows_of_a_frame_need_their_conditions(schema: Schema) -> None:
    with pytest.raises(InputError, match="The model is conditional on 'class', 'age'"):
        schema.decode(torch.zeros(2, 1))


def test_without_conditions_nothing_is_given() -> None:
    schema = Schema.infer(DATA)
    assert schema.encode_condition(None, 5) is None
    assert schema.condition_width == 0
    with pytest.raises(InputError, match="The model has no conditions; leave out `given`"):
        schema.encode_condition({"class": 1}, 5)


def test_columns_of_a_place_are_conditions_without_a_seam() -> None:
    rng = np.random.default_rng(0)
    data = pl.DataFrame({"t": rng.normal(size=50), "lat": rng.uniform(-90, 90, 50), "lon": rng.uniform(-180, 180, 50)})
    schema = Schema.infer(data, kinds={"lat,lon": "latlon"}, condition=["lat", "lon"])
    west, east, far = (schema.encode_condition({"lat": 40.0, "lon": lon}, 1) for lon in (-179.99, 179.99, 0.0))
    assert west is not None
    assert east is not None
    assert far is not None
    assert torch.allclose(west, east, atol=1e-3)
    with pytest.raises(InputError, match=r"pass given=\{'lat': 0.0, 'lon': 0.0\}"):
        schema.encode_condition({"lat": 40.0}, 1)
    assert not torch.allclose(west, far, atol=1)


@pytest.mark.parametrize(
    ("columns", "kinds", "said"),
    [
        (["lat"], {"lat,lon": "latlon"}, "lat,lon are declared latlon together, but only column 'lat' of them is a"),
        (["lon", "lat"], {"lon,lat": "latlon"}, "expected degrees from -90 to 90; name latitude first"),
    ],
)
def test_half_a_place_or_a_swapped_one_is_no_condition(columns: list[str], kinds: dict[str, str], said: str) -> None:
    data = pl.DataFrame({"t": [0.0, 1.0, 2.0], "lat": [1.0, 50.0, -3.0], "lon": [120.0, 7.0, -100.0]})
    with pytest.raises(InputError, match=said):
        Schema.infer(data, kinds=kinds, condition=columns)
