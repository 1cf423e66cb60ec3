"""CSV files, gzipped or not, separated by commas, semicolons, tabs or bars.

A cell becomes a number only where no digit is lost.
"""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from unnoise._errors import InputError
from unnoise.data import _cells
from unnoise.data._archives import unzipped
from unnoise.data.frames import check_labels

if TYPE_CHECKING:
    import polars as pl

_SEPARATORS = ",;\t|"
_BLANK = re.compile(rb"[ \r\n]*")
_FRACTION = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")


def read_csv(path: Path) -> pl.DataFrame:
    """The table; columns without names are x0, x1, ..."""
    content = unzipped(path) if path.name.lower().endswith(".gz") else path.read_bytes()
    content = content.removeprefix(b"\xef\xbb\xbf")
    _check_text(content, path)
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    comments, start = _comments(content)
    separator = _separator(content[start:])
    first, end = _record(content[start:], separator, path)
    table = _table(content[start + end :], len(first), separator, path)
    names = _names(first, table, comments, separator, path)
    if names is not first:
        table = _table(content[start:], len(first), separator, path)
    if table.height == 0:
        raise InputError(f"{path} holds no rows of data.")
    table.columns = names
    _cells.warn_of_numbers(table, path)
    return table


def _check_text(content: bytes, path: Path) -> None:
    if b"\0" in content or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path} cannot be read: it is not a text file in UTF-8.")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path} cannot be read: line {line} holds the byte {content[error.start]:#x}, which is no text in utf-8, "
            "but perhaps in Latin-1 or Windows-1252; save it as UTF-8."
        ) from None


def _comments(content: bytes) -> tuple[str, int]:
    """The last line of comments before the table, and where the table begins."""
    start, last = 0, b""
    while start < len(content):
        end = content.find(b"\n", start) + 1 or len(content)
        line = content[start:end].strip(b" \r\n")
        if line and not line.startswith(b"#"):
            break
        start, last = end, line or last
    return last.decode("utf-8").lstrip("# "), start


def _separator(table: bytes) -> str:
    line = table.partition(b"\n")[0].decode("utf-8")
    return max(_SEPARATORS, key=re.sub(r'"[^"]*"', "", line).count)


def _record(table: bytes, separator: str, path: Path) -> tuple[list[str], int]:
    """The fields of the first line, and where the next begins."""
    stream = io.BytesIO(table)
    try:
        lines = (line.decode("utf-8") for line in iter(stream.readline, b""))
        fields = next(csv.reader(lines, delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise InputError(f"{path} cannot be read: {error} in the first line.") from None
    if not fields:
        raise InputError(f"{path} holds no rows of data.")
    return [field.strip() for field in fields], stream.tell()


def _without_blank_lines(body: bytes, width: int) -> bytes:
    """An empty line is no row, but in one column a missing value."""
    if width == 1:
        return body
    if b'"' not in body and any(pair in body for pair in (b"\n\n", b"\n\r", b"\n ")):
        body = re.sub(rb"^[ \r]*\n", b"", body, flags=re.MULTILINE)
    return body[_BLANK.match(body).end() :].rstrip(b" \r\n")  # type: ignore[union-attr]  # it matches nothing, too


def _table(body: bytes, width: int, separator: str, path: Path) -> pl.DataFrame:
    """Columns x0, x1, ..., none of whose cells is lost or moved to another column."""
    import polars as pl

    names = [f"x{i}" for i in range(width)]
    body = _without_blank_lines(body, width)
    if not body:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    count = _count_rows(body, width, separator, path)
    read = partial(pl.read_csv, body, has_header=False, separator=separator)
    try:
        table = read(infer_schema_length=None, null_values=list(_cells.MISSING), new_columns=names)
        doubtful = _cells.doubtful(table, body)
    except pl.exceptions.PolarsError:  # as at a whole number of 40 digits
        count = _count_one_by_one(body, width, separator, path)
        table = read(infer_schema=False, new_columns=names)
        doubtful = names
    if table.shape != (count, width):
        raise InputError(f"{path} cannot be read: it has {count} rows, but {table.height} are clear; check its quotes.")
    if not doubtful:
        return table
    cells = read(infer_schema=False, columns=[names.index(name) for name in doubtful])
    cells.columns = doubtful
    return table.with_columns(_cells.typed(cells, path, decimal_comma=separator == ";", alone=width == 1))


def _count_rows(body: bytes, width: int, separator: str, path: Path) -> int:
    """How many rows there are; an InputError at one of another length."""
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    plain = b'"' not in body and not re.search(rb"\r(?!\n)", body)
    if plain and body.count(separator.encode()) == lines * (width - 1):  # polars refuses a row that is too long
        return lines
    return _count_one_by_one(body, width, separator, path)


def _count_one_by_one(body: bytes, width: int, separator: str, path: Path) -> int:
    count = 0
    try:
        for row in csv.reader(io.StringIO(body.decode("utf-8"), newline=""), delimiter=separator, strict=True):
            if len(row) not in (width, 0):
                raise InputError(
                    f"{path} cannot be read, it may be damaged or cut short: row {count} has {len(row)} fields; "
                    f"expected {width}."
                )
            count += 1
    except csv.Error as error:
        raise InputError(f"{path} cannot be read, it may be damaged or cut short: row {count}: {error}.") from None
    return count


def _names(first: list[str], table: pl.DataFrame, comment: str, separator: str, path: Path) -> list[str]:
    """The first line, unless it is data; then the comment before it, if that names as many columns, or x0, x1, ..."""
    import polars as pl

    texts = [i for i, field in enumerate(first) if not _is_number(field) and field not in _cells.MISSING[1:]]
    # 0, 1, 2, ... is what pandas writes for columns without names.
    if texts or first == [str(i) for i in range(len(first))]:
        again = bool(texts) and all((table.to_series(i).cast(pl.String) == first[i]).any() for i in texts)
        fraction = next((field for field in first if _FRACTION.fullmatch(field)), None) if texts else None
        if not again and fraction is None:
            return _checked(first, path)
    else:
        again, fraction = False, None
    named = [name.strip() for name in next(csv.reader([comment], delimiter=separator), [])]
    if len(named) == len(first) > 1 and not any(map(_is_number, named)):
        return _checked(named, path)
    if again or fraction is not None:
        why = f"{fraction} is a number" if fraction is not None else f"{first[texts[0]]!r} is a value of its column"
        raise InputError(
            f"The first line of {path} may be names or data, as {why}; put a line before it that names the columns."
        )
    return [f"x{i}" for i in range(len(first))]


def _checked(names: list[str], path: Path) -> list[str]:
    if "" in names:
        raise InputError(
            f"Column {names.index('') + 1} of {path} has no name; name it, or drop it if it only numbers the rows "
            "(pandas: to_csv(index=False))."
        )
    check_labels(names)
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
