"""Holes in every kind of column and every container: they survive a fit, what is there is all that counts."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, holes

NAN = np.nan
COLUMNS: dict[str, list[Any]] = {
    "real": [1.5, None, 2.5, 3.0, 4.25, None, 0.5, 1.0],
    "whole": [1, 2, None, 4, 5, 6, 7, None],
    "truth": [True, None, False, True, True, False, None, True],
    "text": ["u", None, "v", "u", "w", "v", "u", "w"],
    "full": [1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5],
}
PANDAS = pd.DataFrame(COLUMNS)
POLARS = pl.DataFrame(COLUMNS)
FRAMES: dict[str, Any] = {
    "pandas": PANDAS,
    "pandas, nullable": PANDAS.convert_dtypes(),
    "pandas, small": PANDAS.astype({"real": "Float32", "whole": "UInt8", "truth": "boolean"}),
    "pandas, arrow": PANDAS.convert_dtypes(dtype_backend="pyarrow").astype({"text": "string"}),
    "pandas, objects": pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in COLUMNS.items()}),
    "pandas, levels": PANDAS.assign(text=pd.Categorical(COLUMNS["text"], categories=["w", "v", "u"], ordered=True)),
    "polars": POLARS,
    "polars, levels": POLARS.with_columns(pl.col("text").cast(pl.Categorical), pl.col("whole").cast(pl.UInt16)),
    "polars, enum": POLARS.with_columns(pl.col("text").cast(pl.Enum(["w", "v", "u"])), pl.col("real").cast(pl.Float32)),
    "pyarrow": pa.table(COLUMNS),
    "pyarrow, levels": pa.table(COLUMNS | {"text": pa.array(COLUMNS["text"]).dictionary_encode()}),
}
COORDINATES = {"real": "real", "whole": "integer", "full": "real"}
NUMBERS = np.array([COLUMNS["real"], COLUMNS["whole"], COLUMNS["full"]], dtype=float).T
ARRAYS: dict[str, Any] = {
    "float64": NUMBERS,
    "float32": NUMBERS.astype(np.float32),
    "objects": np.array(list(COLUMNS.values()), dtype=object).T,
    "tensor": torch.tensor(NUMBERS),
    "bfloat16": torch.tensor(NUMBERS).bfloat16(),
}


def listed(data: Any) -> list[list[Any]]:
    """The columns as Python's objects, None for a hole."""
    if isinstance(data, pa.Table):
        return [column.to_pylist() for column in data.columns]
    if isinstance(data, pl.DataFrame):
        return [column.to_list() for column in data]
    columns = data.T.tolist() if not isinstance(data, pd.DataFrame) else [data[name].tolist() for name in data]
    return [[None if pd.isna(value) else value for value in column] for column in columns]


def types(data: Any) -> Any:
    if isinstance(data, pa.Table | pl.DataFrame):
        return data.schema
    return list(data.dtypes) if isinstance(data, pd.DataFrame) else data.dtype


def same(one: Any, other: Any, tolerance: float = 1e-6) -> None:
    assert types(one) == types(other)
    for got, expected in zip(listed(one), listed(other), strict=True):
        for a, b in zip(got, expected, strict=True):
            assert type(a) is type(b)
            assert a == pytest.approx(b, rel=tolerance, abs=tolerance) if isinstance(b, float) else a == b


def through_json(schema: Schema) -> Schema:
    return Schema.from_config(json.loads(json.dumps(schema.to_config(), allow_nan=False)))


def masks(names: Any) -> torch.Tensor:
    return torch.tensor([[value is not None for value in COLUMNS[name]] for name in names]).T


# ---- containers


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_a_frame_with_holes_comes_back_with_them(frame: Any) -> None:
    schema = through_json(Schema.infer(frame, kinds=COORDINATES))
    assert schema.missing == ("real", "whole", "truth", "text")
    encoded = schema.encode(frame)
    assert torch.equal(encoded.known["numbers"], masks(schema.factors["numbers"].columns))
    assert torch.equal(encoded.known["category"], masks(schema.factors["category"].columns))
    assert encoded.known["missing"].all()
    assert torch.equal(encoded.x["missing"] == 0, masks(schema.missing))
    same(schema.decode(encoded.x), frame)


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_an_array_with_holes_comes_back_with_them(array: Any) -> None:
    schema = through_json(Schema.infer(array))
    back = schema.decode(schema.encode(array).x)
    assert type(back) is type(array)
    same(back, array, 1e-2 if array.dtype == torch.bfloat16 else 1e-6)


@pytest.mark.parametrize("data", (FRAMES | ARRAYS).values(), ids=FRAMES | ARRAYS)
def test_margins_and_types_are_of_what_is_there(data: Any) -> None:
    schema = Schema.infer(data, kinds=COORDINATES if type(data).__name__ in ("DataFrame", "Table") else None)
    real, whole, *_ = schema.factors["numbers"].coordinates
    present = np.array([value for value in COLUMNS["real"] if value is not None])
    assert (real.name, real.mean, real.scale) == ("real", pytest.approx(present.mean()), pytest.approx(present.std()))
    present = np.array([value for value in COLUMNS["whole"] if value is not None])
    assert (whole.name, whole.low, whole.high) == ("integer", 1, 7)
    assert (whole.mean, whole.scale) == (
        pytest.approx(present.mean() + 0.5),
        pytest.approx(math.sqrt(present.var() + 1 / 12)),
    )
    if "category" in schema.factors:
        order = schema.container.categories(schema.factors["category"].columns[1]) or ("u", "v", "w")
        assert schema.factors["category"].levels == ((False, True), tuple(order))
    assert schema.factors["missing"].shares[0] == 0.25


def test_rows_of_a_list_may_have_holes() -> None:
    schema = Schema.infer([[1, None], [2, 3], [4, 9]])
    assert schema.missing == ("x1",)
    np.testing.assert_array_equal(schema.encode([[2, None]]).known["numbers"], [[True, False]])


def test_large_whole_numbers_beside_holes_keep_their_digits() -> None:
    frame = pl.DataFrame({"id": [2**62 + 1, None, 2**62 + 4, 2**62 + 9]})
    schema = Schema.infer(frame)
    assert schema.decode(schema.encode(frame).x).equals(frame)


def test_what_has_no_holes_has_no_flags() -> None:
    schema = Schema.infer(POLARS.select("full"))
    assert schema.missing == ()
    assert list(schema.factors) == ["number"]
    assert schema.encode(POLARS.select("full")).known is None
    assert "missing" not in schema.describe() + schema.measure
    assert Schema.infer(np.array([[1.0], [2.0], [4.0]])).factors["numbers"].coordinates[0].name == "real"


# ---- kinds


def test_every_kind_of_column_may_have_holes() -> None:
    rng = np.random.default_rng(0)
    n = 40
    turns = rng.normal(size=(n, 4))
    turns[:, 3] = np.abs(turns[:, 3])
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    shares = rng.dirichlet([2, 3, 4], n)
    whole = pd.DataFrame(
        {
            "calls": rng.poisson(3, n),
            "wind": rng.uniform(0, 360, n),
            "lat": rng.uniform(-80, 80, n),
            "lon": rng.uniform(-170, 170, n),
            **{f"q{letter}": turns[:, i] for i, letter in enumerate("xyzw")},
            **{name: shares[:, i] for i, name in enumerate("abc")},
            "word": rng.choice(["GAT", "CA", "TTAG"], n),
            "grade": rng.integers(1, 5, n),
            "full": rng.normal(size=n),
        }
    )
    kinds = {"calls": "count", "wind": "angle", "lat,lon": "latlon", "q": "rotation", "a,b,c": "proportions"}
    kinds |= {"word": "sequence", "grade": "ordered", "full": "real"}
    gone = {name: rng.random(n) < 0.1 for name in whole if name != "full"}
    for name, rows in gone.items():
        assert rows.any()
        rows[0] = name != "qx"  # and one row of which little is known
    frame = whole.copy()
    for name, rows in gone.items():
        frame[name] = frame[name].mask(rows)
    schema = through_json(Schema.infer(frame, kinds=kinds))
    encoded = schema.encode(frame)
    assert schema.missing == tuple(gone)
    cells = {
        "count": ~gone["calls"][:, None],
        "angle": ~gone["wind"][:, None],
        "lat,lon": ~(gone["lat"] | gone["lon"]),
        "q": ~np.any([gone[f"q{letter}"] for letter in "xyzw"], axis=0),
        "a,b,c": ~np.any([gone[name] for name in "abc"], axis=0),
        "word": np.repeat(~gone["word"][:, None], 4, axis=1),
        "grade": ~gone["grade"][:, None],
    }
    for name, known in cells.items():
        np.testing.assert_array_equal(encoded.known[name], known, err_msg=name)
    schema.process().check(encoded.x)  # what stands in the holes is data, too
    back = schema.decode(encoded.x)
    pd.testing.assert_frame_equal(back.isna(), frame.isna())
    known_rows = pd.Series(np.all(list({k: v for k, v in cells.items() if v.ndim == 1}.values()), axis=0))
    pd.testing.assert_frame_equal(back[known_rows], frame[known_rows], check_exact=False, rtol=1e-3, atol=1e-3)
    assert schema.factors["count"].means[0] == pytest.approx(frame["calls"].mean())
    full = schema.encode(whole)
    assert full.known is None
    for name, known in cells.items():  # the same states where there is no hole
        assert torch.equal(full.x[name][torch.from_numpy(known)], encoded.x[name][torch.from_numpy(known)])


def test_tokens_beside_holes_are_whole_numbers() -> None:
    data = np.array([[0, 1, NAN], [2, 3, 1], [1, NAN, 0]])
    schema = Schema.infer(data, kinds={"x": "sequence"})
    encoded = schema.encode(data)
    assert torch.equal(encoded.known["x"], torch.from_numpy(~np.isnan(data)))
    np.testing.assert_array_equal(schema.decode(encoded.x), data)


def test_pixels_may_be_unknown_and_have_no_flag() -> None:
    images = np.random.default_rng(0).normal(size=(9, 1, 4, 4)).astype(np.float32)
    images[2, 0, 1:3] = NAN
    schema = through_json(Schema.infer(images))
    encoded = schema.encode(images)
    assert schema.missing == ()
    assert torch.equal(encoded.known, torch.from_numpy(~np.isnan(images)))
    assert schema.numbers.coordinates[0].mean == pytest.approx(np.nanmean(images), rel=1e-6)
    np.testing.assert_allclose(schema.decode(encoded.x)[~np.isnan(images)], images[~np.isnan(images)], atol=1e-6)


def test_whole_images_may_be_missing() -> None:
    images = np.random.default_rng(0).normal(size=(9, 4, 4))
    images[3] = NAN
    schema = through_json(Schema.infer(images))
    assert schema.missing == ("x",)
    encoded = schema.encode(images)
    assert encoded.known["numbers"].flatten(1).all(1).tolist() == [row != 3 for row in range(9)]
    np.testing.assert_allclose(schema.decode(encoded.x), images, atol=1e-6)


def test_a_constant_may_be_missing() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.5, 4.0], "b": [3.0, None, 3.0]})
    schema = through_json(Schema.infer(frame))  # and there is something to learn: no warning
    assert schema.missing == ("b",)
    assert schema.columns_of_state == ("a",)
    pd.testing.assert_frame_equal(schema.decode(schema.encode(frame).x), frame)
    assert "constant, always 3.0: not modelled, given back unchanged, missing in 33 % of rows" in schema.describe()
    gone = schema.encode(frame.assign(b=np.nan))
    assert gone.x["missing"].tolist() == [[1], [1], [1]]


# ---- later rows


def test_holes_in_columns_without_flags_are_unknown() -> None:
    schema = Schema.infer(POLARS.select("full", "text"))
    frame = pl.DataFrame({"full": [None, 2.5], "text": ["u", "v"]})
    encoded = schema.encode(frame)
    assert encoded.known["number"].tolist() == [[False], [True]]
    assert encoded.x["missing"].tolist() == [[0], [0]]
    assert torch.equal(encoded.x["number"][1:], schema.encode(frame[1:]).x["number"])


@pytest.mark.parametrize("name", ["real", "whole", "truth", "text"])
@pytest.mark.parametrize("convert", [pl.DataFrame.clone, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow])
def test_later_rows_may_have_nothing_of_a_column(name: str, convert: Any) -> None:
    schema = Schema.infer(convert(POLARS))
    gone = convert(POLARS.with_columns(pl.lit(None).alias(name)))
    encoded = schema.encode(gone)
    leaf = "number" if name in ("real", "whole") else "category"
    place = schema.factors[leaf].columns.index(name)
    assert not encoded.known[leaf][:, place].any()
    assert encoded.x["missing"][:, schema.missing.index(name)].all()
    schema.process().check(encoded.x)
    whole = schema.encode(convert(POLARS))
    others = [i for i in range(encoded.x[leaf].shape[1]) if i != place]
    assert torch.equal(encoded.x[leaf][:, others], whole.x[leaf][:, others])


def test_a_text_or_a_place_of_which_nothing_is_known() -> None:
    frame = pd.DataFrame({"lat": [1.0, 2, 3], "lon": [3.0, 4, 200], "word": ["CA", "G", "T"], "x": [1.0, 2.5, 3.0]})
    schema = Schema.infer(frame, kinds={"lat,lon": "latlon", "word": "sequence"})
    encoded = schema.encode(frame.assign(lat=np.nan, word=None))
    assert not encoded.known["lat,lon"].any()
    assert not encoded.known["word"].any()
    assert encoded.known["number"].all()
    schema.process().check(encoded.x)


# ---- what is refused


def test_conditions_have_no_holes() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0, 4.0], "c": ["u", None, "u"], "d": [None, 1, 2]})
    message = r"the condition 'c' has NaN in 1 row \(1\)\. A condition is never modelled: fill these in, drop"
    with pytest.raises(InputError, match=message):
        Schema.infer(frame, condition="c")
    schema = Schema.infer(frame.with_columns(c=pl.Series(["u", "v", "u"])), condition="c")
    with pytest.raises(InputError, match=message):
        schema.encode(frame)
    with pytest.raises(InputError, match=r"the condition 'class' has NaN in 1 row \(0\)"):
        Schema.infer(NUMBERS, np.array([NAN, *range(7)]), condition="class")


EMPTY: dict[str, Any] = {
    "polars": pl.DataFrame({"n": [None] * 3, "f": pl.Series([None] * 3, dtype=pl.Float64), "b": [1, 2, 4]}),
    "text": pl.DataFrame({"n": pl.Series([None] * 3, dtype=pl.String), "b": ["u", "v", None]}),
    "arrow": pl.DataFrame({"n": [None] * 3, "b": [1, 2, 4]}).to_arrow(),
    "pandas": pd.DataFrame({"n": [None] * 3, "f": [NAN] * 3, "b": [1, 2, 4]}),
    "array": np.array([[NAN, 1.0], [NAN, 2.0], [NAN, 4.0]]),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_column_with_nothing_in_it_is_left_out_and_comes_back_empty(name: str) -> None:
    data = EMPTY[name]
    with pytest.warns(UserWarning, match=r"columns? '(n|x0)'.* held no value in any row; not modelled, and empty in"):
        schema = Schema.infer(data)
    schema = Schema.from_config(json.loads(json.dumps(schema.to_config())))
    x = schema.encode(data).x
    for made in (schema.decode(x), schema.written(x, schema.given({}, 3))):
        old, new = (pd.DataFrame(part.to_pandas() if hasattr(part, "to_pandas") else part) for part in (data, made))
        assert new.iloc[:, 0].isna().all()
        assert type(made) is type(data)
        pd.testing.assert_series_equal(new.iloc[:, -1], old.iloc[:, -1])
    assert set(schema.holes(data)) <= {"b", "x1"}, "no hole of it is filled"
    first = schema.container.columns[0]
    assert not schema.given({first: None}, 1).columns
    with pytest.raises(
        InputError, match=f"Column '{first}' was empty in every row when the model was fitted, but row 0"
    ):
        schema.given({first: 3.0}, 1)


def test_columns_with_nothing_in_them_are_refused_where_something_is_said_of_them() -> None:
    data = pl.DataFrame({"a": [None, None], "b": [1, 2]})
    message = r"Columns? 'a'.* had a value in no row, so there is nothing to learn; drop"
    with pytest.raises(InputError, match=message):
        Schema.infer(data, kinds={"a": "real"})
    with pytest.raises(InputError, match=message):
        Schema.infer(data, constraints=["a < b"])
    with pytest.raises(InputError, match=message):
        Schema.infer(data.select("a", c="a"))


def test_things_of_several_columns_need_one_whole_row() -> None:
    frame = pd.DataFrame({"lat": [1.0, NAN, 3.0], "lon": [NAN, 2.0, NAN], "x": [1.0, 2.5, 4.0]})
    with pytest.raises(InputError, match=r"There is no row in which columns 'lat', 'lon' are all present; drop these"):
        Schema.infer(frame, kinds={"lat,lon": "latlon"})


def test_messages_name_the_rows_of_the_data() -> None:
    frame = pd.DataFrame({"a": [NAN, 1.0, 2.0, 2.5], "x": [1.0, 2.5, 4.0, 5.0]})
    with pytest.raises(InputError, match=r"Column 'a' is declared a count, but holds 2\.5 in row 3"):
        Schema.infer(frame, kinds={"a": "count"})
    with pytest.raises(InputError, match=r"Column 'a' holds whole numbers, but row 3 holds 2\.5"):
        Schema.infer(frame, kinds={"a": "integer"})
    with pytest.raises(InputError, match=r"Column 'a' is declared binary, but holds 3 values, such as 2\.5 in row 3"):
        Schema.infer(frame, kinds={"a": "binary"})


# ---- the parts


def test_signs_of_holes_become_masks() -> None:
    present = np.array([True, False, True])
    for values in (np.array([1.5, 2.5]), np.array([1, 2], dtype=np.int8), np.array([True, False])):
        plain, found = holes.split({"a": holes.spread(values, present)})
        assert plain["a"].dtype == values.dtype
        assert not isinstance(plain["a"], np.ma.MaskedArray)
        np.testing.assert_array_equal(plain["a"][present], values)
        np.testing.assert_array_equal(found["a"], present)
    plain, found = holes.split({"a": holes.spread(np.array(["u", "v"], dtype=object), present), "b": np.arange(3)})
    np.testing.assert_array_equal(found["a"], present)
    assert "b" not in found


def test_a_hole_repeats_what_stands_above_it() -> None:
    present = np.array([False, True, False, False, True, False])
    assert holes.filled(np.arange(6), present).tolist() == [1, 1, 1, 1, 4, 4]
    assert holes.filled(np.arange(6.0), np.zeros(6, dtype=bool), 7.5).tolist() == [7.5] * 6
    block = np.array([[[1.0, NAN]], [[NAN, 4.0]]])
    assert holes.filled(block, ~np.isnan(block)).tolist() == [[[1, 1]], [[1, 4]]]


def test_a_value_is_missing_if_nothing_of_it_is_there() -> None:
    present = {"a": np.array([True, False]), "b": np.array([[False, True], [True, True]])}
    found = holes.missing(present)
    assert list(found) == ["a"]
    assert found["a"].tolist() == [False, True]
