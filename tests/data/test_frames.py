"""DataFrames: what is one, and whose columns cannot be told apart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, frames


@pytest.mark.parametrize("data", [np.zeros((2, 2)), torch.zeros(2, 2), [[1]], pd.Series([1]), pl.Series([1]), 3, None])
def test_what_is_no_frame(data: Any) -> None:
    assert frames.opened(data) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (pl.LazyFrame({"a": [1]}), r"lazy frame; call \.collect\(\) on it first"),
        (pl.DataFrame({"a": []}, schema={"a": pl.Float64}), r"0 sample\(s\) \(shape=\(0, 1\)\)"),
        (pd.DataFrame(index=range(3)), r"0 feature\(s\) \(shape=\(3, 0\)\)"),
        (pd.DataFrame({"a": [1]}), "1 sample"),
    ],
)
def test_frames_that_cannot_be_modelled(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)


COMPOSED, APART = "gr\u00f6\u00dfe", "gro\u0308\u00dfe"


@pytest.mark.parametrize(
    ("labels", "expected", "said"),
    [
        (["b", "a", "c"], {"a": "a", "b": "b", "c": "c"}, 0),
        ([APART, " a "], {COMPOSED: APART, "a": " a "}, 0),
        (["A", COMPOSED.upper()], {"a": "A", COMPOSED: COMPOSED.upper()}, 2),
        (["A", " a"], {"a": " a", "A": "A"}, 0),
        (["A", "\u00c0", "a\u0300"], {"\u00e0": "a\u0300", "a": "A", "\u00c0": "\u00c0"}, 1),
        ([0, "B"], {"0": 0, "b": "B"}, 1),
    ],
)
def test_names_that_differ_in_blanks_marks_or_capitals(
    labels: list[Any], expected: dict[str, Any], said: int, recwarn: pytest.WarningsRecorder
) -> None:
    assert frames.labels_of(labels, [name for name in expected if name not in ("A", "\u00c0", "c")]) == expected
    assert len(recwarn) == said


def test_two_columns_of_one_name_but_for_capitals_are_no_other(recwarn: pytest.WarningsRecorder) -> None:
    assert frames.labels_of(["Ab", "aB"], ["ab"]) == {"Ab": "Ab", "aB": "aB"}
    assert not len(recwarn)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_later_data_may_be_called_a_little_otherwise(make: Any) -> None:
    schema = Schema.infer(make({COMPOSED: [1.5, 2.5, None], "k": ["u", "v", "w"]}))
    other = make({"more": [1, 2], "k ": ["w", "u"], APART: [2.5, None]})
    assert schema.encode(schema.selected(other)).known["missing"].shape == (2, 1)
    assert schema.holes(other)[COMPOSED].tolist() == [False, True]
    filled = schema.filled(other, schema.encode(schema.selected(other)).x)
    assert list(frames.opened(filled).columns) == ["more", "k ", APART]  # type: ignore[union-attr]
    assert frames.columns(frames.opened(filled))[2][0] == 2.5  # type: ignore[arg-type]


def test_a_batch_of_arrow_is_a_table_with_its_names() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [0.5, 1.5, 2.5], "k": ["u", "v", "v"]})
    schema = Schema.infer(batch)
    assert schema.container.columns == ("a", "k")
    back = schema.decode(schema.encode(batch).x, rng=torch.Generator())
    assert (type(back), back.column_names, back["k"].to_pylist()) == (pa.Table, ["a", "k"], ["u", "v", "v"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"a": [1, 2], "b": [3, 4]}, r"of type dict; .*; make one of it, as by pandas\.DataFrame\(data\)"),
        ([{"a": 1}, {"a": 2}], r"a list of dicts; make a DataFrame of it, as by pandas\.DataFrame\(data\)"),
        (np.array([(1, 2.5)], dtype=[("a", int), ("b", float)]), r"or text, or a DataFrame, as by pandas\.DataFrame"),
        (pd.Series([1, 2], name="a"), r"one column, a Series; make a DataFrame of it, as by data\.to_frame\(\)"),
        (pl.Series("a", [1, 2]), "one column, a Series"),
    ],
)
def test_tables_that_are_no_frames_are_told_how_to_become_one(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)


PARTS = pd.MultiIndex.from_tuples([("a", "b"), ("a", "c"), ("d", "")])
SPARSE = {
    "n": pd.arrays.SparseArray([0.5, 0.0, 0.0, 2.5], fill_value=0.0),
    "h": pd.arrays.SparseArray([0.5, np.nan, 1.5, np.nan]),
    "i": pd.arrays.SparseArray([0, 7, 0, 1]),
    "t": pd.arrays.SparseArray([True, False, False, False]),
}
NUMBERS = [[1.5, 2.0, 3.0], [3.5, 4.0, 7.0], [2.5, 5.0, 1.0]]


@pytest.mark.parametrize(
    ("frame", "names"),
    [
        (pd.DataFrame(NUMBERS, columns=["a", "b", "a"]), ["a", "b", "a.1"]),
        (pd.DataFrame(NUMBERS, columns=["a", "a.1", "a"]), ["a", "a.1", "a.2"]),
        (pd.DataFrame(NUMBERS, columns=[0, "0", 0.5]), ["0", "0.1", "0.5"]),
        (pd.DataFrame(NUMBERS, columns=PARTS), ["a b", "a c", "d"]),
        (pa.table([[1.5, 2.5], [3, 4]], names=["a", "a"]), ["a", "a.1"]),
    ],
)
def test_labels_that_are_no_names_get_some_and_come_back(frame: Any, names: list[str]) -> None:
    with pytest.warns(UserWarning, match="are called .* here; what is made has their own labels") as said:
        schema = Schema.infer(frame)
    assert len(said) == 1
    assert Schema.from_config(json.loads(json.dumps(schema.to_config()))) == schema
    assert list(schema.container.columns) == names
    x = schema.encode(frame).x
    for made in (schema.decode(x), schema.filled(frame, x)):
        assert made.equals(frame)
        assert (
            (made.column_names == frame.column_names)
            if isinstance(made, pa.Table)
            else made.columns.equals(frame.columns)
        )
    first = float(frame.column(0)[0].as_py()) if isinstance(frame, pa.Table) else frame.iloc[0, 0]
    assert schema.given({names[0]: first}, 1).columns.keys() == {names[0]}


def test_labels_that_json_does_not_keep_are_said() -> None:
    days = pd.DataFrame(NUMBERS, columns=pd.date_range("2024-01-01", periods=3))
    with pytest.warns(UserWarning, match="what is made has these names"):
        schema = Schema.infer(days)
    assert list(schema.decode(schema.encode(days).x).columns) == [f"2024-01-0{day} 00:00:00" for day in (1, 2, 3)]


def test_sparse_columns_come_back_sparse() -> None:
    frame = pd.DataFrame(SPARSE)
    schema = Schema.from_config(json.loads(json.dumps(Schema.infer(frame).to_config())))
    pd.testing.assert_frame_equal(schema.decode(schema.encode(frame).x), frame)
    whole = schema.filled(frame, {name: part[[0, 0, 2, 2]] for name, part in schema.encode(frame).x.items()})
    assert (list(whole["h"]), whole.dtypes.tolist()) == ([0.5, 0.5, 1.5, 1.5], frame.dtypes.tolist())


NOTHING = {
    "polars": pl.DataFrame(
        {
            f"c{i}": pl.Series([None] * 4, dtype=kind)
            for i, kind in enumerate(
                (
                    *(pl.Date, pl.Datetime("ms"), pl.Datetime("us", "Europe/Berlin"), pl.Duration("ns"), pl.Time),
                    *(pl.Decimal(10, 2), pl.Enum(["u", "v"]), pl.Categorical, pl.String, pl.Int8, pl.Boolean, pl.Null),
                )
            )
        }
    ).with_columns(a=pl.Series([1.5, 2.5, 3.5, 5.0])),
    "pandas": pd.DataFrame(
        {
            kind: pd.Series([None] * 4, dtype=kind)
            for kind in (
                *(
                    "datetime64[s]",
                    "datetime64[ns, Europe/Berlin]",
                    "timedelta64[us]",
                    "period[M]",
                    "Int64",
                ),
                *("boolean", "string", "object", "float32", "date32[day][pyarrow]"),
            )
        }
        | {"level": pd.Categorical([None] * 4, categories=["u", "v"], ordered=True)}
        | {"money": pd.Series([None] * 4, dtype=pd.ArrowDtype(pa.decimal128(8, 2))), "a": [1.5, 2.5, 3.5, 5.0]}
    ),
    "arrow": pa.table(
        {
            f"c{i}": pa.nulls(4, kind)
            for i, kind in enumerate(
                (
                    *(
                        pa.date32(),
                        pa.timestamp("us", tz="UTC"),
                        pa.duration("s"),
                        pa.time64("us"),
                        pa.decimal128(8, 2),
                    ),
                    *(pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.int16(), pa.bool_(), pa.null()),
                )
            )
        }
        | {"a": [1.5, 2.5, 3.5, 5.0]}
    ),
}


@pytest.mark.parametrize("library", NOTHING)
def test_columns_without_values_come_back_in_their_types(library: str) -> None:
    """As a query returns them of which no row has a date."""
    frame: Any = NOTHING[library]
    with pytest.warns(UserWarning, match="held no value in any row"):
        schema = Schema.infer(frame)
    assert Schema.from_config(json.loads(json.dumps(schema.to_config()))) == schema
    made = schema.decode(schema.encode(frame).x)
    if library == "pandas":
        pd.testing.assert_frame_equal(made, frame)
    else:
        assert made.schema == frame.schema
        assert made.equals(frame)
