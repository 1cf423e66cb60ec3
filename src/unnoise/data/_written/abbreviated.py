"""Numbers whose thousands and millions are letters, as 8.7K beside 1.2M: in which form, and back in the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from unnoise._errors import InputError
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import polars as pl

_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "b": 1e9, "bn": 1e9, "t": 1e12}  # in small letters
_LETTERS = "[kKmM]|mn|[mM]io|[bB]n?|[tT]"
_BEFORE = r"[^\d\[\]\s.,+-]{0,3}\s?"
_TEXT = rf"^(?P<sign>-?)(?P<before>{_BEFORE})(?P<body>\d+(?:\.\d+)?)(?P<blank>\s?)(?P<unit>{_LETTERS})?$"
_PATTERN = re.compile(
    rf"(?P<before>{_BEFORE})0(?:\.(?P<digits>0*#+|0+))?(?P<blank>\s?)\[(?P<units>(?:{_LETTERS})?(?:\|(?:{_LETTERS}))*)\]"
)
_MANY, _LOOKED_AT, _MOST_DECIMALS = 20, 50, 3  # numbers that differ, as fewer may be levels


@dataclass(frozen=True)
class Abbreviated:
    """How numbers with letters for their thousands are written; `str` says it as spreadsheets do.

    Args:
        before: stands before the digits.
        blank: stands before the letters.
        units: the letters, from the smallest; "" for numbers without one.
        least: decimals at least, and
        most: at most.

    >>> form = Abbreviated("$", "", ("K", "M"), 0, 1)
    >>> str(form), form.texts(np.array([8700, 1_234_567, 999_960, 12])).tolist()
    ('$0.#[K|M]', ['$8.7K', '$1.2M', '$1M', '$0K'])
    >>> Abbreviated.of(str(form)) == form
    True
    """

    before: str
    blank: str
    units: tuple[str, ...]
    least: int
    most: int

    def __str__(self) -> str:
        decimals = "0" * self.least + "#" * (self.most - self.least)
        return f"{self.before}0{'.' * bool(decimals)}{decimals}{self.blank}[{'|'.join(self.units)}]"

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        found = _PATTERN.fullmatch(pattern)
        if found is None:
            raise InputError(f"got the form {pattern!r}; expected one of numbers with letters, as 0.#[K|M]")
        digits = found["digits"] or ""
        return cls(found["before"], found["blank"], (*found["units"].split("|"),), len(digits.rstrip("#")), len(digits))

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The numbers, whole where all are; missing where a text is none. Other letters of the same sense will do."""
        import polars as pl

        parts = texts.str.strip_chars().str.extract_groups(_TEXT).struct.unnest()
        units = parts["unit"].fill_null("").str.to_lowercase().replace_strict(_FACTORS, return_dtype=pl.Float64)
        fitting = parts["before"].str.strip_chars().is_in([self.before.strip(), ""])
        bodies = (parts["sign"] + parts["body"]).cast(pl.Float64, strict=False)
        found = (bodies * units).round(_MOST_DECIMALS)
        found = found.zip_with(fitting.fill_null(False), found.clear(len(found))).alias(texts.name)
        whole = found.cast(pl.Int64, strict=False)
        return whole if (whole.cast(pl.Float64) == found).all() else found

    def texts(self, numbers: Values) -> Values:
        """The numbers as texts, an array of objects, each with the greatest letter of which it has one."""
        return np.array([self._text(float(number)) for number in numbers.tolist()], dtype=object)

    def _text(self, number: float) -> str:
        if not np.isfinite(number):
            return ""
        factors = [_FACTORS[unit.lower()] for unit in self.units]
        place = max((i for i, factor in enumerate(factors) if abs(number) >= factor), default=0)
        value = round(abs(number) / factors[place], self.most)
        if factors[place + 1 :] and value * factors[place] >= factors[place + 1]:  # 999.96 is 1k
            place, value = place + 1, value * factors[place] / factors[place + 1]
        unit = self.units[place]
        digits = f"{value:.{self.most}f}"
        if self.most > self.least:
            whole, _, decimals = digits.partition(".")
            decimals = decimals.rstrip("0").ljust(self.least, "0")
            digits = f"{whole}.{decimals}" if decimals else whole
        sign = "-" if number < 0 and value else ""
        return f"{sign}{self.before}{digits}{self.blank if unit else ''}{unit}"


def abbreviated_of(texts: pl.Series) -> Abbreviated | None:
    """The form in which all these texts would be written again as they are; None if there is none.

    >>> import polars as pl
    >>> str(abbreviated_of(pl.Series(["1.5M", "20M", *(f"{i}k" for i in range(100, 130))])))
    '0.#[k|M]'
    """
    import polars as pl

    held = texts.drop_nulls().unique(maintain_order=True)
    if len(held) <= _MANY or not held.head(_LOOKED_AT).str.contains(_TEXT).all():
        return None
    parts = held.str.extract_groups(_TEXT).struct.unnest()
    units = sorted(parts["unit"].fill_null("").unique(), key=lambda unit: _FACTORS[unit.lower()])
    before, blanks = parts["before"].unique(), parts["blank"].filter(parts["unit"].is_not_null()).unique()
    if parts["body"].null_count() or len(units) < 2 or len(before) > 1 or len(blanks) > 1:
        return None
    lengths = parts["body"].str.extract(r"\.(\d+)$").str.len_chars().fill_null(0).cast(pl.Int64).to_numpy()
    form = Abbreviated(before[0], blanks[0], tuple(units), int(lengths.min()), int(lengths.max()))
    factors = {_FACTORS[unit.lower()] for unit in units}
    same = len(factors) == len(units) and form.most <= _MOST_DECIMALS
    return form if same and form.texts(form.numbers(held).to_numpy()).tolist() == held.to_list() else None
