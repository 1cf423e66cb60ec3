"""Whether the first line of a table holds the names of its columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from typing import TYPE_CHECKING

from unnoise._errors import InputError, warn
from unnoise.data._formats import text
from unnoise.data._formats.reading import Reading
from unnoise.data._written import cells
from unnoise.data.frames import labels_of, names_of

if TYPE_CHECKING:
    import polars as pl

_FRACTION = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+")
_MOST_ABOVE, _FEWEST, _SHOWN = 2, 5, 60  # rows of words over numbers, rows below them, letters
_ABOVE = ("stands over numbers, as units do, and is left out", "stand over numbers, as units do, and are left out")
_FEWEST_REPEATED = 10  # rows, of which none has a value of its own
_MOST = 0.9  # of the values of a column that is one of numbers
_SAY = "pass --header yes (header='yes') if the first line holds names, or no if it is data"


def names(
    first: list[str], table: pl.DataFrame, comment: str, separator: str, source: str, reading: Reading
) -> list[str]:
    """The first line, unless it is data; then the comment before it, if that names as many columns, or x0, x1, ...

    Args:
        first: the fields of the first line; the result is this list if they are names.
        table: the other lines.
        comment: the last line of comments before it.
        separator: between fields.
        source: where it is from.
        reading: what is said of the file.
    """
    if reading.header == "yes" or (reading.header == "auto" and _is_expected(first, reading.names)):
        return checked(first, table, source)
    commented = _commented(comment, separator, len(first), source)
    unnamed = commented or [f"x{i}" for i in range(len(first))]
    if reading.header == "no":
        return unnamed
    if reading.names[: len(first)] == tuple(unnamed) and not commented:
        return unnamed
    fields = first if separator == "," else [_with_point(field) for field in first]
    holed = _are_numbers_and_holes(fields, table)
    texts = [i for i, field in enumerate(fields) if not is_number(field) and field not in cells.MISSING[not holed :]]
    above = [i for i in texts if _holds_numbers(table.to_series(i))]
    again = [i for i in texts if _is_again(table, i, first[i])]
    fraction = next((field for field in fields if _FRACTION.fullmatch(field)), None)
    if above and not again:
        return checked(first, table, source)
    _check_once(first, table, source)
    plain = len(texts) == len(first) and not again
    if commented and not (plain and any(" " in name for name in commented)):
        return commented
    alone = again and any(_stands_alone(table.to_series(i)) for i in texts if i not in again)
    if alone or any(i not in again and table.to_series(i).dtype.is_numeric() for i in above):
        warn(
            f"The first line of {source} is read as names, though {first[again[0]]!r} is a value of its column; {_SAY}."
        )
        return checked(first, table, source)
    if above:
        raise InputError(
            f"The first line of {source} may be names or data, as {first[again[0]]!r} is a value of its column; {_SAY}."
        )
    if texts and not again and fraction is None:
        return checked(first, table, source)
    if not texts and first == [str(i) for i in range(len(first))]:  # as pandas writes columns without names
        return checked(first, table, source)
    why = "numbers only" if not texts else f"{first[again[0]]!r}, a value of its column" if again else f"{fraction}"
    last = len(first) - 1
    warn(
        f"The first line of {source} is read as data, as it holds {why}, so the columns are named "
        f"{'x0' if not last else f'x0 to x{last}'}; {_SAY}."
    )
    return unnamed


def _are_numbers_and_holes(fields: list[str], table: pl.DataFrame) -> bool:
    """Whether a first line is a row with holes; numbers may name columns beside one that counts the rows."""
    filled = [field for field in fields if field]
    return bool(filled) and all(map(is_number, filled)) and not (fields[0] == "" and numbers_rows(table.to_series(0)))


def lacks_a_name(first: list[str], rows: bytes, separator: str, source: str) -> bool:
    """Whether the first line has one field less than the next, as R writes it where the rows have names."""
    if not rows.strip() or len(first) < 2 or any(map(is_number, first)):
        return False
    try:
        return len(text.record(rows.lstrip(b"\r\n"), separator, source)[0]) == len(first) + 1
    except InputError:  # which is said where rows are counted
        return False


def above_numbers(table: pl.DataFrame, names: list[str], source: str, reading: Reading, decimal: str) -> int:
    """How many of the first rows are no data: words over numbers in all columns that have some, as units are."""
    found = next((count for count in range(1, _MOST_ABOVE + 1) if _are_above(table, names, count, reading, decimal)), 0)
    if found:
        shown = ", ".join(repr(cell) for cell in table.row(0) if cell is not None)[:_SHOWN]
        which = f"The first row of {source}" if found == 1 else f"The first {found} rows of {source}"
        warn(f"{which} ({shown}) {_ABOVE[found > 1]}.")
    return found


def _are_above(table: pl.DataFrame, names: list[str], count: int, reading: Reading, decimal: str) -> bool:
    import polars as pl

    head, rest = table.head(count), table.slice(count)
    if len(rest) < _FEWEST:
        return False
    words, others = 0, 0
    for column, name in zip(table.columns, names, strict=True):
        there = head[column].drop_nulls()
        if not len(there):
            continue
        if head.schema[column] != pl.String:
            return False
        held = rest[column].drop_nulls()
        textual = held.dtype == pl.String and len(held) > 0
        number = held.dtype.is_numeric() if not textual else cells.are_numbers(held, decimal)
        date = textual and not number and cells.are_dates(held)
        if name in reading.text or not (len(held) and (number or date)) or cells.marks_in(there):
            others += 1
        elif (there.str.contains(r"\d") if date else there.cast(pl.Float64, strict=False).is_not_null()).any():
            return False  # another number, or perhaps another date
        else:
            words += 1
        if there.is_in(held.implode()).any():
            return False
    return words >= max(1, 2 * (others > 0))


def checked(names: list[str], table: pl.DataFrame, source: str) -> list[str]:
    """The names, unless one is empty, with numbers behind those that stand twice.

    An empty one is left where the column numbers the rows.
    """
    nameless = [i for i, name in enumerate(names) if name == ""]
    if nameless and (nameless != [0] or len(names) == 1 or not numbers_rows(table.to_series(0))):
        raise InputError(
            f"Column {nameless[0] + 1} of {source} has no name; name it, or drop it if it only numbers the rows "
            "(pandas: to_csv(index=False)). If a title stands above the line of names, delete it."
        )
    _number(names, source)
    return names


def _number(names: list[str], source: str) -> None:
    """Put numbers behind those that stand twice, in place."""
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        names[:] = names_of(names)
        warn(
            f"Several columns of {source} have the name {', '.join(map(repr, twice[:5]))}; the later ones are read as "
            f"{twice[0] + '.1'!r}, and so on."
        )


def numbers_rows(column: pl.Series) -> bool:
    """Whether a column counts the rows from 0 or 1."""
    import polars as pl

    if not column.dtype.is_integer() or column.null_count() or not len(column):
        return False
    return column[0] in (0, 1) and bool((column.diff().drop_nulls() == 1).all()) and column.dtype != pl.Boolean


def is_number(text: str) -> bool:
    """Whether Python reads it as one."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _with_point(field: str) -> str:
    """A number with a decimal comma, as 1.234,5, as 1234.5; all else as it is."""
    return field.replace(".", "").replace(",", ".") if _DECIMAL_COMMA.fullmatch(field) else field


def _is_expected(first: list[str], names: tuple[str, ...]) -> bool:
    return bool(names) and len(set(names) & labels_of(first, names, aloud=False).keys()) > len(names) / 2


def _commented(comment: str, separator: str, width: int, source: str) -> list[str] | None:
    if separator == "\t" and "\t" not in comment:
        named = comment.split()
    else:
        named = [name.strip() for name in next(csv.reader([comment], delimiter=separator), [])]
    fine = len(named) == width > 1 and not any(map(is_number, named)) and all(named)
    if fine:
        _number(named, source)
    return named if fine else None


def _holds_numbers(column: pl.Series) -> bool:
    import polars as pl

    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return column.null_count() < len(column)
    filled = column.drop_nulls()
    return len(filled) > 0 and int(filled.cast(pl.Float64, strict=False).count()) >= _MOST * len(filled)


def _stands_alone(column: pl.Series) -> bool:
    """Whether what is no value of a column would be its only one that occurs once, of few."""
    counts = column.drop_nulls().value_counts()["count"]
    return len(column) >= _FEWEST_REPEATED and len(counts) > 0 and int(counts.to_numpy().min()) > 1


def _check_once(first: list[str], table: pl.DataFrame, source: str) -> None:
    """Refuse a line of names that stands in the table again, as in files that were put together."""
    import polars as pl

    same = pl.all_horizontal(pl.nth(i).cast(pl.String) == field for i, field in enumerate(first))
    repeats = table.select(same.fill_null(False)).to_series()
    rest = table.filter(~repeats)
    if repeats.any() and any(_holds_numbers(rest.to_series(i)) for i in range(len(first)) if not is_number(first[i])):
        row = int(repeats.arg_max() or 0)
        raise InputError(f"The line of names of {source} stands in row {row} again; drop it there.")


def _is_again(table: pl.DataFrame, index: int, field: str) -> bool:
    import polars as pl

    return bool((table.to_series(index).cast(pl.String) == field).any())
