"""Tables of text, separated by commas, semicolons, tabs, bars, blanks or any other sign.

A cell becomes a number only where no digit is lost.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from unnoise._errors import InputError, warn
from unnoise.data._formats import headers, text, titles
from unnoise.data._formats.dialect import Dialect, form_of
from unnoise.data._formats.reading import Reading
from unnoise.data._written import cells
from unnoise.data.frames import labels_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl

    Cells = Callable[[], pl.DataFrame]

_SHOWN = 60  # letters of a row
_BLANK = re.compile(rb"[ \r\n]*")


@dataclass(frozen=True, eq=False)
class Parsed:
    """A table of text.

    Args:
        table: the numbers and texts of its columns, which have other names.
        names: of the columns; the first is empty if it numbers the rows.
        rows: the bytes of the rows, in UTF-8.
        separator: between fields.
        encoding: of the file; None for UTF-8.
        reading: what is said of it, and what it says by itself.
    """

    table: pl.DataFrame
    names: list[str]
    rows: bytes
    separator: str
    encoding: str | None
    reading: Reading


def read_csv(content: bytes, source: str, reading: Reading) -> tuple[pl.DataFrame, Dialect, Cells]:
    """The table, how it is written, and what gives its cells as they are; columns without names are x0, x1, ..."""
    found = _without_notes(parsed(content, source, reading), source)
    table, names, rows, separator = found.table, found.names, found.rows, found.separator
    known = as_known(names, reading.names)
    table = _texts_kept(table, rows, known, separator, reading)
    table = cells.without_marks(table, known, source, reading, decimal_of(separator, found.reading.decimal))
    cells.warn_of_numbers(table, known, source, reading.text | reading.levels)
    cells.warn_of_the_end(table, source)
    words = _words_for_missing(table, rows, separator)
    _warn_of_words(table, known, words, source, reading)
    missing = _word_for_missing(table, words)
    decimal = found.reading.decimal
    plain = Dialect(separator, decimal, found.encoding, (), missing, told=decimal is not None)
    dialect = _dialect(table, rows, names, plain, reading.names)
    table.columns = names
    if names[0] == "":
        warn_of_numbering(source)
        table = table.drop("")
    return table, dialect, partial(_as_written, rows, names, separator)


def parsed(content: bytes, source: str, reading: Reading) -> Parsed:
    """The content without what stands above and beside the rows; a warning says what that is."""
    encoding = text.encoding_of(content, reading.encoding, reading.like.encoding if reading.like else None)
    content, sign = text.without_sign(text.as_utf8(content, source, encoding))
    reading = dataclasses.replace(reading, separator=reading.separator or sign)
    if b"\n" not in content:
        content = content.replace(b"\r", b"\n")
    comment, start = text.comments(content)
    if reading.header != "no":
        start += titles.end_of_titles(content[start:], reading.separator, source)
    separator, body = text.separated(content[start:], reading.separator, source)
    reading = _alike(reading, separator, body)
    body = text.without_single_quotes(body, separator, source)
    body = text.without_comments(body, separator, source)
    body = text.without_ends(text.requoted(body, separator), separator)
    first, end = text.record(body, separator, source)
    rows = body[end:]
    if headers.lacks_a_name(first, rows, separator, source):
        first = ["", *first]
    table = _table(rows, len(first), separator, source, reading)
    names = headers.names(first, table, comment, separator, source, reading)
    if names is not first:
        rows = body
        table = _table(rows, len(first), separator, source, reading)
    if table.height == 0:
        raise InputError(f"{source} holds no rows of data.")
    above = headers.above_numbers(table, names, source, reading, decimal_of(separator, reading.decimal))
    for _ in range(above):
        rows = rows[text.record(rows, separator, source)[1] :]
    table = _table(rows, len(names), separator, source, reading) if above else table
    return Parsed(table, names, rows, separator, encoding, reading)


def _without_notes(found: Parsed, source: str) -> Parsed:
    """The table without the last rows that hold a text alone where numbers stand above; a warning says so."""
    decimal = decimal_of(found.separator, found.reading.decimal)
    count = cells.notes_below(found.table, decimal)
    above, *below = found.rows.rstrip(b" \r\n").rsplit(b"\n", count)
    if not count or len(below) != count or any(line.count(b'"') % 2 for line in below):
        return found
    rows = above + b"\n"
    table = _table(rows, len(found.names), found.separator, source, found.reading)
    shown = repr(next(cell for row in found.table.tail(count).rows() for cell in row if cell is not None)[:_SHOWN])
    many = (
        f"The last {count} rows of {source} (such as {shown}) are"
        if count > 1
        else f"The last row of {source} ({shown}) is"
    )
    warn(f"{many} left out, as notes below numbers are.")
    return dataclasses.replace(found, table=table, rows=rows)


def decimal_of(separator: str, said: str | None) -> str:
    """What `cells.typed` is told of the sign before fractions."""
    return said or {",": "maybe .", ";": ";"}.get(separator, "maybe ,")


def warn_of_numbering(source: str) -> None:
    """Say that the first column is left out."""
    warn(f"The first column of {source} has no name and numbers the rows, so it is left out.")


def as_known(names: list[str], expected: Sequence[str]) -> list[str]:
    """The names of a file as those that are expected, where they differ in blanks, marks or capitals alone."""
    found = {label: name for name, label in labels_of(names, expected, aloud=False).items()}
    return [found[name] for name in names]


def _alike(reading: Reading, separator: str, body: bytes) -> Reading:
    """With the decimal sign that was said of a file with the same separator, unless something else is said."""
    like = reading.like
    if reading.decimal or like is None or like.separator != separator or b"," not in body:
        return reading
    return dataclasses.replace(reading, decimal=like.decimal)


def _dialect(table: pl.DataFrame, rows: bytes, names: list[str], plain: Dialect, known: Sequence[str]) -> Dialect:
    """How numbers and truth values are written, beside what is known; numbers that may be none are said.

    `known` are columns of a model, which says what they are.
    """
    import polars as pl

    fine = plain.separator == "," and plain.decimal is None and b"+" not in rows  # no commas or signs in whole numbers
    kinds = (pl.Boolean, pl.Float64) if fine else (pl.Boolean, pl.Float64, pl.Int64, pl.UInt64)
    places = [i for i, kind in enumerate(table.dtypes) if kind in kinds]
    if not places:
        return plain
    held = cells.stripped(_cells_of(rows, table, places, plain.separator))
    decimal = plain.decimal
    if decimal is None and not fine:
        commas = held.select(pl.col(held.columns).str.contains(",", literal=True).any())
        decimal = "," if any(commas.row(0)) else None
    found = [(names[i], form_of(table.to_series(i), held[table.columns[i]], decimal)) for i in places]
    for i, (name, form) in zip(places, found, strict=True):
        if form is None and table.dtypes[i] == pl.Float64:
            cells.warn_of_versions(table.to_series(i), held[table.columns[i]], name)
        if table.dtypes[i] == pl.Float64 and name not in known:
            cells.warn_of_codes(held[table.columns[i]], name)
    forms = tuple((name, form) for name, form in found if form is not None)
    return dataclasses.replace(plain, decimal=decimal, forms=forms)


def _words_for_missing(table: pl.DataFrame, rows: bytes, separator: str) -> dict[str, set[str | None]]:
    """What stands where something is missing, by the columns that lack something; None where nothing does."""
    places = [i for i, column in enumerate(table) if column.null_count()]
    if not places:
        return {}
    held = _cells_of(rows, table, places, separator)
    return {column.name: {*column.filter(table[column.name].is_null()).unique()} for column in held}


def _word_for_missing(table: pl.DataFrame, words: dict[str, set[str | None]]) -> str:
    """The only word that stands where something is missing, as NA; nothing where there are several, or none."""
    found = set[str | None]().union(*words.values())
    word = found.pop() if len(found) == 1 else None
    empty = all(column.null_count() == len(column) for column in table)
    return word if word in cells.MISSING and not empty else ""


def _warn_of_words(
    table: pl.DataFrame, names: Sequence[str], words: dict[str, set[str | None]], source: str, reading: Reading
) -> None:
    """Say that a word among texts is missing, where it may be a value, as None (no drink) and NA (Namibia) are.

    So it may be where one column alone has it, or where nothing stands in other columns that lack something.
    """
    import polars as pl

    named = dict(zip(table.columns, names, strict=True))
    empty = any(None in held for held in words.values())
    for word in cells.PERHAPS:
        has = [column for column, held in words.items() if word in held]
        among_texts = all(table[column].dtype == pl.String and len(words[column]) == 1 for column in has)
        said = [named[column] for column in has if named[column] not in reading.text | reading.levels]
        if said and among_texts and (len(has) == 1 or empty):
            cells.warn_of_marks({word: said}, source)


def _cells_of(rows: bytes, table: pl.DataFrame, places: list[int], separator: str) -> pl.DataFrame:
    """Some columns of the table as they are written."""
    import polars as pl

    body = _without_blank_lines(rows, table.width)
    held = pl.read_csv(body, has_header=False, separator=separator, infer_schema=False, columns=places)
    held.columns = [table.columns[i] for i in places]
    return held


def _as_written(rows: bytes, names: list[str], separator: str) -> pl.DataFrame:
    """All cells as text, blanks around them included; missing where nothing stands."""
    import polars as pl

    body = _without_blank_lines(rows, len(names))
    read = partial(pl.read_csv, body, has_header=False, separator=separator, infer_schema=False)
    return read(new_columns=names, null_values=[""])


def _texts_kept(table: pl.DataFrame, rows: bytes, names: list[str], separator: str, reading: Reading) -> pl.DataFrame:
    """The table, with the columns that are to be text as they are written."""
    places = [i for i, name in enumerate(names) if name in reading.text | reading.levels]
    if not places:
        return table
    held = cells.stripped(_cells_of(rows, table, places, separator))
    kept = [i for i in places if names[i] in reading.text or cells.is_changed(table.to_series(i), held)]
    return table.with_columns(held[table.columns[i]] for i in kept)


def _without_blank_lines(body: bytes, width: int) -> bytes:
    """An empty line is no row, but in one column a missing value."""
    if width == 1:
        return body
    if b'"' not in body and any(pair in body for pair in (b"\n\n", b"\n\r", b"\n ")):
        body = re.sub(rb"^[ \r]*\n", b"", body, flags=re.MULTILINE)
    return body[_BLANK.match(body).end() :].rstrip(b" \r\n")  # type: ignore[union-attr]  # it matches nothing, too


def _table(body: bytes, width: int, separator: str, source: str, reading: Reading) -> pl.DataFrame:
    """Columns x0, x1, ..., none of whose cells is lost or moved to another column."""
    import polars as pl

    names = [f"x{i}" for i in range(width)]
    body = _without_blank_lines(body, width)
    if not body:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    count = _count_rows(body, width, separator, source)
    read = partial(pl.read_csv, body, has_header=False, separator=separator)
    try:
        table = read(infer_schema_length=None, null_values=list(cells.MISSING), new_columns=names)
        commas = reading.decimal == "," or (separator == ";" and b"," in body)
        doubtful = names if commas else cells.doubtful(table, body)
    except pl.exceptions.PolarsError:  # as at a whole number of 40 digits
        count = _count_one_by_one(body, width, separator, source)
        table = read(infer_schema=False, new_columns=names)
        doubtful = names
    if table.shape != (count, width):
        raise InputError(
            f"{source} cannot be read: it has {count} rows, but {table.height} are clear; check its quotes."
        )
    if separator == ";" and not commas and reading.decimal is None:
        cells.warn_of_points(read(infer_schema=False, new_columns=names), table, source)
    if not doubtful:
        return table
    held = read(infer_schema=False, columns=[names.index(name) for name in doubtful])
    held.columns = doubtful
    decimal = decimal_of(separator, reading.decimal)
    return table.with_columns(cells.typed(held, source, decimal=decimal, alone=width == 1))


def _count_rows(body: bytes, width: int, separator: str, source: str) -> int:
    """How many rows there are; an InputError at one of another length."""
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    plain = b'"' not in body and not re.search(rb"\r(?!\n)", body)
    if plain and body.count(separator.encode()) == lines * (width - 1):  # polars refuses a row that is too long
        return lines
    return _count_one_by_one(body, width, separator, source)


def _count_one_by_one(body: bytes, width: int, separator: str, source: str) -> int:
    count, filled = 0, 0
    try:
        for row in csv.reader(io.StringIO(body.decode("utf-8"), newline=""), delimiter=separator, strict=True):
            if len(row) not in (width, 0):
                if not filled:
                    early = "end rows with as many signs if their last fields are empty; or " * (len(row) < width)
                    raise InputError(
                        f"{source} cannot be read: between signs {separator!r} its first line has {width} fields and "
                        f"the next one {len(row)}; {early}delete what stands above the table, or say what separates "
                        "its columns with --separator (separator=)."
                    )
                raise InputError(
                    f"{source} cannot be read, it may be damaged or cut short: row {count} has {len(row)} fields; "
                    f"expected {width}. It is {separator.join(row)[:_SHOWN]!r}."
                )
            count, filled = count + 1, filled + bool(row)
    except csv.Error as error:
        raise InputError(f"{source} cannot be read, it may be damaged or cut short: row {count}: {error}.") from None
    return count
