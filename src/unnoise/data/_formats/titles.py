"""Titles and notes above a table: which line holds the names of its columns."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence

from unnoise._errors import warn
from unnoise.data._written.cells import MISSING

_SEPARATORS = ",;\t|"
_LOOKED_AT, _MOST_ABOVE, _FEWEST = 100, 20, 2  # lines, those above the names, rows below them
_MOST, _SHOWN = 0.9, 40  # of the cells of a column of numbers, and letters of a line
_NUMBER = re.compile(r"[-+−(<>~]?[^\w\s]{0,2}\d[\d.,' :/-]*\D{0,8}")
_COMMENT = ("%", "//", "#", ";")


def above_names(rows: Sequence[Sequence[str]]) -> int:
    """How many of the first rows are titles or notes: with fewer cells than the table, or some that are empty.

    The next row holds names alone, over at least one column of numbers.

    >>> above_names([["Sales"], ["town", "sold"], ["Rome", "3"], ["Bonn", "2"]])
    1
    >>> above_names([["place", "", "money"], ["town", "zone", "sold"], ["Rome", "A", "3"], ["Bonn", "A", "2"]])
    1
    >>> above_names([["a", "b"], ["r", "1", "2"], ["s", "3", "4"]])
    0
    """
    if not rows:
        return 0
    width = len(rows[-1])
    count = next((i for i, row in enumerate(rows[: _MOST_ABOVE + 1]) if not _is_above(row, width)), 0)
    head, body = rows[count], rows[count + 1 :]
    fine = count > 0 and width > 1 and len(body) >= _FEWEST and all(len(row) == width for row in (head, *body))
    return count if fine and _are_names(head, body) else 0


def end_of_titles(table: bytes, separator: str | None, source: str) -> int:
    """Where the line of names begins; a warning says what stands above it."""
    lines = list(itertools.islice(io.BytesIO(table), _LOOKED_AT))
    text = [line.decode("utf-8") for line in lines]
    found = max(((above_names(_rows(text, sign)[0]), sign) for sign in separator or _SEPARATORS), default=(0, ""))
    count, sign = found
    if not count:
        return 0
    rows, starts = _rows(text, sign)
    warn_of_titles([sign.join(row).strip(sign) for row in rows[:count]], source)
    return sum(map(len, lines[: starts[count]]))


def warn_of_titles(lines: Sequence[str], source: str) -> None:
    """Say what is left out above the line of names."""
    if lines:
        shown = repr(lines[0][:_SHOWN])
        many = f"{len(lines)} lines such as {shown}" if len(lines) > 1 else f"The line {shown}"
        warn(f"{many} above the names of {source} {'are' if len(lines) > 1 else 'is'} left out.")


def _rows(lines: Sequence[str], separator: str) -> tuple[list[list[str]], list[int]]:
    """The cells of rows that are not empty, and the line in which each begins."""
    reader, rows, starts, start = csv.reader(iter(lines), delimiter=separator), [], [], 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                starts.append(start)
            start = reader.line_num
    except csv.Error:  # which is said where rows are counted
        return [], []
    whole = len(lines) < _LOOKED_AT
    return (rows, starts) if whole else (rows[:-1], starts[:-1])


def _is_above(row: Sequence[str], width: int) -> bool:
    """Whether it is no line of names; cells that several columns share are empty but for the first."""
    return len(row) != width or not all(row) or row[0].startswith(_COMMENT)


def _are_names(head: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether no cell is empty, missing or a number, and numbers stand below some."""
    if not all(head) or any(map(_NUMBER.fullmatch, head)) or set(head) & set(MISSING):
        return False
    columns = [[cell for cell in column if cell] for column in zip(*body, strict=True)]
    return any(cells and sum(map(_is_number, cells)) >= _MOST * len(cells) for cells in columns)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None
