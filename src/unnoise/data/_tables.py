"""Tables that hold their names and types: parquet, Arrow, JSON, sheets of Excel."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError, warn
from unnoise.data import _cells, _headers
from unnoise.data._packed import check_held
from unnoise.data._quiet import quiet
from unnoise.data._reading import Reading
from unnoise.data.frames import check_labels

if TYPE_CHECKING:
    import polars as pl

_INDEX = r"__index_level_\d+__"  # which pandas adds to the columns
_UNNAMED = r"__UNNAMED__\d+"  # as the reader of Excel calls columns without a name


def read_parquet(content: bytes, source: str) -> pl.DataFrame:
    """The columns but the index of pandas."""
    import polars as pl

    lazy = pl.scan_parquet(io.BytesIO(content), hive_partitioning=False)
    with quiet():
        shape = lazy.select(pl.len()).collect().item(), len(lazy.collect_schema())
        check_held(source, len(content), 8 * math.prod(shape))  # bytes of most numbers, and about those of a text
        frame = lazy.collect()
    return frame.select(without_index(frame.columns, content, source))


def without_index(names: Sequence[str], parquet: bytes | Path, source: str, *, aloud: bool = True) -> list[str]:
    """The columns of a parquet file that are no index of pandas; if `aloud`, a warning names those that are."""
    import polars as pl

    with quiet():
        told = pl.read_parquet_metadata(io.BytesIO(parquet) if isinstance(parquet, bytes) else parquet)
    index = _index_of(told.get("pandas", ""))
    left = [name for name in names if name not in index and not re.fullmatch(_INDEX, name)]
    if not left:
        return list(names)
    out = ["without a name" if re.fullmatch(_INDEX, name) else repr(name) for name in names if name not in left]
    if out and aloud:
        warn(f"The index of {source} ({', '.join(out)}) is no column and is left out; reset_index() makes it one.")
    return left


def _index_of(told: str) -> set[str]:
    """The columns that are an index, as pandas says."""
    try:
        found = json.loads(told)["index_columns"]
    except (ValueError, KeyError, TypeError):
        return set()
    return {name for name in found if isinstance(name, str)} if isinstance(found, list) else set()


def read_arrow(content: bytes, source: str) -> pl.DataFrame:
    """A file of Arrow, which Feather is too, or a stream of it."""
    import polars as pl

    with quiet():
        if content.startswith(b"FEA1"):
            raise InputError(f"{source} is of the first version of Feather; write it again as .parquet or .csv.")
        read: Callable[..., Any] = pl.read_ipc if content.startswith(b"ARROW1") else pl.read_ipc_stream
        frame: pl.DataFrame = read(io.BytesIO(content))
    left = [name for name in frame.columns if not re.fullmatch(_INDEX, name)]
    return frame.select(left) if left else frame


def read_json(content: bytes, source: str) -> pl.DataFrame:
    """A list of objects; or one in each line, columns by their names, or a list within an object, as others write."""
    import polars as pl

    if _holds_lines(content):
        return read_json_lines(content, source)
    if not re.match(rb"\s*\[\s*\{", content):
        rows = _rows_in(json.loads(content))
        if not rows:
            raise InputError(f'{source} holds no table; expected a list of objects, as [{{"a": 1}}, {{"a": 2}}].')
        content = json.dumps(rows).encode()
    return _flat(pl.read_json(io.BytesIO(content), infer_schema_length=None), source)


def _holds_lines(content: bytes) -> bool:
    """Whether the first line is an object, and others follow."""
    first, _, rest = content.strip().partition(b"\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except ValueError:
        return False


def _rows_in(held: Any) -> list[dict[str, Any]] | None:
    """The rows of lists of cells, of columns or rows by their names, or of the only list of objects in an object."""
    if isinstance(held, list):
        fine = all(isinstance(row, list) and len(row) == len(held[0]) for row in held)
        return [{f"x{i}": cell for i, cell in enumerate(row)} for row in held] if fine else None
    parts = list(held.values()) if isinstance(held, dict) else []
    if isinstance(held, dict) and isinstance(held.get("columns"), list) and isinstance(held.get("data"), list):
        return [dict(zip(held["columns"], row, strict=True)) for row in held["data"]]
    if len(parts) > 1 and len({(type(part), len(part)) for part in parts if isinstance(part, list | dict)}) == 1:
        if isinstance(parts[0], dict) and all(name.isdigit() for name in held):
            return parts
        if all(isinstance(part, list | dict) for part in parts):
            cells = [list(part.values()) if isinstance(part, dict) else part for part in parts]
            return [dict(zip(held, row, strict=True)) for row in zip(*cells, strict=True)]
    lists = [part for part in parts if isinstance(part, list) and part and isinstance(part[0], dict)]
    return lists[0] if len(lists) == 1 else None


def read_json_lines(content: bytes, source: str) -> pl.DataFrame:
    """An object in each line."""
    import polars as pl

    return _flat(pl.read_ndjson(io.BytesIO(content), infer_schema_length=None), source)


def _flat(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    if nested := [name for name, kind in frame.schema.items() if kind.is_nested()]:
        raise InputError(f"Column '{nested[0]}' of {source} holds lists or objects; expected one value in each row.")
    return frame


def read_excel(content: bytes, source: str, reading: Reading) -> pl.DataFrame:
    """The first sheet, or that which is said; whole numbers, which Excel does not know, where all of a column are."""
    import polars as pl

    try:
        import fastexcel
    except ModuleNotFoundError:
        raise InputError("Files of Excel need a library to read them: pip install 'unnoise[excel]'.") from None
    sheet = _sheet(fastexcel.read_excel(content).sheet_names, source, reading.sheet)
    has_names = reading.header != "no"
    found: Any = pl.read_excel(
        io.BytesIO(content), sheet_name=sheet, has_header=has_names, infer_schema_length=None, raise_if_empty=False
    )
    if found.height == 0:
        raise InputError(f"{source} holds no rows of data in its sheet {sheet!r}; --sheet (sheet=) names another.")
    names = ["" if re.fullmatch(_UNNAMED, name) else name.strip() for name in found.columns]
    names = names if has_names else [f"x{i}" for i in range(found.width)]
    found.columns = [f"x{i}" for i in range(found.width)]
    texts = [name for name, kind in found.schema.items() if kind == pl.String]
    found = found.with_columns(_cells.stripped(found.select(texts))) if texts else found
    found = found.with_columns(_whole(found[name]) for name, kind in found.schema.items() if kind == pl.Float64)
    names = _headers.checked(names, found, source)
    found = _cells.without_marks(found, names, source, reading)
    _cells.warn_of_numbers(found, names, source, reading.text)
    _cells.warn_of_totals(found, source)
    _cells.warn_of_empty_rows(found, source)
    found.columns = names
    table: pl.DataFrame = found.drop("") if "" in names else found
    return table


def _sheet(sheets: Sequence[str], source: str, said: str | None) -> str:
    """The one that is said, or the first, with a warning where there are others."""
    if said is not None and said not in sheets:
        raise InputError(f"{source} has no sheet {said!r}; it has {', '.join(map(repr, sheets))}.")
    if said is None and len(sheets) > 1:
        others = ", ".join(map(repr, sheets[1:6])) + (", ..." if len(sheets) > 6 else "")
        warn(
            f"{source} holds {len(sheets)} sheets, of which the first, {sheets[0]!r}, is read; --sheet (sheet=) names "
            f"another: {others}."
        )
    return said or sheets[0]


def _whole(column: pl.Series) -> pl.Series:
    """Floats as whole numbers, if they are."""
    import polars as pl

    exact = bool(((column == column.round()) & (column.abs() <= 2.0**53)).all())
    return column.cast(pl.Int64) if exact and column.null_count() < len(column) else column


def checked(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """The frame, unless it has no rows."""
    check_labels(frame.columns)
    if frame.height == 0:
        raise InputError(f"{source} holds no rows of data.")
    return frame
