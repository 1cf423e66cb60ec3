"""Tables that hold their names and types: parquet, Arrow, JSON, FASTA."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError, warn
from unnoise.data._formats.packed import check_held
from unnoise.data._formats.quiet import quiet
from unnoise.data.frames import check_labels, names_of, shown

if TYPE_CHECKING:
    import polars as pl

_INDEX = r"__index_level_\d+__"  # which pandas adds to the columns
_MOST_PARTS = 64  # of a list, each of which is a column


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
    return flat(pl.read_json(io.BytesIO(content), infer_schema_length=None), source)


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

    return flat(pl.read_ndjson(io.BytesIO(content), infer_schema_length=None), source)


def read_fasta(content: bytes, source: str) -> pl.DataFrame:
    """Sequences and the names before them; gaps and capitals are kept as they stand."""
    import polars as pl

    before, *entries = re.split(r"^>", content.decode("utf-8"), flags=re.MULTILINE)
    if not entries or any(line.strip() and line[0] not in ";#" for line in before.splitlines()):
        raise InputError(f"{source} holds no sequences; expected a line that begins with > before each of them.")
    names, letters = zip(*(entry.partition("\n")[::2] for entry in entries), strict=True)
    sequences = ["".join(lines.split()) for lines in letters]
    if "" in sequences:
        raise InputError(f"{source} has no letters after the name {names[sequences.index('')].strip()!r}.")
    return pl.DataFrame({"name": [name.strip() for name in names], "sequence": sequences})


def flat(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """The frame with columns of single values: objects and lists as columns of their parts, or as texts."""
    frame = _without_lists(unnested(frame, source), source)
    if nested := [name for name, kind in frame.schema.items() if kind.is_nested()]:
        raise InputError(
            f"Column '{nested[0]}' of {source} holds lists of lists or objects; expected one value in each row, or a "
            "list of some."
        )
    return frame


def _without_lists(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Lists of one length as columns place.0, place.1, ..., and others as texts, as they stand; a warning says so."""
    import polars as pl

    parts: list[pl.Series] = []
    spread, written = list[str](), list[str]()
    for column in frame:
        column = column.arr.to_list() if isinstance(column.dtype, pl.Array) else column
        kind = column.dtype
        if not isinstance(kind, pl.List) or (kind.inner is not None and kind.inner.is_nested()):
            parts.append(column)
            continue
        lengths = column.drop_nulls().list.len().unique().to_list()
        if len(lengths) == 1 and 0 < lengths[0] <= _MOST_PARTS:
            spread.append(column.name)
            parts += [column.list.get(i, null_on_oob=True).alias(f"{column.name}.{i}") for i in range(lengths[0])]
        else:
            written.append(column.name)
            texts = [None if held is None else json.dumps(held, ensure_ascii=False) for held in column.to_list()]
            parts.append(pl.Series(column.name, texts, dtype=pl.String))
    if spread:
        warn(f"The lists in {shown(spread)} of {source} are read as a column for each place, {spread[0]}.0, ...")
    if written:
        warn(f"The lists in {shown(written)} of {source} differ in length, and are read as texts, one level for each.")
    names = names_of([part.name for part in parts])
    return pl.DataFrame([part.alias(name) for part, name in zip(parts, names, strict=True)]) if parts else frame


def unnested(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """Objects as columns of their fields, place.city, with a warning."""
    import polars as pl

    columns, opened = list(frame), list[str]()
    while any(column.dtype == pl.Struct for column in columns):
        opened += [column.name for column in columns if column.dtype == pl.Struct]
        columns = [part for column in columns for part in _fields(column)]
    if not opened:
        return frame
    names = names_of([column.name for column in columns])
    made = shown([name for name in names if name.startswith(f"{opened[0]}.")])
    warn(f"The objects in {shown(opened)} of {source} are read as columns of their fields, {made}.")
    return pl.DataFrame([column.alias(name) for column, name in zip(columns, names, strict=True)])


def _fields(column: pl.Series) -> list[pl.Series]:
    """The columns of a column of objects, or itself."""
    import polars as pl

    if column.dtype != pl.Struct:
        return [column]
    held = column.struct
    return [held.field(name).alias(f"{column.name}.{name}") for name in held.fields]


def checked(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """The frame, unless it has no rows."""
    check_labels(frame.columns)
    if frame.height == 0:
        raise InputError(f"{source} holds no rows of data.")
    return frame
