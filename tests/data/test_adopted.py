"""Later data are read in the types of the model, whatever a file makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema, read

FITTED = {
    "code": ["1", "2", "A7", "00501"],
    "age": [30, 40, 50, 20],
    "share": [0.5, 0.25, 0.75, 1.0],
    "ok": [True, False, True, True],
}


def split(schema: Schema, data: Any) -> dict[str, list[Any]]:
    return {name: values.tolist() for name, values in schema.container.split(data).items()}


@pytest.fixture(params=[pl.DataFrame, pd.DataFrame, lambda held: pl.DataFrame(held).to_arrow()])
def schema(request: pytest.FixtureRequest) -> Schema:
    fitted = Schema.infer(request.param(FITTED))
    return Schema.from_config(json.loads(json.dumps(fitted.to_config())))


@pytest.mark.parametrize(
    ("column", "later", "expected"),
    [
        ("code", [1, 2], ["1", "2"]),
        ("code", [1.0, None, 2.0], ["1", None, "2"]),
        ("age", [30.0, None], [30.0, None]),
        ("age", ["30", None, "-5"], [30, None, -5]),
        ("age", ["007", "1e3"], [7.0, 1000.0]),
        ("age", [True, False], [1, 0]),
        ("share", [1, 0], [1, 0]),
        ("share", ["0.5", "2"], [0.5, 2.0]),
        ("ok", [1, 0], [True, False]),
        ("ok", ["true", None, "False"], [True, None, False]),
        ("ok", [1.0, None], [True, None]),
    ],
)
def test_values_are_turned_into_what_was_fitted(
    schema: Schema, column: str, later: list[Any], expected: list[Any]
) -> None:
    rows = pl.DataFrame({name: held[:1] * len(later) for name, held in FITTED.items()})
    for frame in (
        pl.DataFrame({**rows.to_dict(), column: later}),
        pd.DataFrame({**rows.to_dict(as_series=False), column: later}),
    ):
        found = split(schema, frame)[column]
        assert [None if value is None or value != value else value for value in found] == expected
        kinds = {type(value) for value in found if value is not None and value == value}
        assert len(kinds) == 1
        assert (str in kinds) == (column == "code")
        assert (bool in kinds) == (column == "ok")


@pytest.mark.parametrize(
    ("column", "later", "message"),
    [
        (
            "age",
            ["1", "x", None, "y", "z", "w"],
            r"'age' held numbers when .* rows 1, 3, 4, \.\.\. hold 'x', 'y', 'z', \.\.\.",
        ),
        ("age", ["x", "1", "x"], r"rows 0, 2 hold 'x'\.$"),
        ("ok", [1, 2], r"'ok' held true and false when .* row 1 holds '2'"),
        ("code", ["1", "B", "2", "C"], r"'code' has no level 'B'; the levels are .* \(asked for in row 1, 3\)"),
    ],
)
def test_rows_that_cannot_be_turned_are_named(schema: Schema, column: str, later: list[Any], message: str) -> None:
    rows = pl.DataFrame({name: held[:1] * len(later) for name, held in FITTED.items()})
    with pytest.raises(InputError, match=message):
        schema.encode(rows.with_columns(pl.Series(column, later)))


def test_the_cases_of_codes(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("code,x\n1,0.5\n2,0.1\nA7,0.2\n")
    (tmp_path / "test.csv").write_text("x,code\n0.5,2\n0.1,1\n")
    schema = Schema.infer(read(tmp_path / "train.csv"))
    later = read(tmp_path / "test.csv", names=schema.container.columns, text=schema.container.texts)
    assert (
        schema.encode(later).x["category"].tolist() == schema.encode(read(tmp_path / "test.csv")).x["category"].tolist()
    )
    assert schema.container.texts == ("code",)
    assert schema.encode(later).x["category"].ravel().tolist() == [1, 0]


def test_a_categorical_with_holes_is_saved_and_loaded() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["u", None, "v", "u"]), "x": [1.0, 2, 3, 5]})
    text = json.dumps(Schema.infer(frame).to_config(), allow_nan=False)
    schema = Schema.from_config(json.loads(text))
    back = schema.decode(schema.encode(frame).x)
    assert back["c"].astype(object).where(back["c"].notna(), None).tolist() == ["u", None, "v", "u"]
    assert back.dtypes.to_dict() == frame.dtypes.to_dict()


def test_the_order_of_levels_is_kept() -> None:
    bands = ["0-9", "10-19", "100+", "20-99"]
    order = ["0-9", "10-19", "20-99", "100+"]
    frame = pd.DataFrame({"o": pd.Categorical(bands, categories=order, ordered=True), "u": pd.Categorical(bands)})
    frame["x"] = np.arange(4.0)
    schema = Schema.infer(frame)
    assert schema.container.categories("o") == tuple(order)
    assert schema.container.categories("u") is None
    assert schema.container.categories("x") is None
    assert schema.levels("o") == tuple(order)
    assert schema.levels("u") == tuple(sorted(bands))
    enum = pl.DataFrame({"e": pl.Series(bands, dtype=pl.Enum([*order, "never"])), "x": [1.0, 2, 3, 4]})
    declared = Schema.infer(enum, kinds={"e": "ordered"})
    assert declared.levels("e") == tuple(order)
    assert declared.decode(declared.encode(enum).x)["e"].to_list() == bands
