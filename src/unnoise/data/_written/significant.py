"""Numbers of a few significant digits, as 6.33e-05, 0.271 and 1.88e+12: as `%.3g` writes them, or without exponents."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from unnoise._errors import InputError
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import polars as pl

_PATTERN = re.compile(r"%([.,])([1-9])([gf])")
_TEXT = r"^[+-]?(\d+)(?:[.,](\d+))?(?:[eE][+-]?\d+)?$"
_MOST_DIGITS, _GRID, _FAR = 9, 6, 1e300  # of rounded ones; decimals of numbers on a grid of their own; beyond all


@dataclass(frozen=True)
class Significant:
    """How numbers of as many digits are written; `str` says it as C does.

    Args:
        digits: at most, without zeros at their ends.
        point: before decimals.
        exponent: whether large and small ones have one.

    >>> form = Significant(3)
    >>> str(form), form.texts(np.array([6.3341875e-05, 0.2714, 1.8811e12, 12.0])).tolist()
    ('%.3g', ['6.33e-05', '0.271', '1.88e+12', '12'])
    >>> Significant(3, exponent=False).texts(np.array([6.3341875e-05, 188123.0])).tolist()
    ['0.0000633', '188000']
    """

    digits: int
    point: str = "."
    exponent: bool = True

    def __str__(self) -> str:
        return f"%{self.point}{self.digits}{'g' if self.exponent else 'f'}"

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        found = _PATTERN.fullmatch(pattern)
        if found is None:
            raise InputError(f"got the form {pattern!r}; expected one of significant digits, as %.3g")
        return cls(int(found[2]), found[1], found[3] == "g")

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The numbers; missing where a text is none."""
        import polars as pl

        plain = texts.str.strip_chars().str.replace(",", ".", literal=True).str.strip_prefix("+")
        return plain.cast(pl.Float64, strict=False)

    def texts(self, numbers: Values) -> Values:
        """The numbers as texts, an array of objects."""
        return np.array([self._text(number) for number in numbers.astype(np.float64).tolist()], dtype=object)

    def _text(self, number: float) -> str:
        text = f"{number:.{self.digits}g}"
        if not self.exponent and "e" in text:
            text = np.format_float_positional(float(text), trim="-")
        return text.replace(".", self.point)


def significant_of(texts: pl.Series, point: str) -> Significant | None:
    """The form in which all these texts would be written again as they are, of numbers on no grid of decimals.

    >>> import polars as pl
    >>> str(significant_of(pl.Series(["1.27e-12", "0.0123", "820"]), "."))
    '%.3g'
    """
    import polars as pl

    parts = texts.str.extract_groups(_TEXT).struct.unnest()
    if not len(texts) or parts["1"].null_count():
        return None
    digits = parts.select(
        pl.when(pl.col("2").is_null()).then(pl.col("1").str.strip_chars_end("0")).otherwise(pl.col("1") + pl.col("2"))
    ).to_series()
    most = int(digits.str.strip_chars_start("0").str.len_chars().to_numpy().max())
    values = Significant(1).numbers(texts).to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        on_grid = bool(((np.round(values, _GRID) == values) | (np.abs(values) > _FAR)).all())
    if not 0 < most <= _MOST_DIGITS or on_grid:
        return None
    forms = [Significant(most, point, exponent) for exponent in (True, False)]
    return next((form for form in forms if form.texts(values).tolist() == texts.to_list()), None)
