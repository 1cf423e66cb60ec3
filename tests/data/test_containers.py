"""The type that came in comes back: libraries, columns, dtypes; names and widths are checked."""

from __future__ import annotations

import datetime
import enum
import json
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema

WORDS = ["u", "v", "u", "w"]
CONDITIONS = ["text", "level", "flag"]


def pandas_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "text": WORDS,
            "i": np.array([1, 2, 3, 5], dtype=np.int16),
            "level": pd.Categorical(WORDS, categories=["w", "v", "u", "never"], ordered=True),
            "f": np.array([0.5, 1.5, 2.0, 9.0], dtype=np.float32),
            "nullable": pd.array([1, 2, 3, 5], dtype="Int64"),
            "arrow": pd.array([1.5, 2, 3, 5], dtype="float64[pyarrow]"),
            "flag": pd.array([True, False, True, True], dtype="boolean"),
            "modelled_flag": [True, False, True, True],
            "half": np.array([0.5, 1.5, 2.0, 9.0], dtype=np.float16),
            "object": pd.Series([1.5, 2, 3, 4], dtype=object),
            7: [1, 2, 3, 4],
        }
    )


def polars_frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "text": WORDS,
            "i": pl.Series([1, 2, 3, 5], dtype=pl.Int16),
            "level": pl.Series(WORDS, dtype=pl.Enum(["w", "v", "u", "never"])),
            "f": pl.Series([0.5, 1.5, 2.0, 9.0], dtype=pl.Float32),
            "u": pl.Series([1, 2, 3, 2**63], dtype=pl.UInt64),
            "wide": pl.Series([1, 2, 3, 5], dtype=pl.Int128),
            "flag": pl.Series(WORDS, dtype=pl.Categorical),
            "modelled_flag": [True, False, True, True],
        }
    )


def arrow_table() -> pa.Table:
    return pa.table(
        {
            "text": pa.array(WORDS, pa.large_string()),
            "i": pa.array([1, 2, 3, 5], pa.int16()),
            "level": pa.array(WORDS).dictionary_encode(),
            "f": pa.array([0.5, 1.5, 2.0, 9.0], pa.float32()),
            "flag": pa.array([True, False, True, True]),
            "modelled_flag": pa.array([True, False, True, True]),
        }
    )


def schema_of(frame: Any) -> Any:
    return frame.dtypes.to_dict() if isinstance(frame, pd.DataFrame) else frame.schema


def through_json(schema: Schema) -> Schema:
    return Schema.from_config(json.loads(json.dumps(schema.to_config())))


@pytest.mark.parametrize("frame", [pandas_frame(), polars_frame(), arrow_table()], ids=["pandas", "polars", "pyarrow"])
def test_frames_come_back_with_their_columns_and_types(frame: Any) -> None:
    schema = through_json(Schema.infer(frame, condition=CONDITIONS))
    encoded = schema.encode(frame)
    back = schema.decode(encoded.x, frame)
    assert type(back) is type(frame)
    assert schema_of(back) == schema_of(frame)
    for name in ["i", "modelled_flag", *CONDITIONS]:
        assert list(np.asarray(back[name])) == list(np.asarray(frame[name])), name
    np.testing.assert_allclose(np.asarray(back["f"]), np.asarray(frame["f"]), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32", "uint8", ">f8"])
def test_arrays_keep_their_type(dtype: str) -> None:
    data = np.array([[1, 10], [2, 30], [4, 20]], dtype=dtype)
    schema = through_json(Schema.infer(data))
    back = schema.decode(schema.encode(data).x)
    assert back.dtype == data.dtype
    np.testing.assert_allclose(back, data, rtol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int16, torch.bool]
)
def test_tensors_keep_their_type(dtype: torch.dtype) -> None:
    data = torch.tensor([[1, 0], [0, 1], [1, 1]], dtype=dtype)
    schema = through_json(Schema.infer(data))
    back = schema.decode(schema.encode(data).x)
    assert isinstance(back, torch.Tensor)
    assert back.dtype == dtype
    assert torch.allclose(back.double(), data.double(), atol=1e-2)


def test_a_tensor_that_wants_gradients_is_only_read() -> None:
    data = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    assert not Schema.infer(data).encode(data).x.requires_grad


def test_lists_and_objects_come_back_as_arrays() -> None:
    for data in ([[1.5, 2], [3, 4]], np.array([[1.5, 2], [3, 4]], dtype=object)):
        back = Schema.infer(data).decode(torch.zeros(1, 2))
        assert back.dtype == np.float64
        assert back.tolist() == [[2.25, 3]]


def test_an_array_may_hold_text_in_its_conditions() -> None:
    data = np.array([[1.5, "a"], [2.5, "b"], [4, "a"]], dtype=object)
    schema = Schema.infer(data, condition="x1")
    back = schema.decode(schema.encode(data).x, {"x1": data[:, 1]})
    assert back[:, 1].tolist() == ["a", "b", "a"]
    assert back[:, 0].astype(float) == pytest.approx([1.5, 2.5, 4])


def test_data_is_not_written_to() -> None:
    data = np.random.default_rng(0).normal(size=(5, 2))
    data.setflags(write=False)
    schema = Schema.infer(data)
    schema.encode(data).x.zero_()
    frame = pd.DataFrame(data.copy(), columns=["a", "b"])
    before = frame.copy()
    Schema.infer(frame).encode(frame).x.zero_()
    assert frame.equals(before)


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Schema.infer(pandas_frame()[["i", "f"]], kinds={"i": "real", "f": "real"})
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"fitted on a pandas DataFrame .* pip install pandas"):
        schema.decode(torch.zeros(1, 2))


@pytest.mark.parametrize("data", [np.zeros((2, 3)), torch.zeros(2, 3), pl.DataFrame(np.zeros((2, 3)))])
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_another_number_of_features_is_said_in_scikit_learns_words(data: Any) -> None:
    schema = Schema.infer(np.array([[1.0, 2.0], [3.0, 5.0]]))
    with pytest.raises(
        InputError, match=r"^X has 3 features, but DenoisingMarkovModel is expecting 2 features as input$"
    ):
        schema.encode(data)


def test_images_of_another_size_are_refused() -> None:
    schema = Schema.infer(np.arange(128.0).reshape(2, 8, 8))
    with pytest.raises(InputError, match=r"X has shape \(2, 8, 7\), but .* fitted on events of shape \(8, 8\)"):
        schema.encode(np.zeros((2, 8, 7)))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["a", "c"],
            "Feature names unseen at fit time:\n- c\nFeature names seen at fit time, yet now missing:\n- b\n",
        ),
        (["a"], "Feature names seen at fit time, yet now missing:\n- b\n"),
        (
            list("acdefgh"),
            "Feature names unseen at fit time:\n- c\n- d\n- e\n- f\n- g\n- ...\n"
            "Feature names seen at fit time, yet now missing:\n- b\n",
        ),
    ],
)
def test_other_columns_are_said_in_scikit_learns_words(columns: list[str], message: str) -> None:
    schema = Schema.infer(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]}))
    with pytest.raises(InputError) as caught:
        schema.encode(pl.DataFrame({name: [1.0, 2.0] for name in columns}))
    assert str(caught.value) == f"The feature names should match those that were passed during fit.\n{message}"


def test_columns_in_another_order_are_put_in_order_and_others_left_out() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    schema = Schema.infer(frame)
    expected = schema.encode(frame).x
    assert torch.equal(schema.encode(frame[["b", "a"]]).x, expected)
    with pytest.warns(UserWarning, match="Columns 'c', 'd' were not there when the model was fitted, so they are left"):
        assert torch.equal(
            schema.encode(pl.DataFrame({"d": [1, 2], "b": [3, 5], "c": ["u", "v"], "a": [1, 2]})).x, expected
        )


def test_names_are_optional_with_scikit_learns_warnings() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]})
    array = frame.to_numpy()
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but DenoisingMarkovModel was fitted with"
    ):
        named = Schema.infer(frame, kinds={"a": "real", "b": "real"}).encode(array)
    with pytest.warns(
        UserWarning, match="X has feature names, but DenoisingMarkovModel was fitted without feature names"
    ):
        unnamed = Schema.infer(array).encode(frame)
    assert torch.equal(named.x, unnamed.x)


def test_names_and_widths_for_scikit_learn() -> None:
    frame = Schema.infer(pandas_frame()[["i", "f", 7]])
    assert frame.feature_names == ("i", "f", "7")
    assert frame.num_features == 3
    array = Schema.infer(np.array([[1.0, 2.0], [3.0, 5.0]]))
    assert array.feature_names is None
    assert array.num_features == 2
    assert Schema.infer(np.arange(64.0).reshape(2, 4, 8)).num_features == 4


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b", None, "a"], type=pa.string_view()),
        pa.array([0, 86400000, None, 86400000 * 3], type=pa.date64()),
        pd.Series(["a", "b", None, "a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
        pd.Series([Decimal("1.25"), Decimal("3.50"), None, Decimal("2.00")], dtype=pd.ArrowDtype(pa.decimal128(10, 2))),
    ],
    ids=["string view", "date64", "dictionary", "decimals"],
)
def test_columns_of_arrow_come_back(column: Any) -> None:
    frame = pd.DataFrame({"v": column}) if isinstance(column, pd.Series) else pa.table({"v": column})
    schema = Schema.infer(frame)
    back = schema.decode(schema.encode(frame).x)
    assert back.equals(frame)
    assert schema.from_config(json.loads(json.dumps(schema.to_config()))) == schema


def test_members_of_an_enum_of_texts_are_their_texts() -> None:
    colour = enum.Enum("colour", {"RED": "r", "BLUE": "b"}, type=str)
    frame = pd.DataFrame({"v": pd.Series(list(colour) * 2, dtype=object)})
    schema = Schema.infer(frame)
    assert schema.decode(schema.encode(frame).x)["v"].tolist() == ["r", "b", "r", "b"]


def test_types_that_no_column_has_are_named() -> None:
    with pytest.raises(InputError, match=r"'v' is of type complex128; turn it into plain numbers or text"):
        Schema.infer(pd.DataFrame({"v": [1j, 2j, 3j]}))
    with pytest.raises(InputError, match=r"a text or a number: turn it into one, as by astype\(str\)"):
        Schema.infer(pd.DataFrame({"v": pd.to_datetime(["2020-01-01", "2021-01-01"]).astype("category")}))


def test_missing_decimals_and_times_with_a_zone_in_objects_come_back() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    times = [datetime.datetime(2020, 1, 1 + i, 1, tzinfo=zone) for i in range(3)]
    prices = [Decimal("1.50"), Decimal("NaN"), Decimal("2.25")]
    frame = pd.DataFrame({"t": pd.Series(times, dtype=object), "p": pd.Series(prices, dtype=object)})
    with pytest.warns(UserWarning, match="'t' holds times as objects that have a zone; they come back in UTC"):
        schema = Schema.infer(frame)
    back = Schema.from_config(json.loads(json.dumps(schema.to_config())))
    made = back.decode(back.encode(frame).x)
    assert made["t"].tolist() == times
    assert [time.utcoffset() for time in made["t"]] == [datetime.timedelta(0)] * 3
    assert made["p"].tolist() == [Decimal("1.50"), None, Decimal("2.25")]


def test_numbers_in_texts_of_a_frame_are_said() -> None:
    texts = [f"{i / 4:.2f}" for i in range(40)]
    with pytest.warns(
        UserWarning, match=r"'v' holds numbers as text, such as '0\.00', and is modelled as text; turn it"
    ):
        Schema.infer(pl.DataFrame({"v": texts * 2}))
    Schema.infer(pl.DataFrame({"v": texts * 2}), kinds={"v": "category"})
    Schema.infer(pl.DataFrame({"v": ["01000", *(str(1000 + i) for i in range(40))] * 2}))
