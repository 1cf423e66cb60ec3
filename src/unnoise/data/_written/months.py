"""Months, quarters and weeks of years, names of months in other languages, 1st to 31st, periods of pandas, and back."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise.data import holes
from unnoise.data._native import Column
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

MONTHS = ("%Y-%m", "%m/%Y", "%m.%Y", "%m-%Y", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y")
QUARTERS = ("%YQ%q", "%Y-Q%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y")
WEEKS = ("%G-W%V", "%GW%V")
_NAMES = {  # of months
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
}
_ENGLISH = _NAMES["en"].split()
_BEFORE = ("%d. %B %Y", "%d %B %Y", "%d de %B de %Y", "%B %Y", "%B de %Y")
_CASES = (str.lower, str.capitalize)
NAMED = tuple(f"{pattern}@{case(code)}" for code in _NAMES for case in _CASES for pattern in _BEFORE)
ORDINALS = tuple(  # with %O for 1st, 2nd, ...
    pattern.replace("%B", month)
    for month in ("%B", "%b")
    for pattern in ("%B %O, %Y", "%O %B %Y", "%O of %B %Y", "%O %B, %Y", "%B %O %Y")
)
_ORDINAL = r"\b(\d{1,2})(?:st|nd|rd|th)\b"
SHORT = ("%b-%y", "%b %y", "%B-%y", "%B %y")  # as Excel writes months
COARSE = (*MONTHS, *QUARTERS, *WEEKS)
LIKE = (
    r"^\s*(\d{1,2}\.? )?(de )?[^\W\d_]{3,10}[ -](de )?\d{4}$|^\s*\d{4}[ -]?[QW]\d|^\s*Q\d[ /-]\d{4}$"
    r"|^\s*\d{1,2}[-./]\d{4}$|^\s*[A-Za-z]{3,9}[- ]\d{2}$|^\s*([A-Za-z]{3,9} )?\d{1,2}(st|nd|rd|th)\b.* \d{4}$"
)


def is_months(pattern: str | None) -> bool:
    """Whether a pattern says a month or a quarter, and no day."""
    says = pattern or ""
    return re.search("%-?[deOV]", says) is None and re.search(r"%[-^]?[mbBq]", says) is not None


def parsed(texts: pl.Series, pattern: str) -> pl.Series:
    """Dates, the first of what is said; missing where a text is written otherwise.

    >>> import polars as pl
    >>> parsed(pl.Series(["Q2 2024", "Q5 2024"]), "Q%q %Y").to_list()
    [datetime.date(2024, 4, 1), None]
    >>> parsed(pl.Series(["12. März 2024"]), "%-d. %B %Y@De").to_list()
    [datetime.date(2024, 3, 12)]
    """
    pattern, _, code = pattern.replace("%-", "%").partition("@")
    if code:
        texts = texts.str.replace_many(_names(code), _ENGLISH)
    if "%O" in pattern:
        texts, pattern = texts.str.replace(_ORDINAL, "$1"), pattern.replace("%O", "%d")
    if "%q" in pattern:
        quarters = re.sub("%[Yq]", lambda of: {"%Y": "(?P<y>[0-9]{4})", "%q": "(?P<q>[1-4])"}[of[0]], pattern)
        parts = texts.str.extract_groups(f"^{quarters}$").struct
        months = parts.field("q").replace({str(q): f"{3 * q - 2:02}" for q in range(1, 5)})
        texts, pattern = parts.field("y") + "-" + months, "%Y-%m"
    if "%V" in pattern:
        return (texts + "|1").str.to_date(f"{pattern}|%u", strict=False)
    if "%d" not in pattern:
        return (texts + "|01").str.to_date(f"{pattern}|%d", strict=False)
    return texts.str.to_date(pattern, strict=False)


def written(dates: pl.Series, pattern: str) -> pl.Series:
    """Dates as text.

    >>> import datetime, polars as pl
    >>> written(pl.Series([datetime.date(2024, 8, 3)]), "%-d %B %Y@fr").to_list()
    ['3 août 2024']
    >>> written(pl.Series([datetime.date(2024, 8, 3), datetime.date(2024, 8, 12)]), "%B %O, %Y").to_list()
    ['August 3rd, 2024', 'August 12th, 2024']
    """
    import polars as pl

    pattern, _, code = pattern.partition("@")
    if "%q" in pattern:
        before, after = pattern.split("%q")
        quarter = dates.dt.quarter().cast(pl.String)
        first, last = (dates.dt.to_string(part) if part else "" for part in (before, after))
        return (first + quarter + last).alias(dates.name)
    if "%O" in pattern:
        ends = dates.dt.day().map_elements(_ordinal, return_dtype=pl.String)
        parts = pl.DataFrame({"text": dates.dt.to_string(pattern.replace("%O", "|")), "day": ends})
        return parts.select(pl.col("text").str.replace("|", pl.col("day"), literal=True).alias(dates.name)).to_series()
    texts = dates.dt.to_string(pattern)
    return texts.str.replace_many(_ENGLISH, _names(code)) if code else texts


def check(pattern: str) -> bool:
    """Whether it is one of those that texts are found to have."""
    return pattern.replace("%-", "%") in (*COARSE, *NAMED, *ORDINALS, *SHORT)


def _ordinal(day: int) -> str:
    """As 1st, 2nd, 3rd, 4th, 11th."""
    return f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _names(code: str) -> list[str]:
    """In small letters, or with a large first one as the code has: de, De."""
    case = str.capitalize if code[0].isupper() else str.lower
    return [case(name) for name in _NAMES[code.lower()].split()]


def period(series: nw.Series[Any], column: Column) -> Column:
    """A column of periods of pandas, with their frequency as its unit."""
    if not column.type.startswith("period["):
        return column
    return dataclasses.replace(column, counted="period", unit=column.type[len("period[") : -1])


def ordinals(values: Any, column: Column) -> Values:
    """Periods as whole numbers, with holes."""
    import pandas as pd

    native = values.to_native() if hasattr(values, "to_native") else values
    held = pd.PeriodIndex(list(native), freq=str(column.unit))
    empty = np.asarray(held.isna())
    ordinals = np.asarray(held.asi8)
    return holes.spread(ordinals[~empty], ~empty) if empty.any() else ordinals


def period_word(number: int, column: Column) -> str:
    """A period as it is written."""
    import pandas as pd

    return str(pd.Period(ordinal=number, freq=str(column.unit)))
