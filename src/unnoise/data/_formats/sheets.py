"""Sheets of Excel: below titles, with numbers that stand as text, and as many digits as Excel has."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError, warn
from unnoise.data._formats import headers
from unnoise.data._formats.reading import Reading
from unnoise.data._formats.titles import above_names, warn_of_titles
from unnoise.data._written import cells

if TYPE_CHECKING:
    import polars as pl

_UNNAMED = r"__UNNAMED__\d+"  # as the reader calls columns without a name
_LOOKED_AT, _DIGITS = 100, 15  # rows above which titles are sought, and what Excel keeps of a number
_DECIMAL = "maybe ,"  # what a sign in a text may be
_STAMP, _MIDNIGHT, _NO_DAY = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r" 00:00:00$", r"^1899-12-3[01] "


def read_excel(content: bytes, source: str, reading: Reading) -> pl.DataFrame:
    """The first sheet, or that which is said; whole numbers, which Excel does not know, where all of a column are."""
    try:
        import fastexcel
    except ModuleNotFoundError:
        raise InputError("Files of Excel need a library to read them: pip install 'unnoise[excel]'.") from None
    logging.getLogger("fastexcel").setLevel(logging.ERROR)  # it tells of every column without values
    book = fastexcel.read_excel(content)
    sheet, has_names = _sheet(book.sheet_names, source, reading.sheet), reading.header != "no"
    options = {"header_row": _line_of_names(book, sheet, source)} if has_names else {}
    found, names = _rows(content, sheet, has_names, options)
    if found.height == 0:
        raise InputError(f"{source} holds no rows of data in its sheet {sheet!r}; --sheet (sheet=) names another.")
    if has_names and (above := headers.above_numbers(found, names, source, reading, _DECIMAL)):
        found, names = _rows(content, sheet, has_names, options | {"skip_rows": above})
    kept = [column for column, name in zip(found.columns, names, strict=True) if name in reading.text | reading.levels]
    found = _typed(found, dict(zip(found.columns, names, strict=True)), kept, source)
    names = headers.checked(names, found, source)
    found = cells.without_marks(found, names, source, reading)
    cells.warn_of_numbers(found, names, source, reading.text | reading.levels)
    cells.warn_of_the_end(found, source)
    found.columns = names
    table: pl.DataFrame = found.drop("") if "" in names else found
    return table


def _rows(content: bytes, sheet: str, has_names: bool, options: dict[str, Any]) -> tuple[pl.DataFrame, list[str]]:
    """Columns x0, x1, ... of the types that their cells have, texts where these differ, and their names."""
    import polars as pl

    told: dict[str, Any] = {"infer_schema_length": None, "raise_if_empty": False, "read_options": options}
    found = pl.read_excel(io.BytesIO(content), sheet_name=sheet, has_header=has_names, **told)
    plain = [f"x{i}" for i in range(found.width)]
    names = ["" if re.fullmatch(_UNNAMED, name) else name.strip() for name in found.columns] if has_names else plain
    found.columns = plain
    return found, list(names)


def _line_of_names(book: Any, sheet: str, source: str) -> int:
    """Which row holds the names, below titles; a warning says what stands above it, and which names stand twice."""
    told: dict[str, Any] = {"header_row": None, "skip_rows": 0, "n_rows": _LOOKED_AT, "dtypes": "string"}
    rows = book.load_sheet(sheet, **told).to_polars().rows()
    filling = [[(cell or "").strip() for cell in row] for row in rows]
    filled = [place for place, row in enumerate(filling) if any(row)]
    count = above_names([filling[place] for place in filled])
    warn_of_titles([" ".join(filter(None, filling[place])) for place in filled[:count]], source)
    start = filled[count] if filled else 0
    twice = [name for name, times in Counter(filter(None, filling[start] if filling else ())).items() if times > 1]
    if twice:
        warn(
            f"Several columns of {source} have the name {', '.join(map(repr, twice[:5]))}; the later ones are read as "
            f"{twice[0] + '_1'!r}, and so on."
        )
    return start


def _typed(found: pl.DataFrame, names: dict[str, str], kept: Sequence[str], source: str) -> pl.DataFrame:
    """With numbers, dates and times that are written as text, or with more digits than Excel knows, as such.

    Args:
        found: columns x0, x1, ...
        names: of these columns.
        kept: those that stay text.
        source: where they are from.
    """
    import polars as pl

    texts = [name for name, kind in found.schema.items() if kind == pl.String]
    held = cells.stripped(found.select(texts)) if texts else pl.DataFrame()
    plain = held.drop(kept, strict=False)
    read = cells.typed(plain, source, decimal=_DECIMAL, alone=False) if plain.width else plain
    for column in read:
        if column.dtype.is_numeric():
            example = plain[column.name].drop_nulls()[0]
            warn(
                f"Column '{names[column.name]}' of {source} holds numbers as text, such as {example!r}, and is read as "
                "numbers; declare it category if they are none."
            )
    found = found.with_columns(list(held)).with_columns(list(read))
    days = [_plain(column) for column in found if column.dtype == pl.String]
    times = [c.dt.time() for c in found if c.dtype.is_temporal() and _is_time(c)]
    numbers = [_whole(column) for column in found if column.dtype == pl.Float64]
    return found.with_columns(*days, *times, *numbers)


def _plain(texts: pl.Series) -> pl.Series:
    """Dates and times among texts without the midnight, or the day, that Excel has beside all of them."""
    stamps = texts.filter(texts.str.contains(_STAMP))
    out = next((part for part in (_NO_DAY, _MIDNIGHT) if len(stamps) and stamps.str.contains(part).all()), None)
    return texts if out is None else texts.str.replace(out, "")


def _is_time(column: pl.Series) -> bool:
    """Whether times stand on no day, which Excel counts from 1900."""
    import polars as pl

    return column.dtype == pl.Datetime and column.count() > 0 and bool((column.dt.year() < 1900).all())


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
    """Floats as whole numbers, if they are; else with the digits that Excel keeps, which noise of sums is beyond."""
    import polars as pl

    exact = bool(((column == column.round()) & (column.abs() <= 2.0**53)).all())
    if exact and column.null_count() < len(column):
        return column.cast(pl.Int64)
    rounded = [None if value is None else float(f"{value:.{_DIGITS}g}") for value in column]
    return pl.Series(column.name, rounded, dtype=pl.Float64)
