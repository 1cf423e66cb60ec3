"""Sheets of Excel as people make them: titles, numbers and dates as texts, times, errors, names that stand twice."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unnoise.data import read, write

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl writes the sheets")
pytest.importorskip("fastexcel", reason="fastexcel reads the sheets")

ROWS = [["town", "sold"], ["Rome", 3], ["Bonn", None], ["Rome", 2]]
HELD = {"town": ["Rome", "Bonn", "Rome"], "sold": [3, None, 2]}


def sheet(tmp_path: Path, rows: list[list[Any]], **said: Any) -> pl.DataFrame:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if len(rows[0]) == 1 < len(rows[-1]):
        book.active.merge_cells("A1:B1")
    book.save(tmp_path / "d.xlsx")
    frame = read(tmp_path / "d.xlsx", **said)
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.mark.parametrize("above", [[["Sales"]], [["Sales"], []], [[], ["Sales"], ["of 2024"], []]])
def test_titles_are_left_out(above: list[list[Any]], tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="'Sales' above the names of .* left out"):
        assert sheet(tmp_path, above + ROWS).to_dict(as_series=False) == HELD


def test_blank_rows_and_columns_are_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    frame = sheet(tmp_path, [[], [None, "town", None, "sold"], *([None, t, None, n] for t, n in ROWS[1:])])
    assert frame.to_dict(as_series=False) == HELD
    assert capfd.readouterr().err == ""


def test_numbers_as_text_are_numbers_unless_they_are_declared(tmp_path: Path) -> None:
    rows = [["a", "b", "zip"], ["1.5", 1, "00501"], ["NA", 2, "90210"], ["2", 3, "10001"]]
    with pytest.warns(UserWarning, match="'a' of .* holds numbers as text, such as '1.5', and is read as numbers"):
        frame = sheet(tmp_path, rows)
    assert frame.to_dict(as_series=False) == {"a": [1.5, None, 2.0], "b": [1, 2, 3], "zip": ["00501", "90210", "10001"]}
    for said in ("text", "levels"):
        assert sheet(tmp_path, rows, **{said: ["a"]})["a"].to_list() == ["1.5", None, "2"]


def test_errors_are_missing(tmp_path: Path) -> None:
    assert sheet(tmp_path, [["a", "b"], [1, "#N/A"], ["#DIV/0!", 2], [3, 4]]).rows() == [(1, None), (None, 2), (3, 4)]


def test_times_are_times_of_a_day_and_are_written_so(tmp_path: Path) -> None:
    times = [datetime.time(8, 30), None, datetime.time(17, 5)]
    frame = sheet(tmp_path, [["t", "k"], *([t, "u"] for t in times)])
    assert frame["t"].to_list() == times
    write(frame, tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text() == "t,k\n08:30:00,u\n,u\n17:05:00,u\n"


def test_dates_beside_texts_of_dates_are_written_alike(tmp_path: Path) -> None:
    days = [datetime.datetime(2024, 1, 2), "2023-05-06", None]
    assert sheet(tmp_path, [["d", "k"], *([d, "u"] for d in days)])["d"].to_list() == ["2024-01-02", "2023-05-06", None]


def test_noise_of_sums_is_no_digit(tmp_path: Path) -> None:
    assert sheet(tmp_path, [["a", "k"], [0.1 + 0.2, "u"], [51.1 / 100, "v"], [1 / 3, "w"]])["a"].to_list() == [
        0.3,
        0.511,
        0.333333333333333,
    ]


def test_names_that_stand_twice_are_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Several columns of .* have the name 'a'; the later ones are read as 'a_1'"):
        assert sheet(tmp_path, [["a", "a"], [1, 2.5], [3, 4]]).to_dict(as_series=False) == {
            "a": [1, 3],
            "a_1": [2.5, 4.0],
        }


@pytest.mark.filterwarnings("ignore:The line 'Report' above the names")
@pytest.mark.parametrize("above", [[], [["Report"], []]])
def test_units_below_the_names_are_left_out(above: list[list[Any]], tmp_path: Path) -> None:
    days = [datetime.datetime(2024, 1, day) for day in range(1, 7)]
    rows = [["town", "height", "day", "sold"], ["", "cm", "date", None]]
    rows += [["Rome", 170 + i / 2, day, i] for i, day in enumerate(days)]
    with pytest.warns(UserWarning, match=r"\('cm', 'date'\) stands over numbers, as units do, and is left out"):
        frame = sheet(tmp_path, above + rows)
    assert frame["height"].to_list() == [170 + i / 2 for i in range(6)]
    assert frame["sold"].to_list() == list(range(6))
    assert frame["day"].to_list() == [day.date() for day in days]


def test_dates_and_times_beside_words_have_no_midnight_and_no_first_day(tmp_path: Path) -> None:
    days, times = [datetime.datetime(2024, 1, day) for day in (2, 3)], [datetime.time(8, 30), datetime.time(17, 5)]
    moments = [datetime.datetime(2024, 1, 2, 8), datetime.datetime(2024, 1, 2)]
    rows = [["d", "t", "m"], *([*row] for row in zip(days, times, moments, strict=True)), ["tbd", "closed", "never"]]
    frame = sheet(tmp_path, rows)
    assert frame.to_dict(as_series=False) == {
        "d": ["2024-01-02", "2024-01-03", "tbd"],
        "t": ["08:30:00", "17:05:00", "closed"],
        "m": ["2024-01-02 08:00:00", "2024-01-02 00:00:00", "never"],
    }
