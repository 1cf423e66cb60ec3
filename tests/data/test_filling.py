"""Holes are filled, and all else stays as it was: columns, types, index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema

NAN = np.nan
COLUMNS: dict[str, list[Any]] = {
    "real": [1.5, None, 2.5, 0.1],
    "whole": [1, 2, None, 7],
    "truth": [True, None, False, True],
    "text": ["u", "v", None, "w"],
    "full": [1.5, 2.5, 3.5, 1 / 3],
}
PANDAS = pd.DataFrame(COLUMNS, index=[7, 3, 9, 1])
POLARS = pl.DataFrame(COLUMNS)
FRAMES: dict[str, Any] = {
    "pandas": PANDAS,
    "pandas, nullable": PANDAS.convert_dtypes(),
    "pandas, arrow": PANDAS.convert_dtypes(dtype_backend="pyarrow"),
    "pandas, small": PANDAS.astype({"whole": "UInt8", "real": "float32"}),
    "pandas, objects": pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in COLUMNS.items()}),
    "pandas, levels": PANDAS.assign(text=pd.Categorical(COLUMNS["text"], categories=["w", "v", "u"], ordered=True)),
    "polars": POLARS,
    "polars, levels": POLARS.with_columns(pl.col("text").cast(pl.Categorical), pl.col("whole").cast(pl.UInt8)),
    "polars, enum": POLARS.with_columns(pl.col("text").cast(pl.Enum(["w", "v", "u"])), pl.col("real").fill_null(NAN)),
    "pyarrow": pa.table(COLUMNS),
    "pyarrow, levels": pa.table(COLUMNS | {"text": pa.array(COLUMNS["text"]).dictionary_encode()}),
}


def types(data: Any) -> Any:
    return data.schema if isinstance(data, pa.Table | pl.DataFrame) else list(data.dtypes)


def cells(data: Any) -> list[list[Any]]:
    """Column by column, as Python's objects; None for a hole."""
    if isinstance(data, pa.Table):
        columns = [column.to_pylist() for column in data.columns]
    else:
        columns = [data[name].to_list() for name in data.columns]
    return [[None if pd.isna(value) else value for value in column] for column in columns]


def of_row(schema: Schema, frame: Any, row: int) -> Any:
    """The states of one whole row, for all rows."""
    encoded = schema.encode(frame)
    return {name: leaf[[row] * len(encoded)] for name, leaf in encoded.x.items()}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_only_the_holes_of_a_frame_change(frame: Any) -> None:
    schema = Schema.infer(frame)
    done = schema.filled(frame, of_row(schema, frame, 0))
    assert type(done) is type(frame)
    assert types(done) == types(frame)
    for got, was in zip(cells(done), cells(frame), strict=True):
        for new, old in zip(got, was, strict=True):
            assert type(new) is type(was[0])
            first = pytest.approx(was[0]) if isinstance(was[0], float) else was[0]
            assert new == (first if old is None else old)
    if isinstance(frame, pd.DataFrame):
        assert list(done.index) == list(frame.index)
    assert any(None in column for column in cells(frame))  # it is a copy


@pytest.mark.parametrize("convert", [pl.DataFrame.clone, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_other_columns_and_another_order_stay(convert: Any) -> None:
    schema = Schema.infer(convert(POLARS))
    more = POLARS.select(pl.lit("as it was").alias("note"), "text", "full", "whole", "truth", "real")
    frame = convert(more.with_columns(date=pl.date(2020, 1, 2), gap=pl.Series([1, None, 2, 3])))
    chosen = schema.selected(frame)
    assert list(chosen.column_names if isinstance(chosen, pa.Table) else chosen.columns) == list(COLUMNS)
    holes = schema.holes(frame)
    assert {name: rows.tolist() for name, rows in holes.items()} == {
        name: [value is None for value in column] for name, column in COLUMNS.items()
    }
    done = schema.filled(frame, of_row(schema, chosen, 0))
    assert types(done) == types(frame)
    right = dict(zip(COLUMNS, cells(convert(POLARS)), strict=True))
    names = done.column_names if isinstance(done, pa.Table) else list(done.columns)
    for name, got, was in zip(names, cells(done), cells(frame), strict=True):
        if name in right:
            assert None not in got
            assert [a for a, b in zip(got, was, strict=True) if b is not None] == [b for b in was if b is not None]
        else:
            assert got == was


def test_names_that_are_missing_are_left_to_the_reader() -> None:
    schema = Schema.infer(POLARS)
    with pytest.raises(InputError, match="Feature names seen at fit time, yet now missing:\n- real"):
        schema.holes(POLARS.drop("real"))


MAKE = {
    "float64": np.asarray,
    "float32": np.float32,
    "tensor": torch.tensor,
    "bfloat16": lambda array: torch.tensor(array).bfloat16(),
    "list": np.ndarray.tolist,
}


def plainly(data: Any) -> np.ndarray:
    return (data if isinstance(data, torch.Tensor) else torch.tensor(np.asarray(data))).double().numpy()


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_only_the_holes_of_an_array_change(make: Any) -> None:
    data = make(np.array([[1.5, 1, 0.5], [NAN, 2, 1 / 3], [2.5, NAN, 4.5]]))
    schema = Schema.infer(data)
    done = schema.filled(data, of_row(schema, data, 0))
    plain, was = plainly(done), plainly(data)
    np.testing.assert_array_equal(plain[~np.isnan(was)], was[~np.isnan(was)])
    np.testing.assert_allclose(plain[np.isnan(was)], [1.5, 1.0], atol=1e-6)
    assert np.isnan(was).any()  # it is a copy
    assert type(done) is (np.ndarray if isinstance(data, list) else type(data))
    assert isinstance(data, list) or done.dtype == data.dtype


def test_objects_are_filled_with_python_objects() -> None:
    data = np.array([["u", 1, True], [None, 2, None], ["v", None, False]], dtype=object)
    done = Schema.infer(data).filled(data, of_row(Schema.infer(data), data, 0))
    assert done.tolist() == [["u", 1, True], ["u", 2, True], ["v", 1, False]]


def test_pixels_are_filled() -> None:
    images = np.random.default_rng(0).normal(size=(5, 4, 4))
    images[2, 1:3] = NAN
    schema = Schema.infer(images)
    states = torch.full((5, 4, 4), 0.25)
    done = schema.filled(images, states)
    np.testing.assert_array_equal(done[~np.isnan(images)], images[~np.isnan(images)])
    np.testing.assert_array_equal(done[np.isnan(images)], schema.decode(states)[np.isnan(images)])
    assert schema.holes(images)["x"].sum() == 8
    tensor = torch.tensor(images)
    assert torch.equal(schema.filled(tensor, states), torch.tensor(done))


def test_only_the_missing_part_of_a_place_is_filled() -> None:
    frame = pd.DataFrame({"lat": [10.0, NAN, 30.0], "lon": [5.0, 6.25, 7.0], "x": [1.0, 2.5, 4.0]})
    schema = Schema.infer(frame, kinds={"lat,lon": "latlon"})
    done = schema.filled(frame, of_row(schema, frame, 2))
    assert done["lon"].tolist() == [5.0, 6.25, 7.0]
    assert done["lat"].tolist() == [10.0, pytest.approx(30.0, abs=1e-4), 30.0]


def test_constants_are_filled_with_their_value() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.5, 4.0], "b": [3.0, NAN, 3.0]})
    schema = Schema.infer(frame)
    assert schema.filled(frame, schema.encode(frame).x)["b"].tolist() == [3.0, 3.0, 3.0]
    assert {name: gap.tolist() for name, gap in schema.holes(frame).items()} == {
        "a": [False] * 3,
        "b": [False, True, False],
    }


def test_data_without_holes_stay() -> None:
    schema = Schema.infer(POLARS)
    whole = POLARS.drop_nulls()
    assert schema.filled(whole, schema.encode(whole).x).equals(whole)


def test_a_column_of_nothing_is_filled() -> None:
    schema = Schema.infer(POLARS)
    gone = POLARS.with_columns(text=pl.lit(None), whole=pl.lit(None, dtype=pl.Int64))
    done = schema.filled(gone, of_row(schema, POLARS, 3))
    assert done["text"].to_list() == ["w"] * 4
    assert done["whole"].to_list() == [7] * 4


def test_as_many_states_as_rows() -> None:
    schema = Schema.infer(POLARS)
    with pytest.raises(InputError, match="got states of 2 rows for data of 4 rows; expected as many"):
        schema.filled(POLARS, {name: leaf[:2] for name, leaf in schema.encode(POLARS).x.items()})


def test_truth_values_fill_a_column_of_numbers() -> None:
    schema = Schema.infer(pl.DataFrame({"a": [True, False, True], "b": [1, 2, 3]}))
    frame = pd.DataFrame({"a": [1.0, np.nan, 0.0], "b": [1, 2, 3]})
    x = schema.encode(pl.DataFrame({"a": [True, True, False], "b": [1, 2, 3]})).x
    assert schema.filled(frame, x)["a"].tolist() == [1.0, 1.0, 0.0]
    assert schema.filled(pa.Table.from_pandas(frame), x)["a"].to_pylist() == [1.0, 1.0, 0.0]
