"""Cells of text as numbers, where no digit is lost."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data._written import dates
from unnoise.data._written.abbreviated import abbreviated_of
from unnoise.data._written.blanks import blanks_of
from unnoise.data._written.limits import limits_of, others_in, words_in
from unnoise.data._written.notations import MEASURE, notation_of
from unnoise.data._written.scripts import scripted_of
from unnoise.data._written.several import form_of
from unnoise.data._written.units import in_units_of

if TYPE_CHECKING:
    import polars as pl

    from unnoise.data._formats.reading import Reading

MISSING = (
    *("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A", "#NA"),
    *("#N/A N/A", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN"),
    *("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"),  # of Excel
)
PERHAPS = ("NA", "None", "nan", "NaN", "null", "NULL")  # missing, though in one column alone they may be a value
_MARKS = {  # missing where all else is numbers or dates, in any capitals and among any signs, as n.a. or (missing)
    *(
        "na",
        "nan",
        "nat",
        "null",
        "none",
        "nil",
        "missing",
        "unknown",
        "undefined",
        "empty",
        "blank",
        "nodata",
        "novalue",
    ),
    *(
        "notavailable",
        "notapplicable",
        "notknown",
        "notreported",
        "nd",
        "nr",
        "ka",
        "keineangabe",
        "unbekannt",
        "fehlt",
    ),
    *("inconnu", "manquant", "desconocido", "sindato", "sindatos", "onbekend", "sconosciuto"),
}
_NO_DAY = r"^0{2,4}[-/.]00[-/.]0{2,4}( 00:00:00)?$"  # as MySQL writes it
BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_UNSEEN = "\u200b\u200e\u200f\u2060\ufeff"  # signs without width
_WHOLE = r"^[+-]?\d+$"
_POWER = r"^\d+[eE]\d{1,2}$"
_LEADING_ZERO = r"^[+-]?0\d+$"
_MONTH = r"^(0[1-9]|1[0-2])\.(19|20)\d\d$"  # which would be 1.201 of 01.2010
_TOTAL = r"(?i)^(grand |sub)?(total|totals|sum|summe|gesamt|insgesamt|somme|suma|totale)\b"
_WRITTEN_PHONE = r"^\+\d[\d ()/.-]{6,}$"
_LONG = r"\d{16}"
_PHONE = r"^\+\d{7,}$"
_COMMA = r"^[+-]?((\d{1,3}(\.\d{3})+|\d+)(,\d+)?|,\d+)([eE][+-]?\d+)?$"  # 1.234,50
_POINT = r"^[+-]?((\d{1,3}(,\d{3})+|\d+)(\.\d+)?|\.\d+)([eE][+-]?\d+)?$"  # 1,234.50
_BOTH = r"\d\.\d{3},\d"
_THREES_COMMA = r"^[+-]?[1-9]\d{0,2},\d{3}$"
_THREES_POINT = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
_FORTRAN = r"^[+-]?(\d+\.\d*|\.\d+)([eEdD][+-]?\d+)?$"  # 1.5D+03
_DATE = r"^\d{1,4}\.\d{1,2}\.\d{1,4}"
_LIKE_A_NUMBER = r"^[$€£¥(\[<>≤≥~≈+-]*\s*\d[\d,_' .]*([eEdD][+-]?\d+)?\s*(±\s*[\d.,]+)?[%$€£¥)\]*]*$"
_SEVERAL_NUMBERS = r"^[+-]?[\d.]+([eE][+-]?\d+)?(\s+[+-]?[\d.]+([eE][+-]?\d+)?)+$"
_FORMS = (notation_of, abbreviated_of, limits_of, in_units_of, scripted_of, form_of, blanks_of)
_LEVELS, _SHOWN = 100, 60  # most texts that may be levels, and letters of a note
_FEWEST, _CLOSE = 5, 1e-9  # rows of which the last may be totals or nothing, and how near these are to sums
_MOST, _HALF, _MANY = 0.9, 0.5, 20  # shares of the values of a text that may look like numbers, and how many do


def doubtful(table: pl.DataFrame, body: bytes) -> list[str]:
    """The columns that polars may have misread: text may be padded numbers, and whole numbers may lose their digits."""
    import polars as pl

    kinds: tuple[type[pl.DataType], ...] = (pl.String, pl.Int128)
    if pl.Int64 in table.dtypes and (b"+" in body or _has_leading_zeros(body)):
        kinds = (*kinds, pl.Int64)
    if pl.Float64 in table.dtypes and re.search(rb"\b0[1-9]\.(19|20)[0-9]{2}\b", body):
        kinds = (*kinds, pl.Float64)
    return [name for name, kind in table.schema.items() if kind in kinds]


def _has_leading_zeros(body: bytes) -> bool:
    """Whether a 0 stands before a digit and after none: far faster than a pattern."""
    letters = np.frombuffer(b"\n" + body + b"\n", dtype=np.uint8)
    digits = (letters - ord("0")) < 10
    zeros = (letters[1:-1] == ord("0")) & digits[2:] & ~digits[:-2] & (letters[:-2] != ord("."))
    return bool(zeros.any())


def stripped(cells: pl.DataFrame) -> pl.DataFrame:
    """Text without blanks around it, and without the words for missing."""
    import polars as pl

    every = pl.all()
    cells = cells.with_columns(every.str.strip_chars().str.strip_chars(_UNSEEN))
    return cells.with_columns(pl.when(every.is_in(MISSING)).then(None).otherwise(every).name.keep())


def typed(cells: pl.DataFrame, source: str, *, decimal: str, alone: bool) -> pl.DataFrame:
    """Whole numbers of up to 64 bits, floats, booleans, and text, such as digits with a leading zero.

    Args:
        cells: columns x0, x1, ... of text.
        source: where they are from.
        decimal: the sign before fractions, "." or ",", after which the other one groups thousands; or "maybe ." where
            a comma makes no number, ";" where it is a decimal sign, and "maybe ," where it may be.
        alone: whether the file has one column only.
    """
    import polars as pl

    every = pl.all()
    cells = stripped(cells)
    filled = _which(cells, every.count() > 0)
    if alone and filled and _which(cells, every.str.contains(_SEVERAL_NUMBERS).all()):
        line = cells.to_series().drop_nulls()[0]
        raise InputError(
            f"{source} holds several numbers in a line, as {line!r}, but not as many in each; separate them by commas."
        )
    fortran = _which(cells, every.str.contains(_FORTRAN).all() & every.str.contains("[dD]").any())
    cells = cells.with_columns(pl.col(fortran).str.replace("[dD]", "e"))
    cells = _in_points(cells, source, decimal)
    months = _which(cells, every.str.contains(_MONTH).all() & every.str.starts_with("0").any())
    found = dict(_cast(cells.select(filled).drop(months, strict=False), pl.Float64))
    whole = cells.select(_which(cells.select(list(found)), every.str.contains(_WHOLE).all()))
    zeros = _which(whole, every.str.contains(_LEADING_ZERO).any() | every.str.contains(_PHONE).all())
    digits = whole.drop(zeros).with_columns(every.str.strip_prefix("+"))
    integers = dict(_cast(digits, pl.UInt64)) | dict(_cast(digits, pl.Int64))
    found = {name: column for name, column in found.items() if name not in whole.columns} | integers
    text = cells.select([name for name in filled if name not in found])
    booleans = _which(text, every.is_in(list(BOOLEAN)).all())
    found |= {name: text[name].replace_strict(BOOLEAN, return_dtype=pl.Boolean) for name in booleans}
    return cells.with_columns(list(found.values()))


def _in_points(cells: pl.DataFrame, source: str, decimal: str) -> pl.DataFrame:
    """Numbers with a decimal comma, or with signs between thousands, as 1234.5."""
    import polars as pl

    every = pl.all()
    has_comma = every.str.contains(",", literal=True)
    if decimal == ".":
        names = _which(cells, every.str.contains(_POINT).all() & has_comma.any())
        return cells.with_columns(pl.col(names).str.replace_all(",", "", literal=True))
    if decimal == "maybe .":
        return cells
    names = _which(cells, every.str.contains(_COMMA).all() & has_comma.any())
    threes = _which(cells.select(names), every.filter(has_comma).str.contains(_THREES_COMMA).all())
    points = _which(
        cells, every.str.contains(_THREES_POINT).any() & every.str.contains(_COMMA).all() & ~has_comma.any()
    )
    if decimal == "maybe ,":
        names = [name for name in names if name not in threes]
    elif decimal == "," or (decimal == ";" and _which(cells.select(names), every.str.contains(_BOTH).any())):
        names += points  # which group thousands, as in 1.234,50
    elif threes or (names and points):
        told = (threes or points)[0]
        warn(
            f"{source} holds numbers such as {cells[told].drop_nulls()[0]}, which is read with "
            f"{'a comma' if threes else 'a point'} before its fraction; pass --decimal {'.' if threes else ','} "
            f"(decimal='{'.' if threes else ','}') if the sign groups thousands."
        )
    points_out = pl.col(names).str.replace_all(".", "", literal=True)
    return cells.with_columns(points_out.str.replace(",", ".", literal=True))


def is_changed(column: pl.Series, cells: pl.DataFrame) -> bool:
    """Whether the numbers of a column would be written otherwise than in their cells, as 1.50 or 01."""
    import polars as pl

    return column.dtype.is_numeric() and not column.cast(pl.String).eq_missing(cells[column.name]).all()


def without_marks(
    table: pl.DataFrame, names: Sequence[str], source: str, reading: Reading, decimal: str = "maybe ."
) -> pl.DataFrame:
    """The table with holes for '?' among words, and for signs or words like '-' and n.a. among numbers or dates.

    A warning says so. Columns that stay text have holes for '?' alone, where that is said to be missing.
    """
    import polars as pl

    marked: dict[str, list[str]] = {}
    for column, name in zip(table.columns, names, strict=True):
        marks, plainly = marks_of(table[column], name, reading, decimal)
        if marks:
            plain = pl.when(pl.col(column).is_in(marks)).then(None).otherwise(pl.col(column)).alias(column)
            found = table.select(plain)
            table = table.with_columns(typed(found, source, decimal=decimal, alone=False) if plainly else found)
            for mark in marks:
                marked.setdefault(mark, []).append(name)
    warn_of_marks(marked, source)
    return table


def marks_of(series: pl.Series, name: str, reading: Reading, decimal: str) -> tuple[list[str], bool]:
    """The texts of a column that are read as missing, and whether all others are plain numbers."""
    import polars as pl

    if series.dtype != pl.String or name in reading.text - reading.marked:
        return [], False
    marks = [mark for mark in marks_in(series) if mark == "?" or name not in reading.text]
    known = reading.words.get(name)
    limits = list(known) if known else words_in(series, marks) if marks else []
    marks = [mark for mark in marks if mark not in limits]
    rest = series.filter(~series.is_in([*marks, *limits])).drop_nulls() if marks else series.head(0)
    if not marks or (len(rest) == 0 and not known and name not in reading.text):
        return [], False
    open_to = name not in reading.text | reading.levels
    numbers = open_to and are_numbers(rest, decimal)
    in_a_form = open_to and any(found(rest) for found in (abbreviated_of, in_units_of, scripted_of))
    if numbers or notation_of(rest) or in_a_form or (open_to and are_dates(rest)):
        return marks, numbers and not limits
    return (["?"] if "?" in marks and rest.str.contains(r"[\pL\d]").all() else []), False


def are_numbers(texts: pl.Series, decimal: str) -> bool:
    """Whether all are, with the sign before fractions as in `typed`."""
    import polars as pl

    if texts.cast(pl.Float64, strict=False).null_count() == 0:
        return True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return typed(texts.to_frame(), "", decimal=decimal, alone=False).to_series().dtype.is_numeric()


def marks_in(texts: pl.Series) -> list[str]:
    """The texts that say that nothing is known, where they stand among numbers or dates.

    >>> import polars as pl
    >>> marks_in(pl.Series(["1", "-", "n.a.", "low", "(Missing)", "3+"]))
    ['-', 'n.a.', '(Missing)']
    """
    held = texts.drop_nulls().unique(maintain_order=True)
    letters = held.str.replace_all(r"[^\pL\d]", "").str.to_lowercase()
    said = letters.is_in([*_MARKS, ""]) | held.is_in([r"\N"]) | held.str.contains(_NO_DAY)
    return held.filter(said & (held != "")).to_list()


def says_missing(text: str) -> bool:
    """Whether a word that is typed says that nothing is known, where it is no value.

    >>> says_missing("NA"), says_missing("Missing"), says_missing(".."), says_missing("low")
    (True, True, False, False)
    """
    letters = "".join(filter(str.isalnum, text)).lower()
    return text in MISSING or letters in _MARKS


def are_dates(texts: pl.Series) -> bool:
    """Whether all are but a few words, said by nobody."""
    texts = texts.filter(~texts.is_in(others_in(texts)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return len(texts) > 0 and dates.pattern_of(texts, "") is not None


def warn_of_marks(marked: Mapping[str, Sequence[str]], source: str) -> None:
    """Which marks are read as missing, and in which columns."""
    for mark, held in marked.items():
        shown = ", ".join(f"'{name}'" for name in held[:5]) + (", ..." if len(held) > 5 else "")
        warn(f"{mark!r} is read as missing in {shown} of {source}; replace it there if it means something else.")


def _which(cells: pl.DataFrame, condition: pl.Expr) -> list[str]:
    """The columns of which it holds."""
    return [name for name, holds in cells.select(condition).to_dict(as_series=False).items() if holds[0]]


def _cast(cells: pl.DataFrame, kind: type[pl.DataType]) -> Iterator[tuple[str, pl.Series]]:
    """The columns of which every value is one of this type."""
    cast = cells.cast(kind, strict=False)
    counts = zip(cells.null_count().row(0), cast.null_count().row(0), strict=True) if cells.width else ()
    return ((column.name, column) for column, (before, after) in zip(cast, counts, strict=True) if before == after)


def warn_of_numbers(table: pl.DataFrame, names: Sequence[str], source: str, text: Collection[str]) -> None:
    """Numbers that are written otherwise would be modelled as levels without a word."""
    import polars as pl

    columns = zip(table, names, strict=True)
    told = [(series, name) for series, name in columns if series.dtype == pl.String and name not in text]
    cells = pl.DataFrame({str(i): series for i, (series, _) in enumerate(told)})  # a name may be a pattern of polars
    every = pl.all()
    numbers = every.str.contains(_LIKE_A_NUMBER)
    varied = every.filter(numbers).n_unique() > _MANY  # as measurements are, and levels such as 1, 2, 3+ are not
    like = (numbers.sum() >= _MOST * every.count()) | ((numbers.sum() >= _HALF * every.count()) & varied)
    in_units = every.str.contains(MEASURE)
    like |= (in_units.sum() >= _MOST * every.count()) & (every.filter(in_units).n_unique() > _MANY)
    codes = (
        every.str.contains(f"{_LEADING_ZERO}|{_DATE}|{_PHONE}|{_MONTH}").any()
        | every.str.contains(_WRITTEN_PHONE).all()
    )
    for column in _which(cells, (every.count() > 0) & like & ~codes) if told else ():
        shown = cells[column].drop_nulls()
        if any(found(shown) for found in _FORMS):  # of which the model says how it reads them
            continue
        odd = shown.filter(shown.cast(pl.Float64, strict=False).is_null())
        words = odd.filter(~odd.str.contains(f"{_LIKE_A_NUMBER}|{MEASURE}"))
        example = next(iter(words if len(words) else odd if len(odd) else shown))
        share = _MOST if len(words) <= (1 - _MOST) * len(shown) else _HALF
        hint = "; if a comma is in them, --decimal says what it means" if "," in example else ""
        warn(
            f"Column '{told[int(column)][1]}' of {source} is text, such as {example[:40]!r}, but {share:.0%} "
            f"or more of its values look like numbers; write all as plain numbers, of up to 64 bits, to model them so"
            f"{hint}.",
        )


def warn_of_digits(texts: pl.Series, name: str) -> None:
    """Say that numbers are texts, as in frames and .json, of which nobody can tell whether they are codes."""
    import polars as pl

    held = texts.drop_nulls().unique(maintain_order=True)
    held = held.filter(~held.is_in(MISSING))
    codes = held.str.contains(f"{_LEADING_ZERO}|{_PHONE}|{_LONG}").any()
    if len(held) > _MANY and not codes and held.cast(pl.Float64, strict=False).null_count() == 0:
        warn(
            f"Column '{name}' holds numbers as text, such as {held[0]!r}, and is modelled as text; turn it into "
            "numbers, or declare it category if that is meant."
        )


def warn_of_versions(column: pl.Series, cells: pl.Series, name: str) -> None:
    """Say that texts such as 3.1 and 3.10 have become one number, as where they are levels."""
    import polars as pl

    held = pl.DataFrame({"text": cells, "number": column}).unique().drop_nulls()
    if len(held) > _LEVELS:
        return
    held = held.filter(pl.col("text").str.contains(r"^\d+\.\d*[1-9]0*$")).sort("number", "text")
    several = held.group_by("number", maintain_order=True).agg("text").filter(pl.col("text").list.len() > 1)
    if len(several):
        one, other = several["text"][0][:2]
        warn(
            f"Column '{name}' holds {one} and {other}, which are read as one number; declare it category "
            f"(--column {name}=category) if they are two things, as versions are."
        )


def warn_of_codes(cells: pl.Series, name: str) -> None:
    """Say that whole numbers with exponents alone, as 5E3, are numbers, as codes of plates and grids look alike."""
    held = cells.drop_nulls()
    powers = held.filter(held.str.contains(_POWER))
    if len(powers) and held.str.contains(rf"{_POWER}|{_WHOLE}").all():
        warn(
            f"Column '{name}' holds {powers[0]}, which is read as the number {float(powers[0]):g}; declare it category "
            f"(--column {name}=category) if such texts are codes."
        )


def warn_of_points(cells: pl.DataFrame, table: pl.DataFrame, source: str) -> None:
    """Say that 9.395 has been read as a fraction, where no comma tells what points mean and all may group thousands."""
    import polars as pl

    floats = cells.select([name for name, kind in table.schema.items() if kind == pl.Float64])
    points = pl.all().str.contains(".", literal=True)
    threes = pl.all().str.strip_chars().str.contains(rf"{_THREES_POINT}|^[+-]?\d{{1,3}}$|^$").all()
    if doubtful := _which(floats, threes & points.any()):
        value = floats[doubtful[0]].filter(floats[doubtful[0]].str.contains(".", literal=True))[0]
        warn(
            f"{source} holds numbers such as {value}, which is read with a point before its fraction; pass --decimal , "
            "(decimal=',') if the sign groups thousands."
        )


def notes_below(table: pl.DataFrame, decimal: str) -> int:
    """How many of the last rows hold nothing but one text, where all that stands above it are numbers, or nothing."""
    import polars as pl

    if table.width < 2 or len(table) < _FEWEST:
        return 0
    count = _last_of(table.select(pl.sum_horizontal(pl.all().is_not_null().cast(pl.Int64))).to_series() <= 1)
    rows, below = table.head(len(table) - count), table.tail(count)
    held = [name for name in table.columns if below[name].count()]
    if not held or len(rows) < _FEWEST:
        return 0
    texts = [
        table[name].dtype == pl.String and below[name].cast(pl.Float64, strict=False).count() == 0 for name in held
    ]
    over = [rows[name].count() > 0 and are_numbers(rows[name].drop_nulls(), decimal) for name in held]
    said = any(marks_in(below[name]) for name in held if table[name].dtype == pl.String)  # n.a. is a hole
    return count if all(texts) and all(over) and not said else 0


def warn_of_the_end(table: pl.DataFrame, source: str) -> None:
    """Say that the last rows may be no data: totals, and notes or nothing below them, as spreadsheets have them."""
    import polars as pl

    filled = table.select(pl.sum_horizontal(pl.all().is_not_null().cast(pl.Int64))).to_series()
    ends = (_last_of(filled <= most) for most in (1, 0)) if table.width > 1 and len(table) >= _FEWEST else iter(())
    count = next(filter(None, ends), 0)
    rows, below = table.head(len(table) - count), table.tail(count)
    notes = [cell for name in table.columns for cell in below[name].drop_nulls() if cell not in rows[name]]
    if notes and isinstance(notes[0], str):
        warn(
            f"The last rows of {source} look like notes ({notes[0][:_SHOWN]!r}), but are read as data ({count}); "
            "delete them if they are some."
        )
    elif count and filled.tail(count).sum() == 0:
        warn(
            f"The last rows of {source} hold nothing ({count}), and are read as rows of missing values; delete them if "
            "they are none."
        )
    total = _total_of(rows)
    if total is not None:
        which = "The last row above them" if count else f"The last row of {source}"
        warn(f"{which} looks like totals ({total}), but is read as data; delete it if it is one.")


def _last_of(few: pl.Series) -> int:
    """How many of the last rows have few values, if no other row has."""
    count = int(few.sum())
    return count if 0 < count < len(few) and bool(few.tail(count).all()) else 0


def _total_of(table: pl.DataFrame) -> str | None:
    """What says that the last row holds totals: a word that no other row has, or that it is the sum of all others."""
    import polars as pl

    if len(table) < _FEWEST:
        return None
    last, rows = table.tail(1), table.head(-1)
    words = [last[name][0] for name, kind in table.schema.items() if kind == pl.String]
    total = next((word for word in words if word is not None and re.search(_TOTAL, word)), None)
    if total is None or any(total in rows[name] for name in table.columns if table.schema[name] == pl.String):
        return "the sums of the others" if _is_sum(last, rows) else None
    return str(total)


def _is_sum(last: pl.DataFrame, rows: pl.DataFrame) -> bool:
    import polars as pl

    names = [name for name, kind in rows.schema.items() if kind in (pl.Int64, pl.Float64) and last[name][0] is not None]
    columns = [(rows[name].cast(pl.Float64).fill_null(0).to_numpy(), float(last[name][0])) for name in names]
    with np.errstate(over="ignore", invalid="ignore"):  # such sums are no numbers, and so no totals
        sums = [(float(values.sum()), end, float(np.abs(values).max())) for values, end in columns]
    return bool(sums) and all(np.isfinite(a) and abs(a - b) <= _CLOSE * abs(a) and abs(b) > most for a, b, most in sums)
