"""The columns and types of pandas, polars and pyarrow frames, read and rebuilt."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.data._checked import check
from unnoise.data._numerics import Values
from unnoise.data.holes import Mask

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

Blank = Sequence[Mask | None]  # for each column the rows with holes

_PLAIN = r"u?int(8|16|32|64)|halffloat|float|double|bool|(large_)?string|string_view"  # arrow's names
_ARROW = rf"{_PLAIN}|dictionary<values=({_PLAIN}), indices=({_PLAIN}), ordered=[01]>"
_NUMPY = r"u?int(8|16|32|64)|float(16|32|64)|bool|object"
_PANDAS = rf"{_NUMPY}|str|string|category|U?Int(8|16|32|64)|Float(32|64)|boolean|({_ARROW})\[pyarrow\]"
_POLARS = r"U?Int(8|16|32|64|128)|Float(16|32|64)|Boolean|String|Categorical|Enum|Object"
_LIKE_PANDAS = {"pandas": "pandas", "modin": "modin.pandas", "cudf": "cudf"}
BACKENDS = ("polars", "pyarrow", *_LIKE_PANDAS)


@dataclass(frozen=True)
class Column:
    """A column as its library describes it, with the name of its type and, for categories, its levels."""

    label: str | int
    type: str
    categorical: bool = False
    categories: tuple[Any, ...] | None = None
    ordered: bool = False


def describe(frame: nw.DataFrame[Any]) -> tuple[str, tuple[Column, ...]]:
    """The library of a frame, and its columns."""
    backend = frame.implementation.value
    column = {"polars": _polars_column, "pyarrow": _arrow_column}.get(backend, _pandas_column)
    return backend, tuple(column(frame.get_column(label), label) for label in frame.columns)


def build(backend: str, layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    """A frame of the library with these columns and types, and holes in some rows of them."""
    parts = [whole(part, column.type) for part, column in zip(parts, layout, strict=True)]
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


def whole(part: Values, type_: str) -> Values:
    """Rounded, if integers are to hold it."""
    return np.rint(part) if part.dtype.kind == "f" and re.match("u?int", type_.lower()) else part


def _pandas_column(series: nw.Series[Any], label: str) -> Column:
    native = series.to_native()
    if str(native.dtype) != "category":
        return Column(label, str(native.dtype))
    return Column(label, "category", True, tuple(native.cat.categories.tolist()), bool(native.cat.ordered))


def _polars_column(series: nw.Series[Any], label: str) -> Column:
    kind = type(series.dtype).__name__
    categories = tuple(series.to_native().dtype.categories) if kind == "Enum" else None
    return Column(label, kind, kind in ("Categorical", "Enum"), categories)


def _arrow_column(series: nw.Series[Any], label: str) -> Column:
    kind = str(series.to_native().type)
    return Column(label, kind, kind.startswith("dictionary"))


def _pandas_frame(module: str, layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    pd = importlib.import_module(module)
    series = [
        pd.Series(part).astype(column.type if c is None else pd.CategoricalDtype(list(c), column.ordered))
        for column, part in zip(layout, parts, strict=True)
        for c in [column.categories]
    ]
    for column, rows in zip(series, blank, strict=True):
        if rows is not None and rows.any():
            column.iloc[np.flatnonzero(rows)] = None
    frame = pd.concat(series, axis=1)
    frame.columns = [column.label for column in layout]
    return frame


def _polars_frame(layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    import polars as pl

    known = {name: kind for name, kind in vars(pl).items() if isinstance(kind, type) and issubclass(kind, pl.DataType)}
    types = [known[column.type]() if column.categories is None else pl.Enum(column.categories) for column in layout]
    columns = [
        pl.Series(str(column.label), part, dtype=pl.Object if column.type == "Object" else None)
        for column, part in zip(layout, parts, strict=True)
    ]
    cast = [c if c.dtype == type_ else c.cast(type_) for c, type_ in zip(columns, types, strict=True)]
    return pl.DataFrame([c if r is None else without(c, r) for c, r in zip(cast, blank, strict=True)])


def _arrow_frame(layout: Sequence[Column], parts: Sequence[Values], blank: Blank) -> Any:
    pa = importlib.import_module("pyarrow")
    held = zip(layout, parts, blank, strict=True)
    arrays = [pa.array(part, type=_arrow_type(column.type), mask=rows) for column, part, rows in held]
    return pa.table(arrays, names=[str(column.label) for column in layout])


def _arrow_type(text: str) -> Any:
    pa = importlib.import_module("pyarrow")
    found = re.fullmatch(r"dictionary<values=(\w+), indices=(\w+), ordered=([01])>", text)
    if found is None:
        return pa.type_for_alias(text)
    value, index, ordered = found.groups()
    return pa.dictionary(pa.type_for_alias(index), pa.type_for_alias(value), ordered=ordered == "1")
