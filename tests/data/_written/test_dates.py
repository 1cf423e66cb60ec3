"""Dates and times as text: the pattern is found, kept, and said where it is a guess."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, containers, read
from unnoise.data._written import dates

X = [1.0, 2.0, 5.0]


def frame_of(texts: list[str | None], kind: str = "polars") -> Any:
    held = {"d": texts, "x": X[: len(texts)]}
    return pl.DataFrame(held) if kind == "polars" else pd.DataFrame(held)


def schema_of(frame: Any) -> Schema:
    return Schema.from_config(json.loads(json.dumps(Schema.infer(frame).to_config())))


@pytest.mark.parametrize("kind", ["polars", "pandas"])
@pytest.mark.parametrize(
    ("texts", "pattern", "unit", "numbers"),
    [
        (["2021-01-01", "2021-02-02", "1969-12-31"], "%Y-%m-%d", "D", [18628, 18660, -1]),
        (["2021-01-01 05:00", "2021-01-01 06:30", "2021-01-02 00:00"], "%Y-%m-%d %H:%M", "m", None),
        (["2021-01-01T05:00:00", "2021-01-01T06:00:00", "1970-01-01T01:00:00"], "%Y-%m-%dT%H:%M:%S", "h", None),
        (["2021-01-01T05:00:00Z", "2021-01-01T06:00:00Z", "1970-01-01T01:00:00Z"], "%Y-%m-%dT%H:%M:%SZ", "h", None),
        (["2021-01-01T05:00:00.125", "2021-01-01T06:00:00.000"], "%Y-%m-%dT%H:%M:%S%.3f", "ms", None),
        (["2021-01-01 05:00:00+02:00", "2021-01-01 06:00:00+02:00"], "%Y-%m-%d %H:%M:%S+02:00", "h", [447077, 447078]),
        (["2021-05", "1969-12", "1970-01"], "%Y-%m", "M", [616, -1, 0]),
        (["10:30", "00:00", "23:59"], "%H:%M", "m", [630, 0, 1439]),
        (["10h30", "0h00", "23h59"], "%-Hh%M", "m", [630, 0, 1439]),
        (["10:30:05", "00:00:00", "23:59:59"], "%H:%M:%S", "s", [37805, 0, 86399]),
        (["1:30 AM", "12:00 AM", "11:59 PM"], "%-I:%M %p", "m", [90, 0, 1439]),
        (["01:30pm", "12:00am", "11:59pm"], "%I:%M%P", "m", [810, 0, 1439]),
        (["2021-01-01 05:00:00 UTC", "2021-01-01 06:00:00 UTC"], "%Y-%m-%d %H:%M:%S UTC", "h", [447077, 447078]),
        (["20210101T050000", "20210101T060000"], "%Y%m%dT%H%M%S", "h", [447077, 447078]),
        (["0:53:06.7", "1:10:01.5", "0:59:00.0"], "%-H:%M:%S%.1f", "ms", [3186700, 4201500, 3540000]),
        (["2021-01-01 05:00:00.25", "2021-01-01 06:00:00.70"], "%Y-%m-%d %H:%M:%S%.2f", "ms", None),
        (["2021-01-01T05:00:00.5Z", "2021-01-01T06:00:00.7Z"], "%Y-%m-%dT%H:%M:%S%.1fZ", "ms", None),
        (["+01:00:05", "+00:00:00"], "+[hh]:mm:ss", "s", [3605, 0]),
        (["26:00:01.5", "1:10:01.0"], "[h]:mm:ss.0", "ms", [93601500, 4201000]),
        (["1:02.33", "0:58.20"], "[m]:ss.00", "ms", [62330, 58200]),
        (["0 days 01:00:00", "1 days 12:30:00", "-1 days +23:59:00"], "d days hh:mm:ss", "m", [60, 2190, -1]),
        (["0 days 00:00:01.500000", "0 days 00:00:02.000000"], "d days hh:mm:ss", "ms", [1500, 2000]),
    ],
)
def test_clear_ones_are_numbers_inside_and_the_same_text_outside(
    texts: list[str], pattern: str, unit: str, numbers: list[int] | None, kind: str
) -> None:
    frame = frame_of(texts, kind)
    schema = schema_of(frame)
    column = schema.container.layout[0]
    assert (column.pattern, column.unit) == (pattern, unit)
    if numbers is not None:
        assert schema.container.split(frame)["d"].tolist() == numbers
    back = schema.decode(schema.encode(frame).x)
    assert list(back["d"]) == texts
    holed = frame_of([texts[0], None, *texts[2:]], kind)
    assert list(schema.filled(holed, schema.encode(frame).x)["d"]) == texts


def test_minutes_behind_the_first_are_said_and_come_back() -> None:
    frame = frame_of(["+1:05", "+0:00", "+12:04"])
    with pytest.warns(UserWarning, match=r"read as minutes and seconds: '\+1:05' is 0:01:05"):
        schema = Schema.infer(frame)
    assert schema.container.split(frame)["d"].tolist() == [65, 0, 724]
    assert schema.decode(schema.encode(frame).x)["d"].to_list() == frame["d"].to_list()


@pytest.mark.parametrize(
    ("texts", "pattern", "first"),
    [
        (["31/12/2020", "01/02/2021"], "%d/%m/%Y", "2020-12-31"),
        (["12/31/2020", "01/02/2021"], "%m/%d/%Y", "2020-12-31"),
        (["12/31/2020", "1/2/2021"], "%-m/%-d/%Y", "2020-12-31"),
        (["12/31/2020 05:00", "01/02/2021 06:30"], "%m/%d/%Y %H:%M", "2020-12-31 05:00:00"),
        (["12/31/2020 5:00", "1/2/2021 16:30"], "%-m/%-d/%Y %-H:%M", "2020-12-31 05:00:00"),
        (["12/31/2020 5:00 PM", "1/2/2021 6:30 AM"], "%-m/%-d/%Y %-I:%M %p", "2020-12-31 17:00:00"),
        (["31.12.2020", "01.02.2021"], "%d.%m.%Y", "2020-12-31"),
        (["31.12.2020 5:07", "1.2.2021 16:30"], "%-d.%-m.%Y %-H:%M", "2020-12-31 05:07:00"),
        (["2020/12/31", "2021/02/01"], "%Y/%m/%d", "2020-12-31"),
        (["5 Mar 2021", "14 Apr 2021"], "%-d %b %Y", "2021-03-05"),
        (["March 5, 2021", "April 14, 2021"], "%B %-d, %Y", "2021-03-05"),
        (["05-MAR-2021", "14-APR-2021"], "%d-%^b-%Y", "2021-03-05"),
        (["05MAR2021", "14APR2021"], "%d%^b%Y", "2021-03-05"),
        (["05MAR2021:10:11:12", "14APR2021:00:00:00"], "%d%^b%Y:%H:%M:%S", "2021-03-05 10:11:12"),
        (["Mar. 5, 2021", "Apr. 14, 2021"], "%b. %-d, %Y", "2021-03-05"),
        (["05/Mar/2021", "14/Apr/2021"], "%d/%b/%Y", "2021-03-05"),
    ],
)
def test_others_are_said(texts: list[str], pattern: str, first: str) -> None:
    with pytest.warns(UserWarning, match=rf"Column 'd' is read as dates: .* is {first}"):
        schema = Schema.infer(frame_of(texts))
    assert schema.container.layout[0].pattern == pattern
    back = schema.decode(schema.encode(frame_of(texts)).x)
    assert back["d"].to_list() == texts


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            ["01/02/2021", "03/04/2021"],
            r"where the day and the month cannot be told apart, so it is text",
        ),
        (["01/02/21", "03/12/20"], r"'d' looks like dates, but is text, as it holds '01/02/21'"),
        (
            [f"2021-01-{day:02}" for day in range(1, 10)] * 2 + ["soon"],
            "looks like dates, but is text, as it holds 'soon'",
        ),
        (
            [f"{day:02}.03.2021" for day in range(1, 16)] * 2 + ["Summe"],
            "looks like dates, but is text, as it holds 'Summe'",
        ),
    ],
)
def test_what_cannot_be_told_stays_text_with_a_warning(texts: list[str], message: str) -> None:
    frame = pl.DataFrame({"d": texts, "x": range(len(texts))})
    with pytest.warns(UserWarning, match=message):
        schema = Schema.infer(frame)
    assert set(schema.levels("d")) == set(texts)


@pytest.mark.parametrize(
    "texts",
    [
        ["a-1", "b-2"],
        ["10-19", "20-29", "100+"],
        ["0-9", "10-19"],
        ["9999-13", "1234-05"],
        ["1.2.3", "1.10.0"],
        ["u", "v"],
    ],
)
def test_other_texts_are_levels_without_a_word(texts: list[str]) -> None:
    schema = Schema.infer(pl.DataFrame({"d": texts, "x": range(len(texts))}))
    assert set(schema.levels("d")) == set(texts)


def test_zones_that_differ_come_back_in_utc() -> None:
    texts = ["2021-03-27T10:00:00+01:00", "2021-03-29T10:00:00+02:00"]
    with pytest.warns(UserWarning, match="times of several zones, .*; they come back in UTC"):
        schema = Schema.infer(frame_of(texts))
    assert schema.container.split(frame_of(texts))["d"].tolist() == [449121, 449168]
    assert schema.decode(schema.encode(frame_of(texts)).x)["d"].to_list() == [
        "2021-03-27T09:00:00+00:00",
        "2021-03-29T08:00:00+00:00",
    ]


def test_declared_levels_stay_text() -> None:
    texts = ["2021-01-01", "2021-02-02", "2021-01-01"]
    for kind in ("category", "ordered"):
        schema = Schema.infer(frame_of(list(texts)), kinds={"d": kind})
        assert schema.levels("d") == ("2021-01-01", "2021-02-02")


def test_the_case_of_dates(tmp_path: Path) -> None:
    rows = [f"2021-{1 + i % 12:02}-{1 + i % 28:02},{i % 5}" for i in range(40)]
    (tmp_path / "d.csv").write_text("d,k\n" + "\n".join(rows) + "\n")
    schema = Schema.infer(read(tmp_path / "d.csv"))
    assert "d  date, 2021-01-01 to 2021-12-24\n" in schema.describe()
    later = read(tmp_path / "d.csv", text=schema.container.texts)
    assert schema.container.split(later)["d"].dtype == "int64"
    said = schema.given({"d": ("2021-03-01", "2021-04-01")}, 1).within["d"]
    assert (said.low, said.high) == (18687, 18718)
    with pytest.raises(InputError, match=r"held values of the type date, to the day when .* holds 'soon'"):
        schema.given({"d": "soon"}, 1)


@pytest.mark.parametrize(
    ("texts", "pattern", "seconds"),
    [
        (["01:23:45", "36:00:00"], "[hh]:mm:ss", [5025, 129600]),
        (["1:23:45", "100:00:09"], "[h]:mm:ss", [5025, 360009]),
        (["1:05:00", "2:00:01"], "[h]:mm:ss", [3900, 7201]),
        (["75:30", "1:05"], "[m]:ss", [4530, 65]),
        (["05:30", "99:59"], "[mm]:ss", [330, 5999]),
    ],
)
def test_durations_are_seconds_and_come_back(texts: list[str], pattern: str, seconds: list[int]) -> None:
    frame = pl.DataFrame({"t": [*texts, None], "x": [1.0, 2.0, 3.0]})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        schema = Schema.from_config(json.loads(json.dumps(Schema.infer(frame).to_config())))
    assert [("minutes and seconds" in str(one.message)) for one in said] == [True] * ("h" not in pattern)
    column = schema.container.layout[0]
    assert (column.counted, column.pattern) == ("duration", pattern)
    unit = {"s": 1, "m": 60}[column.unit]
    assert [n * unit for n in schema.container.split(frame)["t"].tolist()[:2]] == seconds
    assert schema.decode(schema.encode(frame).x)["t"].to_list() == frame["t"].to_list()


@pytest.mark.parametrize("texts", [["1:75:00", "30:00:00"], ["9:30", "17:05"], ["01:23:45", "23:00:00"]])
def test_times_of_a_day_are_no_durations(texts: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schema = Schema.infer(pl.DataFrame({"t": texts, "x": [1.0, 2.0]}))
    assert schema.container.layout[0].counted in (None, "time")


NUMBERS = 2 * [*range(20201225, 20201232), *range(20210101, 20210108)]
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": lambda held: pl.DataFrame(held).to_arrow()}


def listed(frame: Any) -> list[Any]:
    return [None if value != value else value for value in list(pl.DataFrame(frame)["d"])]


@pytest.mark.parametrize("kind", FRAMES)
def test_numbers_that_are_days_are_days_inside_and_come_back(kind: str) -> None:
    whole = FRAMES[kind]({"d": NUMBERS, "x": range(28)})
    with pytest.warns(UserWarning, match="Column 'd' is read as dates: 20201225 is 2020-12-25; declare it integer"):
        schema = schema_of(whole)
    assert schema.container.split(whole)["d"].tolist() == 2 * list(range(18621, 18635))  # over the end of the year
    back = schema.decode(schema.encode(whole).x)
    assert (type(back), listed(back)) == (type(whole), NUMBERS)
    holed = FRAMES[kind]({"d": [*NUMBERS[:27], None], "x": range(28)})
    filled = schema.filled(holed, schema.encode(whole).x)
    assert (type(filled), listed(filled)) == (type(whole), NUMBERS)
    asked = schema.given({"d": (20201230, 20210103)}, 1).within["d"]
    assert (asked.low, asked.high) == (18626, 18630)
    for value in (20210101, [20210101], np.array([20210101]), "2021-01-01"):
        assert schema.given({"d": value}, 1).columns["d"][0].tolist() == [18628]
    with pytest.raises(InputError, match="row 1 holds '20210132', which has no date"):
        schema.encode(FRAMES[kind]({"d": [20210131, 20210132], "x": [1, 2]}))


@pytest.mark.parametrize(("seconds", "unit"), [("", "m"), ("30", "s")])
def test_numbers_that_are_times_of_days_are_such_and_come_back(seconds: str, unit: str) -> None:
    held = 3 * [int(f"2023{month:02}28{hour:02}59{seconds}") for month in (2, 3) for hour in range(8, 24)]
    frame = pl.DataFrame({"d": held, "x": range(96)})
    with pytest.warns(UserWarning, match=f"'d' is read as dates: 202302280859{seconds} is 2023-02-28 08:59:{seconds}"):
        schema = schema_of(frame)
    first = int(np.datetime64("2023-02-28T08:59:" + (seconds or "00")).astype(f"datetime64[{unit}]").astype(int))
    assert schema.container.split(frame)["d"][0] == first
    assert schema.decode(schema.encode(frame).x)["d"].to_list() == held
    for value in (held[0], str(held[0]), first):
        assert schema.given({"d": value}, 1).columns["d"][0].tolist() == [first]


def test_eight_digits_are_days_where_all_are_and_can_be_told_apart() -> None:
    days = [f"{day:02}{month:02}2023" for month in (1, 2, 3) for day in range(5, 28)]
    with pytest.warns(UserWarning, match="'d' is read as dates: '05012023' is 2023-01-05"):
        schema = schema_of(pl.DataFrame({"d": days, "x": range(len(days))}))
    assert schema.container.layout[0].pattern == "%d%m%Y"
    with pytest.warns(UserWarning, match="'d' is read as dates: '20230105' is 2023-01-05"):
        turned = schema_of(pl.DataFrame({"d": [day[4:] + day[2:4] + day[:2] for day in days], "x": range(len(days))}))
    assert turned.container.layout[0].pattern == "%Y%m%d"
    with pytest.warns(UserWarning, match="where the day and the month cannot be told apart"):
        assert dates.pattern_of(pl.Series([f"0{i}1{j}2023" for i in range(1, 10) for j in range(3)]), "d") is None
    codes = [f"0{i}{i % 9}12{i:04}" for i in range(1, 10)] + ["09991234"]
    assert dates.pattern_of(pl.Series(codes), "d") is None


def test_other_numbers_are_no_days() -> None:
    for values in ([20201225 + i for i in range(14)], [20210101] * 14, [20210101.5 + i for i in range(14)]):
        assert containers.container_of(pl.DataFrame({"d": values})).layout[0].counted is None
    declared = Schema.infer(pl.DataFrame({"d": NUMBERS, "x": range(28)}), kinds={"d": "integer"})
    assert declared.container.layout[0].counted is None


@pytest.mark.parametrize(
    ("texts", "pattern", "first"),
    [
        (["31.12.99", "01.02.85", "05.06.21"], "%d.%m.%y", "1999-12-31"),
        (["1.2.21", "11.12.22"], "%-d.%-m.%y", "2021-02-01"),
        (["1/31/21", "12/5/22"], "%-m/%-d/%y", "2021-01-31"),
        (["31-01-99", "05-12-98"], "%d-%m-%y", "1999-01-31"),
        (["99/12/31", "85/02/01"], "%y/%m/%d", "1999-12-31"),
        (["31-DEC-99", "05-JAN-85"], "%d-%^b-%y", "1999-12-31"),
        (["Jan-23", "Dec-24"], "%b-%y", "2023-01-01"),
        (["JAN-23", "DEC-24"], "%^b-%y", "2023-01-01"),
        (["Jan 05", "Dec 99", "Feb 85"], "%b %y", "2005-01-01"),
    ],
)
def test_years_of_two_digits_are_said(texts: list[str], pattern: str, first: str) -> None:
    frame = frame_of(texts)
    with pytest.warns(UserWarning, match=f"is read as dates: '{texts[0]}' is {first}"):
        schema = schema_of(frame)
    assert schema.container.layout[0].pattern == pattern
    assert schema.decode(schema.encode(frame).x)["d"].to_list() == texts


@pytest.mark.parametrize(
    "texts",
    [
        ["1/2/21", "3/4/21"],
        ["31.12.99", "01.02.60"],
        ["31.12.21", "1.1.21", "40.1.21"],
        ["Jan-03", "Jan-28", "Feb-14"],  # days as likely as years
    ],
)
def test_years_of_two_digits_that_may_be_several_stay_text(texts: list[str]) -> None:
    with pytest.warns(UserWarning, match="looks like dates, but is text"):
        assert schema_of(frame_of(texts)).container.layout[0].pattern is None


@pytest.mark.parametrize(
    ("texts", "pattern", "first"),
    [
        (
            ["Tue, 04 Apr 2023 10:11:12 GMT", "Mon, 01 Jan 2024 00:00:00 GMT"],
            "%a, %d %b %Y %H:%M:%S GMT",
            "2023-04-04 10:11:12",
        ),
        (["Tue, 4 Apr 2023", "Thu, 14 Dec 2023"], "%a, %-d %b %Y", "2023-04-04"),
        (["Tuesday, April 4, 2023", "Thursday, December 14, 2023"], "%A, %B %-d, %Y", "2023-04-04"),
        (["Tue 2023-04-04", "Thu 2023-12-14"], "%a %Y-%m-%d", "2023-04-04"),
        (["2023-W05-3", "2024-W01-7"], "%G-W%V-%u", "2023-02-01"),
        (["Tue Apr  4 10:11:12 2023", "Thu Dec 14 00:00:00 2023"], "%a %b %e %H:%M:%S %Y", "2023-04-04 10:11:12"),
        (["04/Apr/2023:10:11:12 +0200", "14/Dec/2023:00:00:00 +0200"], f"{dates._LOG} +0200", "2023-04-04 10:11:12"),
        (["2023-04-04 10:11:12 -0500", "2023-12-14 00:00:00 -0500"], "%Y-%m-%d %H:%M:%S -0500", "2023-04-04 10:11:12"),
    ],
)
def test_days_with_their_names_and_in_weeks(texts: list[str], pattern: str, first: str) -> None:
    held = pl.Series(texts)
    assert dates.pattern_of(held, "d") == pattern
    dates.check_pattern(pattern)
    found = dates.parsed(held, pattern)
    assert str(found[0]) == first
    assert dates.written(found, pattern).to_list() == texts


def test_names_of_days_alone_and_wrong_ones_are_words() -> None:
    for texts in (["Monday", "Tuesday"], ["Mon, 04 Apr 2023", "Tue, 05 Apr 2023"], ["2023-045", "2023-181"]):
        assert dates.pattern_of(pl.Series(texts), "d") is None


@pytest.mark.parametrize("typed", ["2023-03-05", "05.03.2023", "5.3.2023", "2023/03/05", "5 Mar 2023", "March 5, 2023"])
def test_dates_without_a_notation_are_given_in_any_clear_one(typed: str) -> None:
    frame = pl.DataFrame({"d": [dt.date(2023, 3, day) for day in range(1, 9)]})
    schema = Schema.infer(frame)
    x = schema.given({"d": typed}, 1).columns["d"][0]
    assert schema.word("d", int(x[0])) == "2023-03-05"
    for unclear in ("05/03/2023", "2023-02-30", "5.3."):
        with pytest.raises(InputError, match="has no date"):
            schema.given({"d": unclear}, 1)


BESIDE = {
    "DNF": [f"{3 + 7 * i // 60}:{7 * i % 60:02}.5" for i in range(60)],
    "never": [f"2023-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(60)],
    "closed": [f"{6 + i // 6:02}:{10 * (i % 6):02}" for i in range(60)],
    "open": [f"2024-03-01T{i % 24:02}:{i:02}:00Z" for i in range(60)],
    "n/k": [f"{1 + i % 12:02}/{2000 + i // 12}" for i in range(60)],
}


@pytest.mark.filterwarnings("ignore:Column 'd' is read as minutes")
@pytest.mark.parametrize("kind", ["polars", "pandas"])
@pytest.mark.parametrize("word", BESIDE)
def test_words_beside_dates_are_values_of_their_own(word: str, kind: str) -> None:
    """As of runners who did not finish; each keeps its rows, and lies in no range."""
    texts: list[str | None] = [text if i % 5 else word for i, text in enumerate(BESIDE[word])]
    texts[7] = None
    held = {"d": texts, "x": range(60)}
    frame: Any = pl.DataFrame(held) if kind == "polars" else pd.DataFrame(held)
    with pytest.warns(UserWarning, match=f"'d' holds .*s beside '{word}', a value of its own, which lies in no range"):
        schema = schema_of(frame)
    assert f", beside the words {word}" in schema.describe()
    x = schema.encode(frame).x
    for seed in range(2):
        drawn = list(schema.decode(x, rng=torch.Generator().manual_seed(seed))["d"])
        assert [text == word for text in drawn] == [text == word for text in texts]
    assert pd.isna(drawn[7])
    asked = schema.given({"d": (None, texts[59])}, 1).within["d"]
    inside = asked.holds(np.ma.getdata(schema.container.split(frame)["d"]))
    assert not inside[::5].any()
    assert inside[[1, 2, 3]].all()
    assert schema.given({"d": word.upper()}, 1).columns["d"][0] == schema.container.words("d")[word]
    filled = schema.filled(frame, {name: part[[0] * 60] for name, part in x.items()})
    assert filled["d"][7] == word
    with pytest.raises(InputError, match="has no"):
        schema.given({"d": "tomorrow"}, 1)


def test_dates_that_are_written_in_several_clear_ways_are_dates() -> None:
    texts = [f"2023-{month:02}-15" for month in range(1, 13)] + [f"{day:02}.01.2023" for day in range(1, 9)]
    column = pl.DataFrame({"day": [*texts, None], "x": range(21)})
    with pytest.warns(
        UserWarning, match=r"'day' holds dates .* in several ways, such as '01\.01\.2023'; new ones .* as 2023-"
    ):
        schema = Schema.infer(column)
    held = schema.container.split(column)["day"]
    first = np.datetime64("2023-01-15").astype(int)
    assert held[0] == first
    assert held[12] == first - 14
    assert schema.container.told({"day": "03.02.2023"})["day"] == first + 19
    for others in (["03/04/2023"], ["1.2.23"]):
        with pytest.warns(UserWarning, match="day"):
            odd = Schema.infer(pl.DataFrame({"day": [*texts, *others], "x": range(20 + len(others))}))
        assert odd.container.unit("day") is None


@pytest.mark.parametrize("typed", ["Feb 2020", "2020-02", "Feb 20 20"])
def test_months_and_years_that_are_cut_are_no_days(typed: str) -> None:
    schema = Schema.infer(pl.DataFrame({"day": [f"2020-01-{i:02d}" for i in range(1, 21)], "x": np.arange(20) / 7}))
    with pytest.raises(InputError, match="which has no date"):
        schema.given({"day": typed}, 1)
