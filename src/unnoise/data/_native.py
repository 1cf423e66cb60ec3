"""The columns and types of pandas, polars and pyarrow frames, read and rebuilt."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.data import _intervals
from unnoise.data._checked import LATER, check
from unnoise.data._numerics import Values
from unnoise.data.holes import Mask

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

Blank = Sequence[Mask | None]  # for each column the rows with holes

_PLAIN = r"u?int(8|16|32|64)|halffloat|float|double|bool|(large_)?string|string_view|null"  # arrow's names
_ZONE = r"[\w/+:-]+"
_PLAIN += r"|date32\[day\]|date64\[ms\]|duration\[(s|ms|us|ns)\]|time32\[(s|ms)\]|time64\[(us|ns)\]"
_PLAIN += rf"|timestamp\[(s|ms|us|ns)(, tz={_ZONE})?\]|decimal(128|256)\(\d+, \d+\)"
_ARROW = rf"{_PLAIN}|dictionary<values=({_PLAIN}), indices=({_PLAIN}), ordered=[01]>"
_NUMPY = rf"u?int(8|16|32|64)|float(16|32|64)|bool|object|datetime64\[(s|ms|us|ns)(, {_ZONE})?\]"
_FILLED = r"Sparse\[(\w+), (.+)\]"
_SPARSE = rf"Sparse\[({_NUMPY}), [\w.+-]+\]"
_NUMPY += r"|timedelta64\[(s|ms|us|ns)\]|period\[[\w-]+\]"
_PANDAS = rf"{_NUMPY}|{_SPARSE}|str|string|category|U?Int(8|16|32|64)|Float(32|64)|boolean|({_ARROW})\[pyarrow\]"
_POLARS = r"U?Int(8|16|32|64|128)|Float(16|32|64)|Boolean|String|Categorical|Enum|Object"
_POLARS += rf"|Date|Time|Datetime\[(ms|us|ns)(, {_ZONE})?\]|Duration\[(ms|us|ns)\]|Decimal\(\d+, \d+\)|Null"
_LIKE_PANDAS = {"pandas": "pandas", "modin": "modin.pandas", "cudf": "cudf"}
BACKENDS = ("polars", "pyarrow", *_LIKE_PANDAS)


@dataclass(frozen=True)
class Column:
    """A column as its library describes it, with the name of its type and, for categories, its levels.

    Attributes:
        holds: text, numbers or truth, where that is known: what values of later data are turned into.
        counted: date, datetime, duration, time, period or decimal, whose values stand for whole numbers.
        unit: of these numbers: D, h, m, s, ms, us, ns, M, 0.01, or the frequency of periods.
        pattern: how texts are written that are dates or times, as for strftime.
        written: how texts are written that are numbers, as $#,##0.00.
        words: texts beside these numbers, such as <0.5, and
        places: the numbers beyond all others that stand for them.
        apart: how many of the first words say nothing of how much, as ERR, and lie in no range.
        objects: int or float, where the numbers beside the words were objects of that type, and no texts; UTC, where
            times were objects that have a zone.
        intervals: the type of the levels of pandas.cut, which are texts here, as interval[float64, right].
    """

    label: str | int
    type: str
    categorical: bool = False
    categories: tuple[Any, ...] | None = None
    ordered: bool = False
    holds: str | None = field(default=None, metadata={LATER: True})
    counted: str | None = field(default=None, metadata={LATER: True})
    unit: str | None = field(default=None, metadata={LATER: True})
    pattern: str | None = field(default=None, metadata={LATER: True})
    written: str | None = field(default=None, metadata={LATER: True})
    words: tuple[str, ...] | None = field(default=None, metadata={LATER: True})
    places: tuple[float, ...] | None = field(default=None, metadata={LATER: True})
    apart: int | None = field(default=None, metadata={LATER: True})
    objects: str | None = field(default=None, metadata={LATER: True})
    intervals: str | None = field(default=None, metadata={LATER: True})

    @property
    def zone(self) -> str | None:
        """The zone of times that have one."""
        if self.counted != "datetime":
            return None
        found = re.search(rf", (?:tz=)?({_ZONE})\]", self.type)
        return found[1] if found else self.objects


def describe(frame: nw.DataFrame[Any]) -> tuple[str, tuple[Column, ...]]:
    """The library of a frame, and its columns."""
    backend = frame.implementation.value
    return backend, tuple(column_of(backend, frame.get_column(label), label) for label in frame.columns)


def column_of(backend: str, series: nw.Series[Any], label: str | int) -> Column:
    """One column."""
    return {"polars": _polars_column, "pyarrow": _arrow_column}.get(backend, _pandas_column)(series, label)


def build(backend: str, layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    """A frame of the library with these columns and types, and holes in some rows of them."""
    parts = [part if column.counted else whole(part, column.type) for part, column in zip(parts, layout, strict=True)]
    try:
        if backend == "polars":
            return _polars_frame(layout, parts, blank)
        if backend == "pyarrow":
            return _arrow_frame(layout, parts, blank)
        return _pandas_frame(_LIKE_PANDAS[backend], layout, parts, blank)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # each library has its own
        reason = next(iter(str(error).splitlines()), "")
        raise InputError(
            f"The columns cannot be of the types {', '.join(column.type for column in layout[:6])} ({reason}); the "
            "schema of the model is damaged."
        ) from error


def labelled(backend: str, frame: Any, labels: Sequence[tuple[Any, ...]]) -> Any:
    """The frame of pandas or Arrow with labels of these parts, which may stand twice."""
    if backend == "pyarrow":
        return frame.rename_columns([label for (label,) in labels])
    pd = importlib.import_module(_LIKE_PANDAS[backend])
    several = any(len(parts) > 1 for parts in labels)
    frame.columns = pd.MultiIndex.from_tuples(labels) if several else pd.Index([label for (label,) in labels])
    return frame


def without(series: pl.Series, rows: Mask) -> pl.Series:
    """The series of polars with holes in these rows."""
    import polars as pl

    if series.dtype == pl.Object:
        values = [None if row else value for value, row in zip(series, rows.tolist(), strict=True)]
        return pl.Series(series.name, values, dtype=pl.Object)
    return series.zip_with(pl.Series(~rows), series.clear(len(series)))


def check_column(backend: str, column: Column) -> None:
    """Refuse a type or levels that no column of numbers or text has."""
    known = {"polars": _POLARS, "pyarrow": _ARROW}.get(backend, _PANDAS)
    check(re.fullmatch(known, column.type) is not None, "the type", column.type, f"one of {backend}")
    levels, has_levels = column.categories, column.type in ("category", "Enum")
    check((levels is not None) == has_levels, "categories", levels, "the levels" if has_levels else "none")
    check(levels is None or len(set(levels)) == len(levels), "categories", levels, "different levels")
    _intervals.check_column(column.intervals, levels)


def whole(part: Values, type_: str) -> Values:
    """Rounded, if integers are to hold it; truth values as 0 and 1, if numbers are."""
    if part.dtype.kind == "b" and re.match("u?int|float|double", type_.lower()):
        part = part.astype(np.int64)
    return np.rint(part) if part.dtype.kind == "f" and re.match("u?int", type_.lower()) else part


def _pandas_column(series: nw.Series[Any], label: str | int) -> Column:
    native = series.to_native()
    if str(native.dtype) != "category":
        return Column(label, str(native.dtype))
    levels, ordered = native.cat.categories, bool(native.cat.ordered)
    kind = str(levels.dtype)
    if _intervals.are_in(kind):
        return Column(label, "category", True, tuple(map(_intervals.level_of, levels)), ordered, intervals=kind)
    return Column(label, "category", True, tuple(levels.tolist()), ordered)


def _polars_column(series: nw.Series[Any], label: str | int) -> Column:
    native = series.to_native().dtype
    kind = "Null" if str(native) == "Null" else type(series.dtype).__name__
    categories = tuple(native.categories) if kind == "Enum" else None
    if kind in ("Datetime", "Duration"):
        zone = getattr(native, "time_zone", None)
        return Column(label, f"{kind}[{native.time_unit}{f', {zone}' * (zone is not None)}]")
    if kind == "Decimal":
        return Column(label, f"Decimal({native.precision}, {native.scale})")
    return Column(label, kind, kind in ("Categorical", "Enum"), categories)


def _arrow_column(series: nw.Series[Any], label: str | int) -> Column:
    kind = str(series.to_native().type)
    return Column(label, kind, kind.startswith("dictionary"))


def _pandas_frame(module: str, layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    pd = importlib.import_module(module)
    series = [
        _pandas_nothing(pd, column, len(part))
        if _is_empty(rows)
        else _pandas_counted(pd, column, part)
        if column.counted
        else _pandas_coded(pd, column, part)
        if column.type.startswith("dictionary")
        else _intervals.in_levels(part, _pandas_type(pd, column))
        if column.intervals
        else pd.Series(part).astype(_pandas_type(pd, column))
        for column, part, rows in zip(layout, parts, blank, strict=True)
    ]
    for column, rows in zip(series, blank, strict=True):
        if rows is not None and rows.any() and not rows.all():
            column.iloc[np.flatnonzero(rows)] = None
    frame = pd.concat([_as_sparse(pd, s, column) for s, column in zip(series, layout, strict=True)], axis=1)
    frame.columns = [column.label for column in layout]
    return frame


def _is_empty(rows: Mask | None) -> bool:
    """Whether a column has no value at all, so that its type alone says what it is."""
    return rows is not None and bool(rows.all())


def _pandas_nothing(pd: Any, column: Column, n: int) -> Any:
    """A column without values."""
    if column.type.endswith("[pyarrow]"):
        held = importlib.import_module("pyarrow").nulls(n, _arrow_type(column.type.removesuffix("[pyarrow]")))
        return pd.Series(pd.arrays.ArrowExtensionArray(held))
    return pd.Series([None] * n, dtype=_pandas_type(pd, column))


def _pandas_type(pd: Any, column: Column) -> Any:
    """The type of a column of pandas."""
    if column.intervals is not None:
        return pd.CategoricalDtype(_intervals.index_of(column.intervals, column.categories or ()), column.ordered)
    if column.categories is not None:
        return pd.CategoricalDtype(list(column.categories), column.ordered)
    sparse = re.fullmatch(_FILLED, column.type)
    return column.type if sparse is None else sparse[1]


def _as_sparse(pd: Any, series: Any, column: Column) -> Any:
    """The column without the values that fill it, if it is a sparse one, which cannot be written to."""
    sparse = re.fullmatch(_FILLED, column.type)
    if sparse is None:
        return series
    fill = {"True": True, "False": False}.get(sparse[2], sparse[2])
    return series.astype(pd.SparseDtype(sparse[1], np.dtype(sparse[1]).type(fill).item()))


def _pandas_coded(pd: Any, column: Column, part: Values) -> Any:
    """Levels in a dictionary of Arrow."""
    pa = importlib.import_module("pyarrow")
    type_ = _arrow_type(column.type.removesuffix("[pyarrow]"))
    coded = pa.array(part, type=type_.value_type).dictionary_encode().cast(type_)
    return pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([coded])))


def _pandas_counted(pd: Any, column: Column, part: Any) -> Any:
    """Dates, times or decimals in a type of pandas."""
    if column.counted == "period":
        return pd.Series(pd.PeriodIndex.from_ordinals(part.astype(np.int64), freq=column.unit))
    if column.type.endswith("[pyarrow]"):
        held = part.to_arrow().cast(_arrow_type(column.type.removesuffix("[pyarrow]")))
        return pd.Series(pd.arrays.ArrowExtensionArray(importlib.import_module("pyarrow").chunked_array([held])))
    if not column.type.startswith(("datetime64", "timedelta64")):
        held = part if column.zone is None else part.dt.replace_time_zone(column.zone)
        return pd.Series(held.to_list(), dtype=column.type)
    found = pd.Series(part.to_numpy())
    if column.zone is not None:
        found = found.dt.tz_localize("UTC").dt.tz_convert(column.zone)
    return found.astype(column.type)


def native_series(backend: str, column: Column, part: Any) -> Any:
    """One column of dates, times or decimals as the library holds it."""
    if backend == "polars":
        return _polars_counted(column, part)
    if backend == "pyarrow":
        return part.to_arrow().cast(_arrow_type(column.type))
    return _pandas_counted(importlib.import_module(_LIKE_PANDAS[backend]), column, part)


def _polars_counted(column: Column, part: pl.Series) -> pl.Series:
    import polars as pl

    part = part.alias(str(column.label))
    if column.zone is not None:
        part = part.dt.replace_time_zone("UTC").dt.convert_time_zone(column.zone)
    if column.type == "Object":
        return pl.Series(part.name, part.to_list(), dtype=pl.Object)
    return part.cast(_polars_type(column))


def _polars_type(column: Column) -> Any:
    """The type of a column of polars."""
    import polars as pl

    found = re.match(r"(Datetime|Duration)\[(\w+)(?:, (.+)\])?|Decimal\((\d+), (\d+)", column.type)
    if column.categories is not None:
        return pl.Enum(column.categories)
    if found is None:
        return getattr(pl, column.type)
    if found[4]:
        return pl.Decimal(int(found[4]), int(found[5]))
    unit: Any = found[2]
    return pl.Duration(unit) if found[1] == "Duration" else pl.Datetime(unit, found[3])


def _polars_frame(layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    import polars as pl

    columns = [
        pl.Series(str(column.label), [None] * len(part), dtype=_polars_type(column))
        if column.type == "Null" or _is_empty(rows)
        else _polars_counted(column, part)
        if isinstance(part, pl.Series)
        else pl.Series(str(column.label), part, dtype=pl.Object if column.type == "Object" else None)
        for column, part, rows in zip(layout, parts, blank, strict=True)
    ]
    types = [c.dtype if column.counted else _polars_type(column) for c, column in zip(columns, layout, strict=True)]
    cast = [c if c.dtype == t else c.cast(t) for c, t in zip(columns, types, strict=True)]
    return pl.DataFrame([c if r is None else without(c, r) for c, r in zip(cast, blank, strict=True)])


def _arrow_frame(layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    pa = importlib.import_module("pyarrow")
    held = zip(layout, parts, blank, strict=True)
    arrays = [
        pa.nulls(len(part), _arrow_type(column.type))
        if column.type == "null" or _is_empty(rows)
        else native_series("pyarrow", column, part)
        if column.counted
        else pa.array(part, type=_arrow_type(column.type), mask=rows)
        for column, part, rows in held
    ]
    return pa.table(arrays, names=[str(column.label) for column in layout])


def _arrow_type(text: str) -> Any:
    pa = importlib.import_module("pyarrow")
    if found := re.fullmatch(r"timestamp\[(\w+), tz=(.+)\]", text):
        return pa.timestamp(found[1], tz=found[2])
    if found := re.fullmatch(r"decimal(128|256)\((\d+), (\d+)\)", text):
        return getattr(pa, f"decimal{found[1]}")(int(found[2]), int(found[3]))
    found = re.fullmatch(r"dictionary<values=(\w+), indices=(\w+), ordered=([01])>", text)
    if found is None:
        return pa.type_for_alias(text)
    value, index, ordered = found.groups()
    return pa.dictionary(pa.type_for_alias(index), pa.type_for_alias(value), ordered=ordered == "1")
