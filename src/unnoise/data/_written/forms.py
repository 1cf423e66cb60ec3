"""Forms in which numbers are written, by their patterns, and the one that the texts of a column have."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from unnoise._errors import InputError
from unnoise.data._written.abbreviated import Abbreviated
from unnoise.data._written.degrees import Degrees
from unnoise.data._written.notations import Notation, notation_of
from unnoise.data._written.scientific import Scientific, scientific_of
from unnoise.data._written.scripts import Scripted
from unnoise.data._written.significant import Significant
from unnoise.data._written.units import SeveralUnits

if TYPE_CHECKING:
    import polars as pl

Form = Notation | Scientific | Degrees | Significant | Abbreviated | SeveralUnits | Scripted


def form(pattern: str) -> Form:
    """The form that is written so, as #,##0.00 or 0.000E+00; an InputError if there is none.

    >>> str(form("0.00")), str(form("0.000E+00"))
    ('0.00', '0.000E+00')
    """
    for kind in (Scientific, Degrees, Significant, Abbreviated, SeveralUnits, Scripted):
        with contextlib.suppress(InputError):
            return kind.of(pattern)
    return Notation.of(pattern)


def plain_form(texts: pl.Series, point: str) -> Notation | Scientific | None:
    """The form in which all these texts would be written again as they are, with this sign before decimals."""
    return notation_of(texts, point=point) or scientific_of(texts)


def nearly(texts: pl.Series) -> Notation | None:
    """A form with as many decimals as occur, where they are not steady.

    >>> import polars as pl
    >>> str(nearly(pl.Series(["0", "1.50", "2.25"])))
    '0.##'
    """
    import polars as pl

    for point in ".,":
        digits = texts.str.extract(rf"^-?(?:0|[1-9]\d*)(?:[{point}](\d{{0,9}}))?$", 0)
        if digits.null_count() == 0:
            lengths = texts.str.extract(rf"[{point}](\d*)$").fill_null("").str.len_chars().cast(pl.Int64).to_numpy()
            return Notation(point=point, least=int(lengths.min()), most=int(lengths.max()))
    return None
