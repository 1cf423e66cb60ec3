"""States as the rows of a table that is judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from unnoise.data import Schema
from unnoise.data.tabular import JudgedColumns
from unnoise.report import holes

NAN = float("nan")


def rows_of(data: Any, **options: Any) -> tuple[JudgedColumns, np.ndarray]:
    schema = Schema.infer(data, **options)
    encoded, columns = schema.encode(data), JudgedColumns.of(schema)
    known = holes.known(schema, encoded, encoded.x)
    return columns, columns.rows(encoded.x, known.test, encoded.cond)


def test_numbers_and_levels_stand_in_the_order_of_the_data() -> None:
    data = pd.DataFrame(
        {"job": ["b", "a", "b"], "gain": [0.0, 2.5, 0.0], "age": [40, 30, 20], "wild": [True, False, True]}
    )
    columns, rows = rows_of(data)
    assert columns.names == ["job", "gain", "age", "wild"]
    assert columns.categorical == [0, 3]
    np.testing.assert_allclose(rows, [[1, 0, 40, 1], [0, 2.5, 30, 0], [1, 0, 20, 1]], atol=1e-6)
    assert columns.shown("job", rows[:, 0]).tolist() == ["b", "a", "b"]
    assert columns.words("job", 0.0) == "job = a"
    assert columns.words("gain", 2.5) == "gain = 2.5"


def test_holes_are_missing_in_numbers_and_levels() -> None:
    data = pd.DataFrame({"job": ["b", None, "a"], "gain": [NAN, 2.0, 1.0]})
    columns, rows = rows_of(data)
    np.testing.assert_array_equal(np.isnan(rows), [[False, True], [True, False], [False, False]])
    assert columns.shown("job", rows[:, 0]).tolist() == ["b", "(missing)", "a"]
    assert columns.words("gain", NAN) == "gain missing"


def test_conditions_are_columns_that_samples_share() -> None:
    data = pd.DataFrame({"x": [1.0, 2.0, 4.0], "job": ["b", "a", "b"], "age": [1.0, 5.0, 9.0]})
    columns, rows = rows_of(data, condition=["job", "age"])
    assert columns.names == ["x", "job", "age"]
    assert columns.categorical == [1]
    np.testing.assert_array_equal(rows[:, 1], [1, 0, 1])
    assert np.all(np.diff(rows[:, 2]) > 0)


def test_places_angles_and_counts_have_columns_and_one_hole_hides_the_whole_place() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"lat": rng.uniform(-60, 60, 9), "lon": rng.uniform(-90, 90, 9), "calls": rng.poisson(3, 9)})
    data.loc[2, "lat"] = NAN
    columns, rows = rows_of(data, kinds={"lat,lon": "latlon", "calls": "count"})
    assert columns.names == ["lat", "lon", "calls"]
    assert np.isnan(rows).tolist() == [[place == 2, place == 2, False] for place in range(9)]
    np.testing.assert_allclose(rows[3:], data.to_numpy()[3:], rtol=1e-4)


@pytest.mark.parametrize("kind", ["images", "sequences"])
def test_images_and_sequences_are_no_tables(kind: str) -> None:
    rng = np.random.default_rng(0)
    if kind == "images":
        schema = Schema.infer(rng.normal(size=(5, 4, 4)))
    else:
        schema = Schema.infer(rng.integers(0, 3, (20, 4)), kinds={"x": "sequence"})
    assert JudgedColumns.of(schema) is None


def test_an_array_has_columns_too() -> None:
    data = np.random.default_rng(0).normal(size=(5, 2))
    columns, rows = rows_of(data)
    assert len(columns.names) == 2
    np.testing.assert_allclose(rows, data, rtol=1e-5)


def test_numbers_that_states_round_are_judged_as_they_are_written() -> None:
    """A state of digits says the cell of a number alone; a hole in one column hides no other."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    data.loc[3, "b"] = NAN
    schema = Schema.infer(data)
    encoded, columns = schema.encode(data), JudgedColumns.of(schema)
    rows = columns.rows(encoded.x, encoded.known, None, columns.written(data))
    np.testing.assert_allclose(rows, data.to_numpy(), rtol=1e-5, atol=1e-6)
    assert np.isnan(columns.rows(encoded.x, encoded.known, None)).sum() == 1


def test_angles_and_longitudes_come_round_again() -> None:
    data = pd.DataFrame({"lat": [10.0, 20.0], "wind": [5.0, 355.0], "lon": [170.0, -170.0], "speed": [1.0, 2.0]})
    schema = Schema.infer(data, kinds={"lat,lon": "latlon", "wind": "degrees"})
    assert JudgedColumns.of(schema).periods == {"wind": 360.0, "lon": 360.0}
