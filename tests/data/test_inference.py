"""Which kind a column gets, and which kinds cannot be asked for."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Schema, inference

FRAME = pl.DataFrame(
    {
        "real": [0.5, 1.0, 2.0],
        "whole": [1, 2, 3],
        "flag": [True, False, True],
        "text": ["u", "v", "u"],
        "whole_float": [1.0, 2.0, 3.0],
    }
)


def test_types_decide_unless_a_kind_is_asked_for() -> None:
    schema = Schema.infer(FRAME)
    numbers, levels = schema.factors["number"], schema.factors["category"]
    assert numbers.columns == ("real", "whole", "whole_float")
    assert [cut.decimals for cut in numbers.resolutions] == [1, 0, 0]
    assert levels.columns == ("flag", "text")
    asked = Schema.infer(FRAME, kinds={"whole": "real", "whole_float": "integer", "flag": "integer"})
    assert [kind.name for kind in asked.factors["numbers"].coordinates] == ["real", "integer", "integer"]
    assert asked.factors["number"].columns == ("real",)


def test_types_of_conditions() -> None:
    names = ["whole", "flag", "text", "whole_float"]
    schema = Schema.infer(FRAME, condition=names)
    assert [kind.name for kind in schema.conditions.values()] == ["real", "category", "category", "real"]
    asked = Schema.infer(
        FRAME, condition=names, kinds={"whole": "category", "flag": "integer", "whole_float": "integer"}
    )
    assert [kind.name for kind in asked.conditions.values()] == ["category", "real", "category", "real"]


@pytest.mark.parametrize(("count", "name"), [(50, "category"), (51, "real")])
def test_few_labels_are_classes_and_many_are_numbers(count: int, name: str) -> None:
    data = np.random.default_rng(0).normal(size=(100, 1))
    schema = Schema.infer(data, np.arange(100) % count, condition="class")
    assert schema.conditions["class"].name == name
    real = Schema.infer(data, np.arange(100) % count / 2, condition="class")
    assert real.conditions["class"].name == "real"


@pytest.mark.parametrize(
    ("kinds", "condition", "message"),
    [
        (
            {"real": "angel"},
            ["text"],
            "Column 'real' is declared 'angel'; the known kinds are real, integer, category, number, count, angle",
        ),
        (
            {"age": "real"},
            ["text"],
            "The kind of 'age' is given, but there is no such column; the columns are real, whole, flag",
        ),
        ({"real": "integer"}, ["text"], r"Column 'real' holds whole numbers, but row 0 holds 0\.5"),
        (
            {"whole": "binary"},
            ["text"],
            "'whole' is declared binary, but holds 3 values, such as 3 in row 2; exp",
        ),
        ({"whole": "binary"}, ["whole"], "Column 'whole' is declared binary, but holds 3 values"),
        ({"whole,whole": "latlon"}, ["text"], "The kind of 'whole' is given twice"),
        ({0: "real"}, ["text"], r"got kinds = \{0: 'real'\}; expected a dict of the names of columns"),
        (["whole"], ["text"], r"got kinds = \['whole'\]; expected a dict"),
        ({"real": None}, ["text"], "Column 'real' is declared None; the known kinds are"),
        ({}, ["text", "text"], "The condition 'text' is named twice; name it once"),
        ({}, [0], r"got condition = \[0\]; expected a name, or a list of names, which are texts"),
        ({}, None, "got condition = None; expected a name"),
        ({"real,whole": "latlon", "whole": "real"}, ["text"], "The kind of 'whole' is given twice"),
        ({"text": "real"}, ["text"], "The condition 'text' is declared real, but holds 'u'"),
        (
            {"whole": "ordered"},
            ["text", "whole"],
            "The condition 'whole' is declared ordered; a condition is one of real, category, ",
        ),
    ],
)
def test_kinds_that_cannot_be(kinds: Any, condition: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(FRAME, kinds=kinds, condition=condition)


@pytest.mark.parametrize("seed", range(3))
def test_any_column_of_any_kind_is_refused_or_comes_back_finite(seed: int) -> None:
    draws = np.random.default_rng(seed)
    columns = [
        *(draws.normal(size=9), draws.integers(0, 4, 9), draws.random(9) < 0.5, draws.choice(["a", "b", "cc"], 9)),
        *(draws.normal(size=9) * 1e300, draws.normal(size=9) * 1e-310, draws.uniform(0, 360, 9), np.full(9, 3.5)),
        *(draws.integers(-(2**62), 2**62, 9), draws.integers(0, 5, 9).astype(np.uint64) + np.uint64(2**63)),
        *(draws.normal(size=9).astype("f2"), np.where(draws.random(9) < 0.2, np.nan, 1.0), draws.integers(0, 2, 9)),
    ]
    for _ in range(150):
        chosen = draws.choice(len(columns), draws.integers(1, 5), replace=False)
        data = pl.DataFrame({f"x{i}": columns[k] for i, k in enumerate(chosen)})
        names, words = [str(draws.choice(data.columns)), "x"], draws.choice(inference.KINDS, 2).tolist()
        kinds = dict(zip(names[: draws.integers(0, 3)], words, strict=False))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "1 column holds|. columns hold")
                schema = Schema.infer(data, kinds=kinds)
            assert Schema.from_config(json.loads(json.dumps(schema.to_config()))) == schema
            x = schema.encode(data).x
        except InputError:
            continue
        assert all(bool(leaf.isfinite().all()) for _, leaf in _tree.leaves(x))
        for values in schema.values(x).values():
            assert values.dtype == object or np.isfinite(values.astype(np.float64)).all()
        assert schema.decode(x).schema == data.schema


def test_two_values_are_binary() -> None:
    assert Schema.infer(FRAME, kinds={"flag": "binary", "text": "binary"}).factors["category"].columns == (
        "flag",
        "text",
    )


def test_many_constant_columns_make_one_short_warning() -> None:
    data = np.ones((3, 8))
    data[:, 0] = [1, 2, 3]
    with pytest.warns(UserWarning, match=r"7 columns hold a single value.*'x5' = 1\.0, and 2 more\.$") as seen:
        Schema.infer(data)
    assert len(seen) == 1


def test_a_table_of_ticks_and_holes_is_refused_with_a_way_out() -> None:
    with pytest.raises(InputError, match="nothing to model; if an empty cell means something, such as no, write it"):
        Schema.infer(pl.DataFrame({"a": ["x", None, "x"], "b": [None, 1, 1]}))
    with pytest.raises(InputError, match=r"\('a' = x\), so there is nothing to model\.$"):
        Schema.infer(pl.DataFrame({"a": ["x", "x"]}))


def test_texts_that_hardly_come_again_are_said_to_be_levels(recwarn: pytest.WarningsRecorder) -> None:
    texts = [f"{i % 60 + 10}-A-{i % 3}" for i in range(240)]
    numbers = np.arange(240) % 7 / 4
    said = r"'v' holds 60 texts in 239 rows, such as '10-A-0': each is a level, which samples repeat"
    with pytest.warns(UserWarning, match=said):
        Schema.infer(pl.DataFrame({"v": [None, *texts[1:]], "x": numbers}))
    with pytest.warns(UserWarning, match="'v' holds 60 texts in 240 rows"):
        Schema.infer(pl.DataFrame({"v": texts, "x": numbers}))
    recwarn.clear()
    frames = [
        pl.DataFrame({"v": [f"w{text[:2]}x" for text in texts] * 2, "x": np.tile(numbers, 2)}),  # eight rows of each
        pl.DataFrame({"v": [f"a{i % 50}b" for i in range(240)], "x": numbers}),  # few
        pl.DataFrame({"v": pl.Series(texts, dtype=pl.Categorical), "x": numbers}),
    ]
    for frame in frames:
        Schema.infer(frame)
    Schema.infer(frames[0].head(240), kinds={"v": "category"})
    assert not recwarn.list
