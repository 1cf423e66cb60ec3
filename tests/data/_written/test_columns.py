"""Columns of text that hold numbers in one form: numbers inside, and back as they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unnoise import DenoisingMarkovModel, load
from unnoise._errors import InputError
from unnoise.data import Schema, files

PRICES = ["$1,234.50", "$5.00", None, "-$0.25", "$70.00"]
NUMBERS = [1234.5, 5.0, None, -0.25, 70.0]
X = [0.0, 1.0, 2.0, 3.0, 4.0]
FRAMES: dict[str, Any] = {
    "polars": pl.DataFrame({"p": PRICES, "x": X}),
    "arrow": pl.DataFrame({"p": PRICES, "x": X}).to_arrow(),
    "pandas": pd.DataFrame({"p": pd.Series(PRICES, dtype=object), "x": X}),
    "pandas string": pd.DataFrame({"p": pd.Series(PRICES, dtype="string"), "x": X}),
}


def listed(frame: Any) -> list[Any]:
    column = frame["p"]
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return [None if value is None or value is pd.NA or value != value else value for value in values]


@pytest.mark.parametrize("kind", FRAMES)
def test_values_are_numbers_inside_and_come_back(kind: str) -> None:
    frame = FRAMES[kind]
    schema = Schema.from_config(json.loads(json.dumps(Schema.infer(frame).to_config())))
    assert schema.container.layout[0].written == "$#,##0.00"
    np.testing.assert_array_equal(schema.container.split(frame)["p"], np.array(NUMBERS, dtype=float))
    back = schema.decode(schema.encode(frame).x)
    assert type(back) is type(frame)
    assert listed(back) == PRICES
    filled = schema.filled(frame, schema.encode(frame).x)
    assert [text for text, old in zip(listed(filled), PRICES, strict=True) if old] == [p for p in PRICES if p]
    assert listed(filled)[2].startswith("$")
    assert "numbers with 2 decimals -0.25 to 1234.5" in schema.describe()
    assert "written as $1,234.50" in schema.describe()


def test_later_numbers_are_taken_as_such_and_words_are_refused() -> None:
    schema = Schema.infer(FRAMES["polars"])
    plain = pl.DataFrame({"p": [5.0, 1234.5], "x": X[:2]})
    assert schema.container.split(plain)["p"].tolist() == [5.0, 1234.5]
    words = pl.DataFrame({"p": ["$5.00", "call us"], "x": X[:2]})
    with pytest.raises(InputError, match=r"'p' held numbers written as \$#,##0.00 .*, but row 1 holds 'call us'"):
        schema.encode(words)


def test_values_are_given_as_texts_or_numbers() -> None:
    schema = Schema.infer(FRAMES["polars"])
    for value in ("$5.00", "5", 5, 5.0, ["$5.00"], np.array(["$5.00"])):
        assert schema.given({"p": value}, 1).columns["p"][0].tolist() == [5.0]
    assert str(schema.given({"p": ("$5", None)}, 1).within["p"]) == "at least 5.0"
    assert str(schema.given({"p": {"$70.00"}}, 1).within["p"]) == "one of 70.0"
    with pytest.raises(InputError, match="holds 'much'; expected numbers as then"):
        schema.given({"p": "much"}, 1)


def test_texts_that_are_declared_levels_stay_levels() -> None:
    schema = Schema.infer(pl.DataFrame({"p": ["5%", "10%", "5%"], "x": X[:3]}), kinds={"p": "category"})
    assert schema.levels("p") == ("10%", "5%")


def test_what_must_hold_between_columns_is_about_the_numbers() -> None:
    frame = pl.DataFrame({"low": ["$1.50", "$2.00", "$10.00"], "high": [2, 2, 11], "x": X[:3]})
    schema = Schema.infer(frame, constraints=["low <= high"])
    assert schema.decode(schema.encode(frame).x).equals(frame)
    with pytest.raises(InputError, match="low > 5"):
        Schema.infer(frame, constraints=["low > 5"])


def test_a_file_of_money_is_fitted_saved_sampled_and_scored(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    amounts = rng.lognormal(7, 1, 200).round(2)
    lines = [f"{a:,.2f} €;{i % 3}" for i, a in enumerate(amounts)]
    euros = [line.replace(",", "_").replace(".", ",").replace("_", ".") for line in lines]
    euros[7] = "-;1"
    (tmp_path / "a.csv").write_text("\n".join(["betrag;k", *euros]), encoding="utf-8")
    with pytest.warns(UserWarning, match="'-' is read as missing in 'betrag'"):
        frame = files.read(tmp_path / "a.csv")
    DenoisingMarkovModel(quick=True, progress=False).fit(frame, folder=tmp_path / "m")
    model = load(tmp_path / "m")
    assert model.schema_.container.split(frame)["betrag"][[0, 1]].tolist() == amounts[:2].tolist()
    drawn = model.sample(50, seed=0)
    assert drawn["betrag"].drop_nulls().str.contains(r"^\d{1,3}(\.\d{3})*,\d\d €$").all()
    assert np.isfinite(model.score_samples(drawn)).all()
    numbers = model.schema_.container.split(drawn)["betrag"]
    assert 0.5 < np.nanmedian(numbers) / np.median(amounts) < 2, "drawn amounts are like the data's, not 100 times"
