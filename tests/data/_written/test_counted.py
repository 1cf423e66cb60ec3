"""Dates, times, durations, periods and decimals: whole numbers inside, what they were outside."""

from __future__ import annotations

import datetime as dt
import json
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, read, write

DAYS = [dt.date(2021, 1, 1), dt.date(2021, 2, 2), dt.date(2020, 2, 29), dt.date(1969, 12, 31)]
TIMES = [dt.datetime(2021, 1, 1, 5), dt.datetime(2021, 2, 2, 7), dt.datetime(1960, 2, 29, 0), dt.datetime(2300, 1, 1)]
SPANS = [dt.timedelta(days=1, minutes=30), dt.timedelta(minutes=-15), dt.timedelta(0), dt.timedelta(hours=2)]
PRICES = [Decimal("19.99"), Decimal("5.00"), Decimal("-0.01"), Decimal("100.10")]
CLOCK = [dt.time(10, 30), dt.time(0), dt.time(23, 59), dt.time(12, 0)]
X = np.arange(4.0)


def frames() -> dict[str, tuple[Any, str, list[int]]]:
    """A frame whose column d is of each type, the unit it is counted in, and its numbers."""
    days, hours = [18628, 18660, 18321, -1], [447077, 447847, -86256, 2892720]
    ns = [t.replace(year=2250) if t.year > 2250 else t for t in TIMES]
    ns_hours = [*hours[:3], int((dt.datetime(2250, 1, 1) - dt.datetime(1970, 1, 1)).total_seconds()) // 3600]
    minutes, clock, cents = [1470, -15, 0, 120], [630, 0, 1439, 720], [1999, 500, -1, 10010]
    paris = pd.Series(pd.to_datetime(ns)).dt.tz_localize("UTC").dt.tz_convert("Europe/Paris")
    zoned = pl.Series(TIMES).dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    polars = {
        "date": (pl.Series(DAYS), "D", days),
        "datetime": (pl.Series(TIMES), "h", hours),
        "milliseconds": (pl.Series(TIMES, dtype=pl.Datetime("ms")), "h", hours),
        "zone": (zoned, "h", hours),
        "duration": (pl.Series(SPANS), "m", minutes),
        "time": (pl.Series(CLOCK), "m", clock),
        "decimal": (pl.Series(PRICES, dtype=pl.Decimal(10, 2)), "0.01", cents),
    }
    pandas = {
        "datetime": (pd.Series(pd.to_datetime(ns)).astype("datetime64[ns]"), "h", ns_hours),
        "seconds": (pd.Series(np.array(TIMES, dtype="datetime64[s]")), "h", hours),
        "zone": (paris, "h", ns_hours),
        "duration": (pd.Series(pd.to_timedelta(SPANS)), "m", minutes),
        "dates": (pd.Series(DAYS, dtype=object), "D", days),
        "clocks": (pd.Series(CLOCK, dtype=object), "m", clock),
        "decimals": (pd.Series(PRICES, dtype=object), "0.01", cents),
        "period": (pd.Series(pd.period_range("2021-01", periods=4, freq="M")), "M", [612, 613, 614, 615]),
        "arrow date": (pd.Series(DAYS, dtype=pd.ArrowDtype(pl.Series(DAYS).to_arrow().type)), "D", days),
    }
    found = {f"polars {name}": (pl.DataFrame({"d": s, "x": X}), u, n) for name, (s, u, n) in polars.items()}
    found |= {f"arrow {name}": (pl.DataFrame({"d": s, "x": X}).to_arrow(), u, n) for name, (s, u, n) in polars.items()}
    return found | {f"pandas {name}": (pd.DataFrame({"d": s, "x": X}), u, n) for name, (s, u, n) in pandas.items()}


FRAMES = frames()


def listed(frame: Any) -> list[Any]:
    column = frame["d"]
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.to_list()
    return [None if value is None or value is pd.NaT or value is pd.NA else value for value in values]


def types(frame: Any) -> Any:
    return frame.dtypes.to_dict() if isinstance(frame, pd.DataFrame) else frame.schema


@pytest.mark.parametrize("kind", FRAMES)
def test_values_are_whole_numbers_inside_and_come_back(kind: str) -> None:
    frame, unit, numbers = FRAMES[kind]
    schema = Schema.from_config(json.loads(json.dumps(Schema.infer(frame).to_config())))
    assert schema.container.layout[0].unit == unit
    assert schema.container.split(frame)["d"].tolist() == numbers
    back = schema.decode(schema.encode(frame).x)
    assert types(back) == types(frame)
    assert listed(back) == listed(frame)


@pytest.mark.parametrize("kind", FRAMES)
def test_holes_stay_and_are_filled_in_the_type_of_the_column(kind: str) -> None:
    frame, _, numbers = FRAMES[kind]
    schema = Schema.infer(frame)
    place = [0, 1, None, 3]
    if isinstance(frame, pd.DataFrame):
        holed = frame.copy()
        holed.loc[2, "d"] = None if frame["d"].dtype == object else pd.NaT
        holed["d"] = holed["d"].astype(frame["d"].dtype)
    elif isinstance(frame, pl.DataFrame):
        holed = frame.with_columns(pl.when(pl.Series(X) != 2).then("d").alias("d"))
    else:
        taken = frame.column("d").take(pl.Series(place).to_arrow())
        holed = frame.set_column(0, "d", taken)
    assert [value is None for value in listed(holed)] == [False, False, True, False]
    assert schema.container.split(holed)["d"].tolist() == [*numbers[:2], None, numbers[3]]
    filled = schema.filled(holed, schema.encode(frame).x)
    assert types(filled) == types(holed)
    assert listed(filled) == listed(frame)
    sparse = Schema.infer(holed)
    again = sparse.decode(sparse.encode(holed).x)
    assert listed(again) == listed(holed)
    assert types(again) == types(holed)


@pytest.mark.parametrize("kind", ["polars date", "pandas datetime", "pandas dates", "arrow date"])
@pytest.mark.parametrize(
    "value",
    [
        "2021-02-02",
        dt.date(2021, 2, 2),
        dt.datetime(2021, 2, 2),
        np.datetime64("2021-02-02"),
        pd.Timestamp("2021-02-02"),
    ],
)
def test_given_days_are_text_or_objects(kind: str, value: Any) -> None:
    frame, unit, _ = FRAMES[kind]
    schema = Schema.infer(frame)
    expected = 18660 * {"D": 1, "h": 24}[unit]
    for given in ({"d": value}, {"d": [value, value]}):
        said = schema.given(given, 2)
        assert said.columns["d"][0].tolist() == [expected] * 2
        assert said.known[:, 0].tolist() == [True, True]
    ranged = schema.given({"d": (value, None)}, 1).within["d"]
    assert (ranged.low, ranged.high) == (expected, None)
    assert schema.given({"d": {value}}, 1).within["d"].values == (expected,)


def test_given_days_are_written_as_they_were_given() -> None:
    frame = FRAMES["polars date"][0]
    schema = Schema.infer(frame)
    said = schema.given({"d": "2021-03-01"}, 2)
    assert listed(schema.written(torch.zeros(2, 2, dtype=torch.int64), said)) == [dt.date(2021, 3, 1)] * 2


def test_a_date_may_be_a_condition() -> None:
    frame = FRAMES["polars date"][0]
    schema = Schema.infer(frame, condition="d")
    cond = schema.encode(frame).cond
    assert cond is not None
    assert torch.equal(schema.encode_condition({"d": "2021-02-02"}, 1), cond[1:2])
    assert torch.equal(schema.encode_condition(frame, 4), cond)
    assert listed(schema.decode(torch.zeros(4, 1, dtype=torch.int64), frame)) == DAYS


@pytest.mark.parametrize(
    ("later", "numbers"),
    [
        (pl.Series([dt.date(2021, 2, 2)]), [18660]),
        (pl.Series([dt.datetime(2021, 2, 2)]), [18660]),
        (pl.Series(["2021-02-02"]), [18660]),
        (pl.Series(["2021-02-02 00:00:00"]), [18660]),
        (pl.Series([None, "2021-02-02"]), [None, 18660]),
    ],
)
def test_later_data_may_hold_dates_in_another_form(later: pl.Series, numbers: list[int | None]) -> None:
    schema = Schema.infer(FRAMES["polars date"][0])
    found = schema.container.split(pl.DataFrame({"d": later, "x": X[: len(later)]}))["d"]
    assert found.tolist() == numbers


@pytest.mark.parametrize(
    ("kind", "later", "message"),
    [
        (
            "polars date",
            pl.Series([dt.datetime(2021, 1, 1, 5)]),
            r"row 0 holds '2021-01-01 05:00:00', which has more dig",
        ),
        ("polars date", pl.Series(["2021-01-01", "soon"]), r"to the day when .* but row 1 holds 'soon', which has no"),
        ("polars date", pl.Series([1.5]), r"'d' held values of the type date, .*; got Float64"),
        ("polars duration", pl.Series([dt.date(2021, 1, 1)]), r"'d' held values of the type duration, .* type date"),
        ("polars decimal", pl.Series([Decimal("0.001")]), r"type decimal, to the 0\.01 .*, which has more digits"),
    ],
)
def test_what_is_no_such_value_is_said(kind: str, later: pl.Series, message: str) -> None:
    schema = Schema.infer(FRAMES[kind][0])
    with pytest.raises(InputError, match=message):
        schema.container.split(pl.DataFrame({"d": later, "x": X[: len(later)]}))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("polars date", "date, 1969-12-31 to 2021-02-02"),
        ("polars zone", "datetime, 1960-02-28 19:00:00-05:00 to 2299-12-31 19:00:00-05:00"),
        ("polars time", "time, 00:00:00 to 23:59:00"),
        ("polars duration", "duration, -15m to 1d 30m"),
        ("polars decimal", "decimal, -0.01 to 100.10"),
        ("pandas period", "period, 2021-01 to 2021-04"),
    ],
)
def test_a_description_has_dates(kind: str, words: str) -> None:
    assert f"d  {words}\n" in Schema.infer(FRAMES[kind][0]).describe()


def test_prices_of_a_file_are_scored_by_a_model_of_decimals() -> None:
    schema = Schema.infer(FRAMES["polars decimal"][0])
    later = pl.DataFrame({"d": [19.99, 5.0], "x": [0.0, 1.0]})
    assert schema.container.split(later)["d"].tolist() == [1999, 500]
    assert schema.given({"d": Decimal("2.50")}, 1).columns["d"][0].tolist() == [250]


@pytest.mark.parametrize(
    "change",
    [
        {"counted": "moon"},
        {"unit": "fortnight"},
        {"pattern": "%s"},
        {"holds": "water"},
        {"type": "Datetime[us, ../../etc]]"},
    ],
)
def test_damaged_descriptions_are_refused(change: dict[str, str]) -> None:
    config = Schema.infer(FRAMES["polars zone"][0]).to_config()
    config["container"]["layout"][0] |= change
    with pytest.raises(InputError, match="The schema of the model is damaged"):
        Schema.from_config(config)


def test_no_frame_is_changed() -> None:
    frame = FRAMES["pandas datetime"][0].copy()
    Schema.infer(frame).encode(frame)
    assert frame.equals(FRAMES["pandas datetime"][0])


@pytest.mark.parametrize("value", [2.5, "2.5", " 2.50", Decimal("2.5"), np.float64(2.5), [2.5], ["2.5"]])
def test_decimals_are_given_as_the_numbers_they_are(value: Any) -> None:
    """They were taken for counts of their last digit."""
    schema = Schema.infer(pl.DataFrame({"d": pl.Series(PRICES, dtype=pl.Decimal(10, 2)), "x": X}))
    assert schema.given({"d": value}, 1).columns["d"][0].tolist() == [250]
    assert str(schema.given({"d": (2, 2.5)}, 1).within["d"]) == "200 to 250"
    with pytest.raises(InputError, match="holds 'much', which has no decimal"):
        schema.given({"d": "much"}, 1)


@pytest.mark.parametrize(
    ("constraint", "said"),
    [
        ("low <= high", r"'low' holds values of the type decimal, to 0\.1, and 'high' of decimal, to 0\.01"),
        ("low > 1", r"'low' holds .* decimal, to 0\.1, and 1 is a plain number"),
        ("x < high", "'high' holds .* and 'x' of plain numbers"),
        ("high = low + 1", "'high' holds .* and 'low' of decimal"),
        ("day <= hour", "'day' holds .* date, to D, and 'hour' of datetime, to h"),
    ],
)
def test_constraints_do_not_compare_what_is_counted_otherwise(constraint: str, said: str) -> None:
    frame = pl.DataFrame(
        {
            "low": pl.Series([Decimal(n) for n in ("1.5", "2.0", "10.5", "3.5")], dtype=pl.Decimal(9, 1)),
            "high": pl.Series([Decimal(n) for n in ("1.55", "2.10", "11.25", "4.00")], dtype=pl.Decimal(9, 2)),
            "x": X,
            "day": pl.Series(DAYS),
            "hour": pl.Series(DAYS).cast(pl.Datetime("us")).dt.offset_by("3h"),
        }
    )
    with pytest.raises(InputError, match=said):
        Schema.infer(frame, constraints=[constraint])
    assert "low > 0" in str(Schema.infer(frame, constraints=["low > 0"]).chart.bounds[0])


def test_what_a_file_of_samples_holds_is_read_again(tmp_path: Path) -> None:
    zoned = pl.Series(TIMES[:2]).dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    frame = pl.DataFrame({"at": zoned, "took": SPANS[2:], "x": X[:2]})
    schema = Schema.infer(frame)
    write(frame, tmp_path / "new.csv")
    again = read(tmp_path / "new.csv")
    assert again["at"][0].endswith("-0500")  # type: ignore[call-overload, union-attr]
    assert again["took"][1] == "0 days 02:00:00"  # type: ignore[call-overload]
    for a, b in zip(schema.container.split(again).values(), schema.container.split(frame).values(), strict=True):
        assert a.tolist() == b.tolist()


def test_times_without_a_zone_are_those_of_the_column() -> None:
    zoned = pd.Series(pd.to_datetime(["2021-01-01 05:00", "2021-07-02 07:00"])).dt.tz_localize("Europe/Paris")
    schema = Schema.infer(pd.DataFrame({"at": zoned, "x": X[:2]}))
    split = schema.container.split
    hours = split(pd.DataFrame({"at": zoned, "x": X[:2]}))["at"].tolist()
    naive = zoned.dt.tz_localize(None)
    for values in (naive, pl.Series(naive.to_numpy()), naive.astype(str)):
        make = pl.DataFrame if isinstance(values, pl.Series) else pd.DataFrame
        frame = make({"at": values, "x": X[:2]})
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Column 'at' held times of Europe/Paris, so times without a zone are")
            assert split(frame)["at"].tolist() == hours
    with (
        pytest.warns(UserWarning, match="held times of Europe/Paris"),
        pytest.raises(InputError, match="no time in that"),
    ):
        split(pd.DataFrame({"at": pd.to_datetime(["2021-03-28 02:00", "2021-03-28 05:00"]), "x": X[:2]}))


@pytest.mark.parametrize("kind", ["polars", "pandas"])
def test_times_with_a_zone_are_said_to_be_taken_in_utc_where_there_was_none(kind: str) -> None:
    times = pd.Series(pd.to_datetime(["2021-01-01 05:00", "2021-07-02 07:00"]))
    schema = Schema.infer(pd.DataFrame({"at": times, "x": X[:2]}))
    zoned: Any = pd.DataFrame({"at": times.dt.tz_localize("Europe/Paris"), "x": X[:2]})
    with pytest.warns(UserWarning, match="'at' held times without a zone, so times of Europe/Paris are taken in UTC"):
        hours = schema.container.split(zoned if kind == "pandas" else pl.from_pandas(zoned))["at"].tolist()
    utc = (times - pd.Timedelta("1h")).iloc[0], (times - pd.Timedelta("2h")).iloc[1]
    assert hours == [int(time.timestamp()) // 3600 for time in utc]
