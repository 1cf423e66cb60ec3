"""Cells of text as numbers, where no digit is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unnoise._errors import InputError, warn

if TYPE_CHECKING:
    import polars as pl

MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A", "#NA")
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = r"^[+-]?\d+$"
_LEADING_ZERO = r"^[+-]?0\d+$"
_DECIMAL_COMMA = r"^[+-]?\d*,?\d+$"
_LIKE_A_NUMBER = r"^[$€£¥(+-]*\s*\d[\d,_' .]*([eEdD][+-]?\d+)?\s*[%$€£¥)]*$"
_SEVERAL_NUMBERS = r"^[+-]?[\d.]+([eE][+-]?\d+)?(\s+[+-]?[\d.]+([eE][+-]?\d+)?)+$"
_MOST = 0.9  # of the values of a text that may look like numbers


def doubtful(table: pl.DataFrame, body: bytes) -> list[str]:
    """The columns that polars may have misread: text may be padded numbers, and whole numbers may lose their digits."""
    import polars as pl

    kinds: tuple[type[pl.DataType], ...] = (pl.String, pl.Int128)
    if pl.Int64 in table.dtypes and _has_leading_zeros(body):
        kinds = (*kinds, pl.Int64)
    return [name for name, kind in table.schema.items() if kind in kinds]


def _has_leading_zeros(body: bytes) -> bool:
    """Whether a 0 stands before a digit and after none: far faster than a pattern."""
    letters = np.frombuffer(b"\n" + body + b"\n", dtype=np.uint8)
    digits = (letters - ord("0")) < 10
    zeros = (letters[1:-1] == ord("0")) & digits[2:] & ~digits[:-2] & (letters[:-2] != ord("."))
    return bool(zeros.any())


def typed(cells: pl.DataFrame, path: Path, *, decimal_comma: bool, alone: bool) -> pl.DataFrame:
    """Whole numbers of up to 64 bits, floats, booleans, and text, such as digits with a leading zero.

    Args:
        cells: columns x0, x1, ... of text.
        path: where they are from.
        decimal_comma: whether 1,5 may be 1.5.
        alone: whether the file has one column only.
    """
    import polars as pl

    every = pl.all()
    cells = cells.with_columns(every.str.strip_chars())
    cells = cells.with_columns(pl.when(every.is_in(MISSING)).then(None).otherwise(every).name.keep())
    filled = _which(cells, every.count() > 0)
    if alone and filled and _which(cells, every.str.contains(_SEVERAL_NUMBERS).all()):
        line = cells.to_series().drop_nulls()[0]
        raise InputError(f"{path} holds several numbers in a line, as {line!r}; separate them by commas.")
    if decimal_comma:
        commas = _which(cells, every.str.contains(_DECIMAL_COMMA).all() & every.str.contains(",", literal=True).any())
        cells = cells.with_columns(pl.col(commas).str.replace(",", ".", literal=True))
    found = dict(_cast(cells.select(filled), pl.Float64))
    whole = cells.select(_which(cells.select(list(found)), every.str.contains(_WHOLE).all()))
    zeros = _which(whole, every.str.contains(_LEADING_ZERO).any())
    digits = whole.drop(zeros).with_columns(every.str.strip_prefix("+"))
    integers = dict(_cast(digits, pl.UInt64)) | dict(_cast(digits, pl.Int64))
    found = {name: column for name, column in found.items() if name not in whole.columns} | integers
    text = cells.select([name for name in filled if name not in found])
    booleans = _which(text, every.is_in(list(_BOOLEAN)).all())
    found |= {name: text[name].replace_strict(_BOOLEAN, return_dtype=pl.Boolean) for name in booleans}
    return cells.with_columns(list(found.values()))


def _which(cells: pl.DataFrame, condition: pl.Expr) -> list[str]:
    """The columns of which it holds."""
    return [name for name, holds in cells.select(condition).to_dict(as_series=False).items() if holds[0]]


def _cast(cells: pl.DataFrame, kind: type[pl.DataType]) -> Iterator[tuple[str, pl.Series]]:
    """The columns of which every value is one of this type."""
    cast = cells.cast(kind, strict=False)
    counts = zip(cells.null_count().row(0), cast.null_count().row(0), strict=True) if cells.width else ()
    return ((column.name, column) for column, (before, after) in zip(cast, counts, strict=True) if before == after)


def warn_of_numbers(table: pl.DataFrame, path: Path) -> None:
    """Numbers that are written otherwise would be modelled as levels without a word."""
    import polars as pl

    names = [name for name, kind in table.schema.items() if kind == pl.String]
    text = pl.DataFrame({str(i): table[name] for i, name in enumerate(names)})  # a name may be a pattern of polars
    every = pl.all()
    like = every.str.contains(_LIKE_A_NUMBER).sum() >= _MOST * every.count()
    said = (every.count() > 0) & like & ~every.str.contains(_LEADING_ZERO).any()
    for column in _which(text, said) if names else ():
        shown = text[column].drop_nulls()
        odd = shown.filter(shown.cast(pl.Float64, strict=False).is_null())
        example = next(iter(odd if len(odd) else shown))
        warn(
            f"Column '{names[int(column)]}' of {path} is text, such as {example[:40]!r}, but {_MOST:.0%} "
            "or more of its values look like numbers; write all as plain numbers, of up to 64 bits, to model them so.",
        )
