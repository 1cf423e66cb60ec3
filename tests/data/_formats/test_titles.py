"""Titles and notes above the line of names, and what else is no row of a table."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import read
from unnoise.data._formats.titles import above_names

ROWS = "age,town,rooms\n31.5,Rome,2\n,Bonn,3\n40.0,Rome,1\n"
HELD = {"age": [31.5, None, 40.0], "town": ["Rome", "Bonn", "Rome"], "rooms": [2, 3, 1]}


def held(path: Path, text: str | bytes, **said: Any) -> dict[str, list[Any]]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    frame = read(path, **said)
    assert isinstance(frame, pl.DataFrame)
    return frame.to_dict(as_series=False)


@pytest.mark.parametrize(
    "above",
    [
        "Sales by month\n",
        "Sales by month\n\n",
        "Sales by month,,\n,,\n",
        '"Sales, by month"\n',
        "% made by hand\n",
        "// made by hand, on Monday, early\n",
        "; made by hand\n",
        '"# made by hand"\n',
        "# a comment\nSales by month\n",
        "of people,by month,\n",
        ",by month,\n",
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_title_is_left_out_and_said(above: str, separator: str, tmp_path: Path) -> None:
    above = above if ", " in above else above.replace(",", separator)
    text = above + ROWS.replace(",", separator)
    with pytest.warns(UserWarning, match="^The line '.*(by month|by hand).*' above the names of .* is left out"):
        assert held(tmp_path / "d.csv", text) == HELD


def test_several_lines_above_are_counted(tmp_path: Path) -> None:
    text = "Report of the office\nas of 2024-01-01, all towns\n\n" + ROWS
    with pytest.warns(UserWarning, match="^2 lines such as 'Report of the office' above the names of .* are left out"):
        assert held(tmp_path / "d.csv", text) == HELD


@pytest.mark.parametrize(
    "rows",
    [
        [["% fat", "% salt"], ["1.5", "2"], ["3", "4"], ["5", "6"]],  # names that begin with a sign
        [["a", "b"], ["r", "1", "2"], ["s", "3", "4"], ["t", "5", "6"]],  # as R writes names of rows
        [["", "a"], ["0", "5"], ["1", "6"], ["2", "7"]],
        [["", "a", "b"], ["x", "y", "NA"], ["z", "w", "6"], ["u", "v", "7"]],  # a row with a hole
        [["", "a", "b"], ["x", "y", "5"], ["z", "w", "6"], ["u", "v", "7"]],
        [["Title"], ["u", "v"], ["w", "x"], ["y", "z"]],  # no numbers say where names end
        [["Title"], ["2019", "2020"], ["5", "6"], ["7", "8"]],
        [],
    ],
)
def test_what_may_be_names_or_data_stays(rows: list[list[str]]) -> None:
    assert above_names(rows) == 0


def test_comments_in_a_table_may_begin_with_other_signs(tmp_path: Path) -> None:
    for sign in ("%", "//"):
        with pytest.warns(UserWarning, match=f"The line '{sign} part two' of .* is left out, as comments are"):
            assert held(tmp_path / "d.csv", f"a,b\n1,2\n{sign} part two\n3,4\n") == {"a": [1, 3], "b": [2, 4]}


def test_a_hole_in_a_first_line_of_numbers_is_no_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="is read as data, as it holds numbers only"):
        assert held(tmp_path / "d.csv", "5.1,,3\n4.9,1.2,2\n") == {"x0": [5.1, 4.9], "x1": [None, 1.2], "x2": [3, 2]}
    with pytest.warns(UserWarning, match="has no name and numbers the rows"):
        assert held(tmp_path / "d.csv", ",2019,2020\n0,5,4\n1,6,7\n") == {"2019": [5, 6], "2020": [4, 7]}
    with pytest.raises(InputError, match=r"Column 2 of .* has no name"):
        held(tmp_path / "d.csv", "a,\n4.9,1.2\n")


def test_the_content_tells_more_than_the_suffix(tmp_path: Path) -> None:
    assert held(tmp_path / "d.tsv", ROWS) == HELD
    assert held(tmp_path / "d.tsv", "text\na, b\nc, d\n") == {"text": ["a, b", "c, d"]}
    assert held(tmp_path / "d.csv", gzip.compress(ROWS.encode())) == HELD


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("'a','b, c'\n5,'u, v'\n,'w'\n", {"a": [5, None], "b, c": ["u, v", "w"]}),
        ("a,b\n5,'u, v'\n6,'w, x'\n", {"a": [5, 6], "b": ["u, v", "w, x"]}),
        ("'a';'b'\n'1.5';'u'\n'2';'it''s'\n", {"a": [1.5, 2.0], "b": ["u", "it's"]}),
    ],
)
def test_single_quotes_around_separators_or_numbers_are_left_out(
    text: str, columns: dict[str, list[Any]], tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match="stand between single quotes, which are left out"):
        assert held(tmp_path / "d.csv", text) == columns


def test_apostrophes_and_quoted_words_stay(tmp_path: Path) -> None:
    assert held(tmp_path / "d.csv", "a,b\n1,'tis\n2,O'Neil\n") == {"a": [1, 2], "b": ["'tis", "O'Neil"]}
    assert held(tmp_path / "d.csv", "a,b\n1,'u'\n2,'v'\n") == {"a": [1, 2], "b": ["'u'", "'v'"]}
