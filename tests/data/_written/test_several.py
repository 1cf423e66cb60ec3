"""Texts of several numbers are columns of numbers inside, and come back as they were written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from unnoise import DenoisingMarkovModel
from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data._written.several import Several, form_of, joined, told
from unnoise.data.containers import container_of, from_config

N = 300
rng = np.random.default_rng(0)
UPPER = rng.normal(125, 15, N).round().astype(int)
LOWER = (0.6 * UPPER + rng.normal(5, 6, N)).round().astype(int)
RATES = rng.gamma(4, 0.3, (N, 3))
TEXTS = [f"{a}/{b}" for a, b in zip(UPPER, LOWER, strict=True)]


def frame(**more):
    return pd.DataFrame({"arm": rng.choice(list("ab"), N), "bp": TEXTS, **more})


def of(form):
    return pl.Series([form(*row) for row in RATES.tolist()])


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (pl.Series(TEXTS), "0/0"),
        (of(lambda a, b, _: f"{a:.1f}±{b:.1f}"), "0.0±0.0"),
        (of(lambda a, b, c: f"{a:.2f} ({a - b:.2f}-{a + c:.2f})"), "0.00 (0.00-0.00)"),
        (of(lambda a, b, _: f"({a - 1:.2f}, {b - 1:.2f})"), "(0.00, 0.00)"),
        (of(lambda a, b, _: f"{a:.3g} +/- {b:.3g} mm"), "0.#### +/- 0.#### mm"),
        (of(lambda a, b, c: f"{100 * a:.0f} x {100 * b:.0f} x {100 * c:.0f}"), "0 x 0 x 0"),
    ],
)
def test_forms_are_found(texts, form):
    found = form_of(texts)
    if "#" in form:
        found, form = found.replace("#", ""), form.replace("#", "")
    assert found == form


@pytest.mark.parametrize(
    "texts",
    [
        [f"{i}-{j}" for i, j in rng.integers(100, 999, (N, 2))],  # telephone numbers
        [f"{i}/{j:02}" for i, j in rng.integers(1, 13, (N, 2))],
        [f"{i}/23" for i in range(N)],  # ids
        [f"{i},{j}" for i, j in rng.integers(0, 99, (N, 2))],  # with a decimal comma
        [f"{i}.{j}.{k}" for i, j, k in rng.integers(0, 99, (N, 3))],  # versions
        [f"A{i}/{j}" for i, j in rng.integers(0, 30, (N, 2))],
        rng.choice(["8/10", "9/10", "7/10"], N).tolist(),  # levels
        [*TEXTS[:-1], "unknown"],
        ["x" * i for i in range(1, N + 1)],
        [f"{i}" for i in range(N)],
    ],
)
def test_other_texts_stay_as_they_are(texts):
    assert form_of(pl.Series(texts)) is None


def test_numbers_come_back_as_texts():
    several = Several("x", "String", "-0.0 (0; 0.##)")
    texts = ["--1.5 (3; 0.25)", "-2.0 (0; 7)"]
    numbers = several.numbers(pl.Series(texts))
    assert [part.to_list() for part in numbers] == [[-1.5, 2.0], [3.0, 0.0], [0.25, 7.0]]
    assert several.texts([part.to_numpy() for part in numbers]).tolist() == texts


def test_a_text_of_another_form_is_refused():
    with pytest.raises(InputError, match=r"'bp' held numbers written as 0/0 .* now '120'; expected"):
        Several("bp", "String", "0/0").numbers(pl.Series(["120/80", "120"]))


def test_values_that_are_told_are_parted():
    several = (Several("bp", "String", "0/0"),)
    assert told({"bp": "120/80", "arm": "a"}, several) == {"arm": "a", "bp.0": 120.0, "bp.1": 80.0}
    rows = told({"bp": ["120/80", "99/61"]}, several)
    assert rows["bp.1"].tolist() == [80.0, 61.0]


@pytest.mark.filterwarnings("ignore:The texts of column")
@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas, pa.Table.from_pandas])
def test_a_container_takes_frames_apart_and_joins_them(library):
    data = library(frame())
    container = container_of(data)
    assert container.columns == ("arm", "bp.0", "bp.1")
    assert container.sources == ("arm", "bp")
    columns = container.split(data)
    assert np.array_equal(columns["bp.0"], UPPER)
    assert np.array_equal(columns["bp.1"], LOWER)
    back = container.join(columns)
    assert type(back) is type(data)
    assert np.asarray(back["bp"]).tolist() == TEXTS
    assert from_config(container.to_config()) == container


def test_columns_that_are_called_by_numbers_stay_as_they_are():
    assert container_of(pd.DataFrame({0: TEXTS, 7: UPPER})).columns == ("0", "7")


@pytest.mark.filterwarnings("ignore:The texts of column")
def test_declared_levels_stay_levels():
    assert Schema.infer(frame(), kinds={"bp": "category"}).container.columns == ("arm", "bp")


@pytest.mark.filterwarnings("ignore:The texts of column")
def test_a_model_keeps_how_the_numbers_of_a_text_depend_and_where_it_is_missing():
    data = frame()
    data.loc[data.index[::5], "bp"] = None
    data.index = data.index * 2 + 1
    model = DenoisingMarkovModel(quick=True, random_state=0, progress=False).fit(data)
    drawn = model.sample(4000, seed=0)
    assert list(drawn.columns) == ["arm", "bp"]
    assert drawn["bp"].isna().mean() == pytest.approx(0.2, abs=0.05)
    parts = drawn["bp"].dropna().str.split("/", expand=True).astype(float)
    assert parts.corr().iloc[0, 1] > np.corrcoef(UPPER, LOWER)[0, 1] - 0.2
    filled = model.impute(data.head(20), seed=0)
    assert filled.index.equals(data.index[:20])
    known = data["bp"].head(20).notna()
    assert filled["bp"].notna().all()
    assert (filled["bp"][known] == data["bp"].head(20)[known]).all()
    given = model.sample(50, given={"bp": "150/90"}, seed=0)
    assert (given["bp"] == "150/90").all()


def test_a_hole_in_one_number_is_a_hole_in_the_text():
    several = (Several("bp", "String", "0/0"),)
    parts = pl.DataFrame({"bp.0": [120, None], "bp.1": [80, 70]})
    assert joined(parts, several)["bp"].to_list() == ["120/80", None]


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ([f"{i % 7}'{i % 12}\"" for i in range(90)], "0'0\""),
        ([f"{i % 7 + 1} lb {i % 15} oz" for i in range(90)], "0 lb 0 oz"),
        ([f"{i % 20 + 20}w {i % 7}d" for i in range(90)], "0w 0d"),
        ([f"{i % 9} of {i % 10}" for i in range(90)], "0 of 0"),
        ([f"POINT ({i % 7}.{i % 9 + 1} -{i % 11}.25)" for i in range(90)], "POINT (0.0 0.00)"),
        ([f"{i % 7} {i % 12}" for i in range(90)], None),  # numbers with blanks between thousands, and telephones
        ([f"{i % 70}a{i % 12}" for i in range(90)], None),  # codes
        ([f"{i % 7}.5 {i % 12}" for i in range(90)], None),
    ],
)
def test_words_and_blanks_stand_between_numbers(texts: list[str], form: str | None) -> None:
    series = pl.Series(texts)
    assert form_of(series) == form
    if form is not None:
        one = Several("v", "String", form)
        assert one.texts([part.to_numpy() for part in one.numbers(series)]).tolist() == texts
