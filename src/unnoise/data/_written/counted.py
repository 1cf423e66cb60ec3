"""Dates, times, durations, periods and decimals as whole numbers of the coarsest unit that is exact, and back.

Dates and times count from 1970-01-01 in UTC, times of a day from midnight, decimals in steps of their last digit.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data import holes
from unnoise.data._checked import check
from unnoise.data._native import Column
from unnoise.data._numerics import Values
from unnoise.data._written import dates, months
from unnoise.data._written.limits import like, limits_of, others_in, places_beyond, said_apart
from unnoise.data.arrays import is_missing
from unnoise.data.holes import Mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    import narwhals.stable.v2 as nw
    import polars as pl

KINDS = ("date", "datetime", "duration", "time", "period", "decimal")
_NANOSECONDS = {"D": 86_400 * 10**9, "h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
_UNITS = {"D": "day", "h": "hour", "m": "minute", "s": "second", "ms": "ms", "us": "µs", "ns": "ns", "M": "month"}
_OBJECTS = (datetime.date, datetime.time, datetime.timedelta, Decimal)
_SHOWN, _UTC = 3, "UTC"
_DIGITS, _MOST = 9, 1e15  # decimals that are typed, and numbers of which every decimal is known


def described(series: nw.Series[Any], column: Column, plain: bool, declared: bool = False) -> Column:
    """The column, with what its values are counted in; unchanged if they are no dates, times or decimals.

    Args:
        series: the values.
        column: its name and type.
        plain: whether text stays text.
        declared: whether the user says its kind, so that numbers stay numbers.
    """
    found = as_polars(series)
    pattern = None
    if found is None and series.dtype.is_numeric() and not declared:
        found = dates.days_of(series.to_polars())
        if found is not None:
            first = found.drop_nulls()[0]
            pattern = dates.NUMBERS[len(first)]
            found = dates.parsed(found, pattern)
            day = found.drop_nulls()[0]
            warn(f"Column '{column.label}' is read as dates: {first} is {day}; declare it integer if it is not.")
    if found is None:
        return months.period(series, column)
    if found.dtype.is_(_string()):
        if plain or column.categorical:
            return column
        words = [] if declared else others_in(found)
        plain_texts = found.filter(~found.is_in(words)) if words else found
        pattern = dates.pattern_of(plain_texts, str(column.label))
        if pattern is None:
            return column
        return _beside(words, _in_units(dates.parsed(plain_texts, pattern), column, pattern), plain_texts)
    if column.type == "object" and getattr(found.dtype, "time_zone", None):
        warn(f"Column '{column.label}' holds times as objects that have a zone; they come back in {_UTC}.")
        column = dataclasses.replace(column, objects=_UTC)
    return _in_units(found, column, pattern)


def _in_units(found: pl.Series, column: Column, pattern: str | None) -> Column:
    """The column, with what these values of it are counted in."""
    numbers, step = _physical(found, str(column.label))
    kind = _kind(found)
    unit = "M" if months.is_months(pattern) else _coarsest(numbers[~found.is_null().to_numpy()], step, kind)
    return dataclasses.replace(column, counted=kind, unit=unit, pattern=pattern)


def _beside(words: Sequence[str], column: Column, texts: pl.Series) -> Column:
    """The column, with the words beside its dates, times or durations."""
    if not words:
        return column
    said_apart(column.label, words, f"{column.counted}s")
    held = numbers(texts.drop_nulls(), column)
    places = places_beyond(int(held.min()), int(held.max()), len(words), 0)
    return dataclasses.replace(column, words=tuple(words), places=tuple(places), apart=len(words))


def numbers(values: nw.Series[Any] | pl.Series, column: Column) -> Values:
    """The values of a column as whole numbers, with holes; an InputError names rows that are no such values."""
    import polars as pl

    name = str(column.label)
    if column.counted == "period":
        return months.ordinals(values, column)
    given: Any = values
    found: Any = given if hasattr(given, "to_physical") else as_polars(given)
    if _is_written_as_numbers(column) and given.dtype.is_numeric():
        plain = given.to_polars() if found is None else found
        found = plain.cast(pl.Float64).cast(pl.Int64, strict=False).cast(pl.String)
    if found is None or (column.counted == "decimal" and found.dtype.is_numeric()):
        found = _decimals(values, column) if column.counted == "decimal" else found
    if found is None:
        raise InputError(f"Column '{name}' held {_words(column)} when the model was fitted; got {given.dtype}.")
    empty = found.is_null().to_numpy()
    if column.words and found.dtype.is_(_string()):
        return _with_words(found, column)
    if not found.dtype.is_(_string()) and column.zone is not None and _kind(found) in ("date", "datetime"):
        found = _in_zone(found, given, column)
        _check_rows(found.is_null().to_numpy() & ~empty, values, name, "no time in that zone", column)
    elif column.zone is None and column.counted in ("date", "datetime") and (zone := _zone_of(found, given)):
        warn(f"Column '{name}' held times without a zone, so times of {zone} are taken in UTC.")
    if found.dtype.is_(_string()) and column.counted == "decimal":
        plain = found.str.strip_chars().str.to_decimal(scale=_DIGITS)
        _check_rows(plain.is_null().to_numpy() & ~empty, values, name, "no decimal", column)
        found = plain
    elif found.dtype.is_(_string()):
        found = dates.parsed_again(found, column)
        _check_rows(found.is_null().to_numpy() & ~empty, values, name, f"no {column.counted}", column)
    if _kind(found) != column.counted:
        found = _turned(found, column)
    held, step = _physical(found, name)
    if column.unit == "M":
        since = held.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return holes.spread(since[~empty], ~empty) if empty.any() else since
    ratio = _ratio(step, str(column.unit))
    _check_rows((held % ratio != 0) & ~empty, values, name, "more digits", column)
    held = held // ratio
    return holes.spread(held[~empty], ~empty) if empty.any() else held


def _with_words(texts: pl.Series, column: Column) -> Values:
    """Texts among which words stand, as numbers and the places of the words, with holes."""
    import polars as pl

    known = dict(zip(column.words or (), column.places or (), strict=True))
    meant = [None if text is None else like(text, list(known)) for text in texts.to_list()]
    is_word = np.array([word is not None for word in meant], dtype=bool)
    rest = texts.zip_with(pl.Series(~is_word), texts.clear(len(texts)))
    values = numbers(rest, dataclasses.replace(column, words=None, places=None))
    plain, masks = holes.split({"": values})
    there = masks.get("", np.ones(len(texts), dtype=bool)) | is_word
    found = plain[""].copy()
    found[is_word] = [known[word] for word in meant if word is not None]
    return found if there.all() else holes.spread(found[there], there)


def part(numbers: Values, column: Column, blank: Mask | None = None) -> Any:
    """Whole numbers as what a frame is built of: a series of polars, or the numbers of periods themselves."""
    return numbers if column.counted == "period" else series(numbers, column, blank)


def is_text(column: Column) -> bool:
    """Whether a type is one of text."""
    return column.type.lower().startswith(("str", "large_str", "object"))


def holds_text(series: nw.Series[Any]) -> bool:
    """Whether a series holds texts."""
    found = as_polars(series)
    return found is not None and found.dtype == _string()


def pattern_in(series: nw.Series[Any], column: Column) -> str | None:
    """How dates and times of the column are written in another series, if that holds text or numbers."""
    if series.dtype.is_numeric():
        return column.pattern if _is_written_as_numbers(column) else None
    return (column.pattern or usual_pattern(column)) if holds_text(series) else None


def usual_pattern(column: Column) -> str | None:
    """How dates and times are written that were none of text."""
    seconds = column.unit in ("D", "h", "m", "s")
    time = "%H:%M:%S" if seconds else "%H:%M:%S%.f"
    return {"date": "%Y-%m-%d", "datetime": f"%Y-%m-%d {time}", "time": time}.get(str(column.counted))


def series(numbers: Values, column: Column, blank: Mask | None = None) -> pl.Series:
    """Whole numbers as values of polars: dates, times with their zone, decimals, or text in its pattern."""
    import polars as pl

    whole = np.rint(numbers).astype(np.int64) if numbers.dtype.kind == "f" else numbers.astype(np.int64)
    places = np.array(column.places or (), dtype=np.int64)
    is_word = np.isin(whole, places)
    if is_word.any() and column.pattern is not None:
        texts = series(np.where(is_word, 0, whole), dataclasses.replace(column, words=None, places=None), blank)
        named = dict(zip(places.tolist(), column.words or (), strict=True))
        words = pl.Series(str(column.label), [named.get(number) for number in whole.tolist()], dtype=pl.String)
        return texts.zip_with(pl.Series(~is_word), words)
    name, unit = str(column.label), str(column.unit)
    if column.counted == "decimal":
        digits = max(0, len(unit) - 2)
        made = pl.Series(name, [Decimal(n).scaleb(-digits) for n in whole.tolist()], dtype=pl.Decimal(38, digits))
    elif unit == "M":
        made = pl.Series(name, whole.astype("datetime64[M]").astype("datetime64[D]"))
    elif column.counted == "date":
        made = pl.Series(name, whole * _ratio(unit, "D")).cast(pl.Date)
    elif column.counted == "time":
        made = pl.Series(name, whole * _ratio(unit, "ns")).cast(pl.Time)
    else:
        step = _native_step(column)
        made = pl.Series(name, whole * _ratio(unit, step))
        made = made.cast(pl.Duration(step) if column.counted == "duration" else pl.Datetime(step))  # type: ignore[arg-type]
    made = made if blank is None else made.zip_with(pl.Series(~blank), made.clear(len(made)))
    if column.pattern is None or not (is_text(column) or _is_written_as_numbers(column)):
        return made
    texts = dates.written(made, column.pattern)
    return texts if is_text(column) else texts.cast(pl.Int64)


def word(number: float, column: Column) -> str:
    """One number as it is written."""
    import polars as pl

    if column.counted == "period":
        return months.period_word(int(number), column)
    if column.counted == "time":  # the ends of a chart may lie beyond those of a day
        number = min(max(number, 0), _ratio("D", str(column.unit)) - 1)
    made = series(np.array([number]), column)
    zone = column.zone
    if zone is not None:
        made = made.dt.replace_time_zone("UTC").dt.convert_time_zone(zone)
    return str(made[0]) if made.dtype != pl.Duration else str(made.dt.to_string("polars")[0])


def told(value: Any, column: Column) -> Any:
    """A value, list, range or set of a column as whole numbers; numbers are counts already, but for decimals."""
    import polars as pl

    alone = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if _is_written_as_numbers(column):
        value = _days_told(value, column)
    if column.counted == "decimal" and alone and abs(value) < _MOST:
        return told(Decimal(str(value)), column)
    if value is None or isinstance(value, int | float | np.ma.MaskedArray) or type(value).__name__ == "NaTType":
        return value
    if isinstance(value, set | frozenset):
        return type(value)(told(one, column) for one in value)
    if isinstance(value, tuple) and len(value) == 2:
        return tuple(told(end, column) for end in value)
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "iuf":
        return value
    if isinstance(value, (str, np.datetime64, np.timedelta64, *_OBJECTS)) or type(value).__name__ == "Period":
        return int(told([value], column)[0])
    if isinstance(value, list | tuple | np.ndarray) and not len(value):
        return value
    if type(value).__name__ == "Series" and hasattr(value, "iloc"):
        import narwhals.stable.v2 as nw

        return numbers(nw.from_native(value, series_only=True), column)
    held = value if isinstance(value, pl.Series) else list(value)
    if column.counted == "period":
        return months.ordinals(held, column)
    if isinstance(held, list) and all(one is None or isinstance(one, int | float) for one in held):
        if column.counted != "decimal":
            return value
        held = [None if one is None or one != one else Decimal(str(one)) for one in held]
    if isinstance(held, list) and any(isinstance(one, np.datetime64 | np.timedelta64) for one in held):
        made = pl.Series(str(column.label), np.array(held).astype("datetime64[ns]"))
    else:
        made = held if isinstance(held, pl.Series) else pl.Series(str(column.label), held)
    return numbers(made, column)


def _days_told(value: Any, column: Column) -> Any:
    """Numbers such as 20210131 as texts; counts of days, minutes or seconds have fewer digits."""
    if isinstance(value, int | float | np.number):
        return str(int(value)) if dates.number_pattern(float(value)) == column.pattern else value
    if isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype.kind in "iuf"):
        turned = [_days_told(one, column) for one in value]
        return turned if any(isinstance(one, str) for one in turned) else value
    return value


def _is_written_as_numbers(column: Column) -> bool:
    """Whether its dates are whole numbers such as 20210131."""
    return column.pattern in dates.NUMBERS.values()


def check_column(column: Column) -> None:
    """Refuse a description that no column has."""
    check(column.objects != _UTC or column.counted == "datetime", "objects", column.objects, "none of this column")
    if column.counted is None:
        return
    check(column.counted in KINDS, "counted", column.counted, f"one of {', '.join(KINDS)}")
    unit = str(column.unit)
    if column.counted == "decimal":
        check(re.fullmatch(r"1|0\.0{0,17}1", unit) is not None, "the unit", unit, "one of decimals, as 0.01")
    elif column.counted != "period":
        check(unit == "M" or unit in _NANOSECONDS, "the unit", unit, f"one of {', '.join(_NANOSECONDS)}")
    if column.pattern is not None:
        dates.check_pattern(column.pattern)


def _string() -> Any:
    import polars as pl

    return pl.String


def as_polars(series: nw.Series[Any] | Any) -> pl.Series | None:
    """Dates, times, decimals or texts as polars holds them; None for anything else."""
    import polars as pl

    kind, native = type(series.dtype).__name__, series.to_native()
    if isinstance(native, pl.Series):
        held = native
    elif not hasattr(native, "iloc"):  # of Arrow
        known = kind not in ("Categorical", "Unknown") or str(native.type) == "date64[ms]"
        held = pl.Series(pl.from_arrow(native)) if known else native
    elif "[pyarrow]" in str(native.dtype):
        held = pl.Series(pl.from_arrow(native.array.__arrow_array__()))
    elif str(native.dtype).startswith("datetime64"):
        plain = native.dt.tz_convert("UTC").dt.tz_localize(None) if ", " in str(native.dtype) else native
        held = _from_numpy(plain.to_numpy())
    elif str(native.dtype).startswith("timedelta64"):
        held = _from_numpy(native.to_numpy())
    elif kind in ("String", "Object"):
        held = _from_objects(native)
    else:
        return None
    fine = isinstance(held, pl.Series) and (
        held.dtype.is_temporal() or held.dtype.is_decimal() or held.dtype == pl.String
    )
    return held if fine and held.null_count() < len(held) else None


def _from_numpy(values: Values) -> pl.Series:
    import polars as pl

    return pl.Series(values.astype(f"{values.dtype.kind}8[us]") if np.datetime_data(values.dtype)[0] == "s" else values)


def _from_objects(native: Any) -> Any:
    """Dates, times, decimals, or texts alone, which may be words among numbers."""
    import polars as pl

    held = [None if is_missing(value) or _is_nan(value) else value for value in native.tolist()]
    kinds = {type(value) for value in held if value is not None}
    if str in kinds and kinds <= {str, int, float}:
        texts = [None if value is None else str(value) for value in held]
        if limits_of(pl.Series(texts)) is not None:
            held, kinds = texts, {str}
    if len(kinds) != 1 or not issubclass(next(iter(kinds)), (str, *_OBJECTS)):
        return None
    if issubclass(next(iter(kinds)), datetime.datetime) and any(v is not None and v.tzinfo is not None for v in held):
        utc = [None if v is None else v.astimezone(datetime.UTC).replace(tzinfo=None) for v in held]
        return pl.Series(utc, dtype=pl.Datetime("us", _UTC))
    return pl.Series(held)


def _is_nan(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_nan()


def _kind(found: pl.Series) -> str:
    name = found.dtype.base_type().__name__
    return {"Date": "date", "Datetime": "datetime", "Duration": "duration", "Time": "time", "Decimal": "decimal"}[name]


def _physical(found: pl.Series, name: str) -> tuple[Values, str]:
    """Whole numbers, 0 at holes, and their unit."""
    import polars as pl

    dtype = found.dtype
    if isinstance(dtype, pl.Decimal):
        try:
            return found.to_physical().cast(pl.Int64).fill_null(0).to_numpy(), f"{Decimal(1).scaleb(-dtype.scale):f}"
        except pl.exceptions.InvalidOperationError:
            raise InputError(f"Column '{name}' holds decimals beyond 64 bits; turn them into floats.") from None
    step = "D" if dtype == pl.Date else "ns" if dtype == pl.Time else str(getattr(dtype, "time_unit", "us"))
    return found.to_physical().cast(pl.Int64).fill_null(0).to_numpy(), step


def _coarsest(numbers: Values, step: str, kind: str) -> str:
    """The coarsest unit in which all numbers are whole."""
    if kind == "decimal":
        units = [f"{Decimal(1).scaleb(-digits):f}" for digits in range(max(0, len(step) - 2) + 1)]
    else:
        units = [unit for unit, length in _NANOSECONDS.items() if length >= _NANOSECONDS[step]]
    return next(unit for unit in units if not (numbers % _ratio(step, unit)).any())


def _ratio(step: str, unit: str) -> int:
    """How many of the finer of two units are one of the coarser."""
    if step in _NANOSECONDS and unit in _NANOSECONDS:
        a, b = _NANOSECONDS[step], _NANOSECONDS[unit]
        return max(a, b) // min(a, b)
    return int(max(Decimal(step), Decimal(unit)) / min(Decimal(step), Decimal(unit)))


def _native_step(column: Column) -> str:
    """The unit in which the values are held; fine enough for those of text."""
    if column.pattern is None:
        for step in ("ns", "us", "ms"):
            if f"[{step}" in column.type:
                return step
    return "ns" if column.unit == "ns" else "us"


def _in_zone(found: pl.Series, given: Any, column: Column) -> pl.Series:
    """Times without a zone as ones of the column's, where they were found to have none."""
    if _zone_of(found, given):
        return found
    warn(f"Column '{column.label}' held times of {column.zone}, so times without a zone are taken to be of it.")
    return dates.localised(found, str(column.zone))


def _zone_of(found: pl.Series, given: Any) -> str | None:
    """The zone of times as they were given, of pandas or as polars holds them."""
    native = given.to_native() if hasattr(given, "to_native") else given
    in_pandas = re.fullmatch(r"datetime64\[\w+, (.+)\]", str(getattr(native, "dtype", "")))
    return in_pandas[1] if in_pandas else getattr(found.dtype, "time_zone", None)


def _turned(found: pl.Series, column: Column) -> pl.Series:
    """Dates as times at midnight, and such times as dates."""
    import polars as pl

    pair = {_kind(found), column.counted}
    if pair != {"date", "datetime"}:
        raise InputError(
            f"Column '{column.label}' held {_words(column)} when the model was fitted; got values of the type "
            f"{_kind(found)}."
        )
    return found.cast(pl.Datetime("us"))


def _decimals(values: Any, column: Column) -> pl.Series:
    """Plain numbers, as of a file, as decimals."""
    import polars as pl

    held = values.to_list()
    digits = max(0, len(str(column.unit)) - 2)
    exact = [None if is_missing(v) or _is_nan(v) else Decimal(str(v)) for v in held]
    return pl.Series(exact, dtype=pl.Decimal(38, max([digits, *(-int(v.as_tuple().exponent) for v in exact if v)])))


def _check_rows(bad: Mask, values: Any, name: str, what: str, column: Column) -> None:
    if bad.any():
        rows = np.flatnonzero(bad).tolist()
        shown = ", ".join(map(str, rows[:_SHOWN])) + (", ..." if len(rows) > _SHOWN else "")
        raise InputError(
            f"Column '{name}' held {_words(column)} when the model was fitted, but row {shown} holds "
            f"{str(values[rows[0]])[:60]!r}, which has {what}; expected values as then."
        )


def _words(column: Column) -> str:
    """What the column holds, as `dates, to the day`."""
    return f"values of the type {column.counted}, to the {_UNITS.get(str(column.unit), str(column.unit))}"


def turn(column: Column) -> float | None:
    """After how many of its units a column comes round again, as times of a day do."""
    return _ratio("D", str(column.unit)) if column.counted == "time" else None


def steps(column: Column) -> str:
    """The unit that the column counts, as `days`."""
    unit = str(column.unit)
    return f"{_UNITS[unit]}s" if len(_UNITS.get(unit, "")) > 2 else f"steps of {unit}"
