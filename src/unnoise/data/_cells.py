"""Cells of text as numbers, where no digit is lost."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from unnoise._errors import InputError

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


def typed(cells: pl.DataFrame, path: Path, *, decimal_comma: bool) -> list[pl.Series]:
    """Whole numbers of up to 64 bits, floats, booleans, and text, such as digits with a leading zero."""
    columns = []
    for series in cells:
        text = series.set(series.is_in(MISSING), None)
        if cells.width == 1 and text.str.contains(_SEVERAL_NUMBERS).all() and text.count():
            raise InputError(f"{path} holds several numbers in a line, as {text[0]!r}; separate them by commas.")
        columns.append(_typed(text, decimal_comma))
        if text.count() and columns[-1].dtype == text.dtype:
            _warn_of_numbers(text, path)
    return columns


def _typed(text: pl.Series, decimal_comma: bool) -> pl.Series:
    import polars as pl

    if decimal_comma and text.str.contains(",", literal=True).any() and text.str.contains(_DECIMAL_COMMA).all():
        text = text.str.replace(",", ".", literal=True)
    floats = _cast(text, pl.Float64)
    if floats is None or not text.count():
        booleans = text.replace_strict(_BOOLEAN, default=None, return_dtype=pl.Boolean)
        return booleans if text.count() and booleans.null_count() == text.null_count() else text
    if not text.str.contains(_WHOLE).all():
        return floats
    if text.str.contains(_LEADING_ZERO).any():
        return text
    digits = text.str.strip_prefix("+")
    return next((found for kind in (pl.Int64, pl.UInt64) if (found := _cast(digits, kind)) is not None), text)


def _cast(text: pl.Series, kind: type[pl.DataType]) -> pl.Series | None:
    found = text.cast(kind, strict=False)
    return found if found.null_count() == text.null_count() else None


def _warn_of_numbers(text: pl.Series, path: Path) -> None:
    """Numbers that are written otherwise would be modelled as levels without a word."""
    import polars as pl

    shown = text.drop_nulls()
    like = shown.str.contains(_LIKE_A_NUMBER).sum()
    if like >= _MOST * len(shown) and not shown.str.contains(_LEADING_ZERO).any():
        odd = shown.filter(shown.cast(pl.Float64, strict=False).is_null())
        example = next(iter(odd if len(odd) else shown))
        warnings.warn(
            f"Column '{text.name}' of {path} is text, such as {example[:40]!r}, but {like} of {len(shown)} values look "
            "like numbers; write all as plain numbers, of up to 64 bits, to model them as such.",
            UserWarning,
            stacklevel=6,  # the line that called read
        )
