"""What is typed of columns: names with any letters in them, and values, ranges, sets and files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from typer.testing import Result

from unnoise import InputError
from unnoise.cli import given
from unnoise.data import Schema
from unnoise.data.within import Except

Run = Callable[..., Result]
N = 12
FRAME = pd.DataFrame(
    {
        "a": np.arange(N) / 3,
        "a=b": np.arange(N) % 5 * 1.5,
        "x, y": np.arange(N) % 4,
        "x": np.arange(N) ** 2 / 7,
        "naïve😀": ["u|v", "u", "v", "1..2", "10", "w|u"] * 2,
        "income": [None, 10.5, 20.25] * 4,
        "always": 7,
        "on": [True, False] * 6,
        "word": ["AC", "C|", "..", "A"] * 3,
        "group": ["p", "q..r", "q"] * 4,
        "dose": np.arange(N) / 2,
        "size": ["S", "M", "L"] * 4,
    }
)


@pytest.fixture(scope="module")
def schema() -> Schema:
    with pytest.warns(UserWarning, match="1 column holds a single value"):
        return Schema.infer(FRAME, kinds={"word": "sequence", "size": "S < M < L"}, condition=["group", "dose"])


READ = {
    "a=1": {"a": "1"},
    "a=b=1": {"a=b": "1"},
    "a=b,a=1": {"a=b": "1", "a": "1"},
    "a,a=b=1": {"a": "1", "a=b": "1"},
    "x, y=3": {"x, y": "3"},
    "x,x, y,a=3": {"x": "3", "x, y": "3", "a": "3"},
    "a=30..40": {"a": (30, 40)},
    "a=-1.5..-1e3": {"a": (-1.5, -1000.0)},
    "a=30..": {"a": (30, None)},
    "a=..40": {"a": (None, 40)},
    "income=": {"income": None},
    "x, y=1|3": {"x, y": {"1", "3"}},
    "naïve😀=u": {"naïve😀": "u"},
    "nai\u0308ve😀=u": {"naïve😀": "u"},
    "nai\u0308ve😀,a=1": {"naïve😀": "1", "a": "1"},
    "naïve😀=u|v": {"naïve😀": "u|v"},
    "naïve😀=v|u": {"naïve😀": {"v", "u"}},
    "naïve😀=v|w|u": {"naïve😀": {"v", "w|u"}},
    "naïve😀=u|v|u": {"naïve😀": {"u|v", "u"}},
    "naïve😀=1..2": {"naïve😀": "1..2"},
    "naïve😀=1..2|10": {"naïve😀": {"1..2", "10"}},
    "naïve😀=x=y,z": {"naïve😀": "x=y,z"},
    "on=True": {"on": "True"},
    "on=yes": {"on": "True"},
    "on=FALSE|1": {"on": {"False", "True"}},
    "naïve😀=U": {"naïve😀": "u"},
    "naïve😀=W|U|V": {"naïve😀": {"w|u", "v"}},
    "naïve😀!=u|v": {"naïve😀": Except({"u|v"})},
    "naïve😀!=v|u": {"naïve😀": Except({"u", "v"})},
    "a=b!=1.5": {"a=b": Except({"1.5"})},
    "income!=": {"income": Except()},
    "x,a!=3": {"x": Except({"3"}), "a": Except({"3"})},
    "a=!1": {"a": "!1"},
    "word=C|": {"word": "C|"},
    "word=..": {"word": ".."},
    "group=q..r": {"group": "q..r"},
    "group=p": {"group": "p"},
    "dose=2": {"dose": 2.0},
    "always=7": {"always": "7"},
    "a = 1": {"a": "1"},
    "income != 1.5": {"income": Except({"1.5"})},
    "word= A": {"word": " A"},
    "income=missing": {"income": None},
    "income!=missing": {"income": Except()},
    "size=S..M": {"size": ("S", "M")},
    "size=..m": {"size": (None, "M")},
    "size=M..": {"size": ("M", None)},
    "size=S..T": {"size": "S..T"},
}


@pytest.mark.parametrize(("item", "wanted"), READ.items(), ids=READ)
def test_what_is_given_is_read(item: str, wanted: dict[str, Any], schema: Schema) -> None:
    found = given.told([item], schema)
    assert found == wanted
    assert {name: type(value) for name, value in found.items() if isinstance(value, Except)} == {
        name: Except for name, value in wanted.items() if isinstance(value, Except)
    }
    for value in found.values():
        for end in value if isinstance(value, tuple) else ():
            assert end is None or isinstance(end, str) or isinstance(end, int) == float(end).is_integer() or "e" in item


def test_nothing_is_a_level_where_it_is_one_and_missing_where_it_may_be() -> None:
    schema = Schema.infer(pl.DataFrame({"e": ["", "x", "x"], "f": ["", None, "x"]}))
    assert given.told(["e=", "f="], schema) == {"e": "", "f": None}


def test_several_items_are_one_dict_and_none_is_empty(schema: Schema) -> None:
    assert given.told(["a=1", "x, y=2"], schema) == {"a": "1", "x, y": "2"}
    assert given.told(None, schema) == {}


@pytest.mark.parametrize(
    ("item", "match"),
    [
        ("a", "got --given 'a'; expected NAME=VALUE, as in --given age=40"),
        ("=1", "got --given '=1'; expected NAME=VALUE"),
        ("a,=1", "got --given 'a,=1'; expected NAME=VALUE"),
        ("z=1", "The model has no column 'z'; its columns are a, a=b, x, y, x,"),
        ("x, y,z=1", "The model has no column 'z'"),
        ("z,a=1", "The model has no column 'z'"),
        ("A=1", "The model has no column 'A'"),
        ("a,a=1", "got --given for 'a' twice; give it once"),
        ("a=1|", "got the set '1|'"),
        ("a>=3", "got --given 'a>=3'; expected a range with its ends, as in --given 'a=3..'"),
        ("x, y<3", "got --given 'x, y<3'; expected a range with its ends, as in --given 'x, y=..3'"),
        ("a<", "got --given 'a<'; expected a range with its ends, as in --given 'a=..60'"),
        ("incme=1", "The model has no column 'incme'; did you mean 'income'? Its columns are a, a=b"),
        ("a!=3..4", "got --given a!=3..4; expected values of a column that is modelled"),
        ("dose!=3", "got --given dose!=3; expected values of a column that is modelled"),
        ("dose=3..4", "got --given dose=3..4; expected a number for the column 'dose'"),
    ],
)
def test_what_cannot_be_read_is_refused(item: str, match: str, schema: Schema) -> None:
    with pytest.raises(InputError) as caught:
        given.told([item], schema)
    assert match in str(caught.value)


def test_the_schema_takes_what_was_read(schema: Schema) -> None:
    """Texts become values of the columns' types."""
    items = ["a=b=3", "x, y=3", "naïve😀=10", "income=NA", "group=q..r", "dose=2", "on=True", "always=7", "word=C|"]
    found = schema.given(given.told(items, schema), 2)
    values = {name: values.tolist() for name, (values, _) in found.columns.items()}
    wanted = {"a=b": 3.0, "x, y": 3, "naïve😀": "10", "on": True, "word": "C|", "group": "q..r", "dose": 2.0}
    assert values == {name: [value] * 2 for name, value in wanted.items()}
    assert found.x["missing"].tolist() == [[1], [1]]
    within = schema.given(given.told(["a=1..2", "x, y=1|3", "group=p", "dose=1"], schema), 2).within
    assert within["a"].holds(np.array([0.9, 1.0, 2.0, 2.1])).tolist() == [False, True, True, False]
    assert within["x, y"].holds(np.arange(4)).tolist() == [False, True, False, True]


def test_names_are_read(schema: Schema) -> None:
    assert given.names(["a=b,x, y,x"], "--of", schema) == ["a=b", "x, y", "x"]
    assert given.names(["x, y", "naïve😀"], "--of", schema) == ["x, y", "naïve😀"]
    assert given.names(None, "--of", schema) is None
    refused = {"a,z": "has no column 'z'", "a,": "got --of 'a,'; expected NAME,NAME", "a,a": "--of for 'a' twice"}
    for text, match in refused.items():
        with pytest.raises(InputError, match=match):
            given.names([text], "--of", schema)


def test_a_file_gives_each_row_its_own_and_holes_say_nothing(schema: Schema, tmp_path: Path) -> None:
    pl.DataFrame({"x, y": [3, None, 1], "naïve😀": ["u", "v", None]}).write_csv(tmp_path / "rows.csv")
    held, n = given.from_file(tmp_path / "rows.csv", schema, None)
    assert n == 3
    found = schema.given(given.merged({"group": "p", "dose": 1.0}, held), 3)
    assert found.columns["x, y"][1].tolist() == [True, False, True]
    assert found.columns["x, y"][0][[0, 2]].tolist() == [3, 1]
    assert found.columns["naïve😀"][1].tolist() == [True, True, False]


def test_one_row_of_a_file_is_for_all(schema: Schema, tmp_path: Path) -> None:
    pl.DataFrame({"x, y": [3]}).write_csv(tmp_path / "row.csv")
    assert given.from_file(tmp_path / "row.csv", schema, None)[1] == 1
    held, n = given.from_file(tmp_path / "row.csv", schema, 4)
    assert (n, held["x, y"].tolist()) == (4, [3, 3, 3, 3])


def test_an_array_gives_what_is_no_hole(tmp_path: Path) -> None:
    schema = Schema.infer(np.random.default_rng(0).normal(size=(9, 3)))
    np.save(tmp_path / "rows.npy", [[0.5, np.nan, 0.0], [np.nan, np.nan, 0.25]])
    found = schema.given(*given.from_file(tmp_path / "rows.npy", schema, None))
    assert found.known.tolist() == [[True, False, True], [False, False, True]]


def test_a_file_that_does_not_fit_is_refused(schema: Schema, tmp_path: Path) -> None:
    pl.DataFrame({"x, y": [3, 1]}).write_csv(tmp_path / "rows.csv")
    with pytest.raises(InputError, match=r"got 2 rows in .*rows.csv for -n 3; expected 1, for all, or 3: leave out -n"):
        given.from_file(tmp_path / "rows.csv", schema, 3)
    with pytest.raises(InputError, match="got the column 'x, y' in --given and in the file of --given-file"):
        given.merged({"x, y": "3"}, {"x, y": np.array([3])})


def test_other_values_are_those_that_are_there_and_unequal() -> None:
    schema = Schema.infer(FRAME.select("a=b", "naïve😀", "income"))
    within = schema.given(given.told(["a=b!=1.5|3", "naïve😀!=u", "income!="], schema), 2).within
    assert within["a=b"].holds(np.array([0.0, 1.5, 3.0, 6.0])).tolist() == [True, False, False, True]
    assert within["naïve😀"].holds(np.array(["u", "v"], dtype=object)).tolist() == [False, True]
    assert within["income"].holds(np.array([10.5])).tolist() == [True]
    assert str(within["a=b"]) == "none of 1.5, 3.0"
    assert (
        schema.given(given.told(["naïve😀!="], schema), 1).within["naïve😀"].holds(np.array(["u"], dtype=object)).all()
    )


def test_impossible_ranges_are_said_as_they_are_written(tmp_path: Path, done: Run, refused: Callable[..., str]) -> None:
    path, days = tmp_path / "d.csv", [f"2023-0{1 + i % 9}-{1 + i % 28:02}" for i in range(60)]
    path.write_text("day,t\n" + "".join(f"{day},{i % 24:02}:30\n" for i, day in enumerate(days)))
    done("fit", path, "-o", tmp_path / "m", "--quick")
    ask = ("sample", tmp_path / "m", "-n", 3, "-o", tmp_path / "n.csv")
    refused(*ask, "--given", "day=2023-10-12..2023-10-15", match="has day 2023-10-12 to 2023-10-15, so such a row")
    refused(
        *ask,
        "--given",
        "day=2023-05-12..2023-02-15",
        match=r"'day' was given the range \(2023-05-12, 2023-02-15\); expected .*low at most high",
    )


def test_conditions_that_are_words_among_numbers_dates_or_money_are_given_as_they_are_written() -> None:
    frame = pd.DataFrame(
        {
            "x": np.arange(30) % 7,
            "lod": ["<0.5", *(f"{i / 2:.1f}" for i in range(1, 30))],
            "day": [f"2024-01-{i + 1:02}" for i in range(30)],
            "price": [f"${1000 + i:,}.50" for i in range(30)],
        }
    )
    schema = Schema.infer(frame, condition=["lod", "day", "price"])
    place = schema.container.words("lod")["<0.5"]
    days = int(np.datetime64("2024-02-01").astype(int))
    found = given.told(["lod=<0.5", "day=2024-02-01", "price=$1,007.25"], schema)
    assert found == {"lod": place, "day": days, "price": 1007.25}
    assert given.told(["lod=3.5"], schema) == {"lod": 3.5}
    with pytest.raises(InputError, match="'day' held values of the type date"):
        given.told(["day=soon"], schema)
