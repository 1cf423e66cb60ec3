"""Put values into the holes of data, and leave all else as it is: columns, types, index."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, from_numpy

from unnoise._errors import InputError
from unnoise.data import arrays, frames
from unnoise.data._native import labelled, whole
from unnoise.data._numerics import Values
from unnoise.data.containers import Container, EventArray, Table
from unnoise.data.holes import Mask

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw


def selected(data: Any, container: Container) -> Any:
    """A frame with the columns of the container alone, in their order; other data as they are."""
    frame = frames.opened(data) if isinstance(container, Table) else None
    if frame is None or not isinstance(container, Table):
        return data
    if container.several:
        frame = container.parted(frame)
        data = frame.to_native()
    if list(map(str, frame.columns)) == list(container.columns):
        return data
    labels = frames.labels_of(frame.columns, container.columns)
    if not set(container.columns) <= labels.keys():
        return data  # whoever reads them says what is missing
    names, native = [labels[name] for name in container.columns], frame.to_native()
    native = native.select(names) if frame.implementation.value == "pyarrow" else native[names]
    other = {labels[name]: name for name in container.columns if str(labels[name]) != name}
    return frames.renamed(native, other) if other else native


def filled(data: Any, container: Container, values: Mapping[str, Values], gaps: Mapping[str, Mask]) -> Any:
    """The data with `values` where there are gaps.

    Args:
        data: of the form of the container, or a frame with more columns.
        container: what the columns are called.
        values: of whole columns by their names.
        gaps: where to put them, in the shape of the values.
    """
    for name, gap in gaps.items():
        if gap.shape != values[name].shape:
            raise InputError(f"got states of {len(values[name])} rows for data of {len(gap)} rows; expected as many")
    frame = frames.opened(data)
    if frame is None:
        return _array(data, container, values, gaps)
    if isinstance(container, Table):
        frame = container.parted(frame)
    fill = {"polars": _polars, "pyarrow": _arrow}.get(frame.implementation.value, _pandas)
    if isinstance(container, Table):
        labels = frames.labels_of(frame.columns, container.columns, aloud=False)
    else:
        labels = dict(zip(container.columns, frame.columns, strict=True))
    held = {name: _as_held(frame, labels[name], container, name, part) for name, part in values.items() if name in gaps}
    done = fill(frame, {labels[name]: (held[name], gap) for name, gap in gaps.items()})
    done = container.joined(done) if isinstance(container, Table) else done
    own = frames.odd_labels(data)
    parts = [label if isinstance(label, tuple) else (label,) for label in own or ()]
    return done if own is None else labelled(frame.implementation.value, done, parts)


def _as_held(frame: nw.DataFrame[Any], label: Any, container: Container, name: str, part: Values) -> Any:
    """Whole numbers that stand for dates, times or decimals as the frame holds these; other values as they are."""
    if not isinstance(container, Table):
        return part
    return container.native(name, part, frame.implementation.value, frame.get_column(label))


def _array(data: Any, container: Container, values: Mapping[str, Values], gaps: Mapping[str, Mask]) -> Any:
    array = data.clone() if isinstance(data, Tensor) else arrays.as_array(data).copy()
    for name, gap in gaps.items():
        place = gap if isinstance(container, EventArray) else (gap, container.columns.index(name))
        if isinstance(array, Tensor):
            where = from_numpy(gap).to(array.device)
            numbers = from_numpy(np.ascontiguousarray(values[name][gap])).to(array)
            array[where if isinstance(container, EventArray) else (where, container.columns.index(name))] = numbers
        else:
            array[place] = values[name][gap].astype(array.dtype)
    return array


def _pandas(frame: nw.DataFrame[Any], parts: Mapping[Any, tuple[Values, Mask]]) -> Any:
    native = frame.to_native().copy()
    for label, (values, gap) in parts.items():
        column, kind = native[label].copy(), native[label].dtype
        is_sparse = str(kind).startswith("Sparse")
        column = column.sparse.to_dense() if is_sparse else column
        if (
            isinstance(values, np.ndarray) and values.dtype.kind == "O" and column.dtype.kind in "iuf"
        ):  # words among numbers
            column = column.astype(object)
        if not isinstance(values, np.ndarray):
            native[label] = column.where(~gap, values.set_axis(column.index))
            continue
        held = whole(values, str(column.dtype))[gap]
        column.iloc[np.flatnonzero(gap)] = held.tolist() if held.dtype == object or column.dtype == object else held
        native[label] = column.astype(kind) if is_sparse else column
    return native


def _polars(frame: nw.DataFrame[Any], parts: Mapping[Any, tuple[Values, Mask]]) -> Any:
    import polars as pl

    native = frame.to_native()
    columns = []
    for label, (values, gap) in parts.items():
        column = native[label]
        if column.dtype == pl.Object:
            held = zip(values.tolist(), column, gap.tolist(), strict=True)
            columns.append(pl.Series(label, [new if hole else old for new, old, hole in held], dtype=pl.Object))
            continue
        new = pl.Series(label, whole(values, str(column.dtype)) if isinstance(values, np.ndarray) else values)
        keeps = column.dtype == pl.Null or (new.dtype == pl.String and column.dtype.is_numeric())  # words among numbers
        new = new if keeps else new.cast(column.dtype)
        columns.append(new.zip_with(pl.Series(gap), column.cast(new.dtype)))
    return native.with_columns(columns)


def _arrow(frame: nw.DataFrame[Any], parts: Mapping[Any, tuple[Values, Mask]]) -> Any:
    pa = importlib.import_module("pyarrow")
    compute = importlib.import_module("pyarrow.compute")
    native = frame.to_native()
    for label, (values, gap) in parts.items():
        place = native.column_names.index(label)
        field, column = native.schema.field(place), native.column(place)
        coded = pa.types.is_dictionary(field.type)
        plain = column.cast(field.type.value_type) if coded else column
        if isinstance(values, np.ndarray):
            type_ = None if pa.types.is_null(plain.type) else plain.type
            values = pa.array(whole(values, str(plain.type)), type=type_)
        new = values
        done = compute.if_else(pa.array(gap), new, plain.cast(new.type))
        done = done.dictionary_encode().cast(field.type) if coded else done
        native = native.set_column(place, field.with_type(done.type), done)
    return native
