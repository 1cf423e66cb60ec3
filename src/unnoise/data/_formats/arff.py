"""Tables in .arff, the format of Weka and of older collections of data: names and types first, then rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError
from unnoise.data._formats import text

if TYPE_CHECKING:
    import polars as pl

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ATTRIBUTE = re.compile(rf"@attribute\s+({_QUOTED}|[^\s{{]+)\s*(.+)", re.IGNORECASE)
_FIELD = re.compile(rf"\s*({_QUOTED}|[^,\t]*?)\s*(?:[,\t]|$)")
_NUMBERS = ("numeric", "real", "integer")
_SHOWN = 60


def read_arff(content: bytes, source: str) -> pl.DataFrame:
    r"""Numbers, levels in their order, and texts; a question mark is missing.

    >>> read_arff(b"@attribute x real\n@attribute s {low,high}\n@data\n1.5,high\n?,low\n", "rows.arff").rows()
    [(1.5, 'high'), (None, 'low')]

    Raises:
        InputError: rows that are sparse, or do not fit their description.
    """
    import polars as pl

    lines = [line.strip() for line in text.as_utf8(content, source, None).decode("utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith("%")]
    start = next((i for i, line in enumerate(lines) if line.lower() == "@data"), None)
    found = [match for line in lines[:start] if (match := _ATTRIBUTE.fullmatch(line)) is not None]
    if start is None or not found:
        raise InputError(f"{source} cannot be read: it has no lines of @attribute and @data, as .arff has.")
    rows = [_fields(line, row, len(found), source) for row, line in enumerate(lines[start + 1 :])]
    columns = zip(*rows, strict=True) if rows else ([] for _ in found)
    named = zip(found, columns, strict=True)
    return pl.DataFrame([_column(_plain(one[1]) or "", one[2].strip(), [*cells], source) for one, cells in named])


def _fields(line: str, row: int, width: int, source: str) -> list[str | None]:
    if line.startswith("{"):
        raise InputError(f"{source} has sparse rows, as {line[:_SHOWN]!r}, which are not read; write it as .csv.")
    fields, place = [], 0
    while place <= len(line) and (match := _FIELD.match(line, place)) is not None:
        fields.append(_plain(match[1]))
        if match.end() == len(line) and not line[match.start(1) :].endswith((",", "\t")):
            break
        place = match.end() if match.end() > place else len(line) + 1
    if len(fields) != width:
        raise InputError(f"{source} cannot be read: row {row} has {len(fields)} fields; expected {width}.")
    return fields


def _plain(text: str) -> str | None:
    """Without quotes; None where nothing is known."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return None if text in ("?", "") else text


def _column(name: str, kind: str, cells: list[str | None], source: str) -> pl.Series:
    import polars as pl

    texts = pl.Series(name, cells, dtype=pl.String)
    types: list[Any] = [pl.String]
    if kind.startswith("{"):
        levels = [_plain(match[1]) for match in _FIELD.finditer(kind.strip("{} ")) if match[1]]
        types = [pl.Enum([level for level in levels if level is not None])]
    elif kind.lower() in _NUMBERS:
        types = [pl.Int64, pl.Float64]
    for one in types:
        made = texts.cast(one, strict=False)
        if made.null_count() == texts.null_count():
            return made
    row = int((made.is_null() & texts.is_not_null()).arg_max() or 0)
    raise InputError(f"{source} cannot be read: row {row} has {texts[row][:_SHOWN]!r} as {name!r}; expected {kind}.")
