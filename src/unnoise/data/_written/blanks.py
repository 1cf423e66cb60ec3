"""Numbers with a unit behind a blank in some texts alone, as 5 kg beside 7kg: read alike, written as most are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unnoise.data._written.notations import Notation, notation_of
from unnoise.data._written.units import SeveralUnits, in_units_of

if TYPE_CHECKING:
    import polars as pl

_BESIDE = r"^([^\d\s]*)(\s*)(-?\d[\d.,]*)(\s*)([^\d\s.,].*)?$"
_LOOKED_AT = 50


def blanks_of(texts: pl.Series) -> Notation | SeveralUnits | None:
    """The form that the texts would have with as many blanks as most of them; None where that is none, or all have it.

    >>> import polars as pl
    >>> str(blanks_of(pl.Series([*(f"{i} kg" for i in range(20)), "20kg", "3kg"])))
    '0 kg'
    """
    import polars as pl

    held = texts.drop_nulls()
    if not len(held) or not held.head(_LOOKED_AT).str.contains(_BESIDE).all():
        return None
    parts = held.str.extract_groups(_BESIDE).struct.unnest()
    if parts["3"].null_count() or (parts["2"].n_unique() == 1 and parts["4"].n_unique() == 1):
        return None
    before, behind = (_most(parts, blank, beside) for blank, beside in (("2", "1"), ("4", "5")))
    first = pl.when(pl.col("1") == "").then(pl.lit("")).otherwise(pl.col("1") + pl.lit(before))
    last = pl.when(pl.col("5").is_null()).then(pl.lit("")).otherwise(pl.lit(behind) + pl.col("5"))
    tidy = parts.select(pl.concat_str(first, "3", last).alias("x")).to_series()
    return None if tidy.equals(held.alias("x")) else notation_of(tidy) or in_units_of(tidy)


def _most(parts: pl.DataFrame, blank: str, beside: str) -> str:
    """What most have between the number and what stands there."""
    import polars as pl

    there = parts.filter((pl.col(beside) != "") & pl.col(beside).is_not_null())[blank]
    return str(there.value_counts(sort=True)[blank][0]) if len(there) else ""
