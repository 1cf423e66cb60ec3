"""The columns and types of pandas, polars and pyarrow frames, read and rebuilt."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

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


def build(backend: str, layout: Sequence[Column], parts: Sequence[Values]) -> Any:
    """A frame of the library with these columns and types."""
    if backend == "polars":
        return _polars_frame(layout, parts)
    if backend == "pyarrow":
        return _arrow_frame(layout, parts)
    return _pandas_frame(_LIKE_PANDAS[backend], layout, parts)


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


def _pandas_frame(module: str, layout: Sequence[Column], parts: Sequence[Values]) -> Any:
    pd = importlib.import_module(module)
    series = [
        pd.Series(part).astype(column.type if c is None else pd.CategoricalDtype(list(c), column.ordered))
        for column, part in zip(layout, parts, strict=True)
        for c in [column.categories]
    ]
    frame = pd.concat(series, axis=1)
    frame.columns = [column.label for column in layout]
    return frame


def _polars_frame(layout: Sequence[Column], parts: Sequence[Values]) -> Any:
    import polars as pl

    known = {name: kind for name, kind in vars(pl).items() if isinstance(kind, type) and issubclass(kind, pl.DataType)}
    types = [known[column.type]() if column.categories is None else pl.Enum(column.categories) for column in layout]
    columns = [pl.Series(str(column.label), part) for column, part in zip(layout, parts, strict=True)]
    return pl.DataFrame([column.cast(type_) for column, type_ in zip(columns, types, strict=True)])


def _arrow_frame(layout: Sequence[Column], parts: Sequence[Values]) -> Any:
    pa = importlib.import_module("pyarrow")
    arrays = [pa.array(part, type=_arrow_type(column.type)) for column, part in zip(layout, parts, strict=True)]
    return pa.table(arrays, names=[str(column.label) for column in layout])


def _arrow_type(text: str) -> Any:
    pa = importlib.import_module("pyarrow")
    found = re.fullmatch(r"dictionary<values=(\w+), indices=(\w+), ordered=([01])>", text)
    if found is None:
        return pa.type_for_alias(text)
    value, index, ordered = found.groups()
    return pa.dictionary(pa.type_for_alias(index), pa.type_for_alias(value), ordered=ordered == "1")
