"""Numbers with an exponent, as 1.2500E-03 or 1.5D+03: in which form, and back in the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from unnoise._errors import InputError
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import polars as pl

_TEXT = (
    r"^(?P<sign>[+-]?)(?P<first>[0-9])(?:(?P<point>[.,])(?P<digits>[0-9]*))?"
    r"(?P<letter>[EeDd])(?P<plus>[+-]?)(?P<power>[0-9]{1,3})$"
)
_PATTERN = re.compile(
    r"(?P<sign>\+?)0(?:(?P<point>[.,])(?P<digits>0*#*))?(?P<letter>[EeDd])(?P<plus>\+?)(?P<power>0{1,3})"
    r"(?P<shifted>;0\.1)?"
)
_MOST_DIGITS = 20  # as of np.savetxt, which writes 19
_LOOKED_AT = 50


@dataclass(frozen=True)
class Scientific:
    """How numbers with an exponent are written; `str` says it as spreadsheets do.

    Args:
        point: before decimals; "" where there are none.
        least: decimals at least, and
        most: at most.
        letter: before the exponent.
        plus: whether exponents of 0 and above have a sign.
        power: digits of the exponent at least.
        signed: whether numbers above 0 have a sign.
        shifted: whether 15 is 0.15E+02, as Fortran writes it.

    >>> form = Scientific(".", 4, 4)
    >>> str(form), form.texts(np.array([0.00125, -2.0])).tolist()
    ('0.0000E+00', ['1.2500E-03', '-2.0000E+00'])
    >>> Scientific.of(str(form)) == form
    True
    """

    point: str = "."
    least: int = 0
    most: int = 0
    letter: str = "E"
    plus: bool = True
    power: int = 2
    signed: bool = False
    shifted: bool = False

    def __str__(self) -> str:
        decimals = "0" * self.least + "#" * (self.most - self.least)
        exponent = f"{self.letter}{'+' * self.plus}{'0' * self.power}"
        return f"{'+' * self.signed}0{self.point}{decimals}{exponent}{';0.1' * self.shifted}"

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        found = _PATTERN.fullmatch(pattern)
        digits = (found["digits"] or "") if found else ""
        if found is None or len(digits) > _MOST_DIGITS or (found["shifted"] and not digits):
            raise InputError(f"got the form {pattern!r}; expected one of numbers with an exponent, as 0.000E+00")
        return cls(
            found["point"] or "",
            len(digits.rstrip("#")),
            len(digits),
            found["letter"],
            bool(found["plus"]),
            len(found["power"]),
            bool(found["sign"]),
            bool(found["shifted"]),
        )

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The numbers; missing where a text is none."""
        import polars as pl

        plain = texts.str.strip_chars().str.replace(",", ".", literal=True).str.replace("[dD]", "e")
        return plain.str.strip_prefix("+").cast(pl.Float64, strict=False)

    def texts(self, numbers: Values) -> Values:
        """The numbers as texts, an array of objects; digits beyond the most are rounded."""
        found = np.empty(len(numbers), dtype=object)
        found[:] = [self._text(number) for number in numbers.astype(np.float64).tolist()]
        return found

    def _text(self, number: float) -> str:
        kept = self.most - self.shifted
        body, _, power = f"{number:.{kept}E}".partition("E")
        sign = "-" if body[0] == "-" else "+" * self.signed
        digits, exponent = body.lstrip("-").replace(".", ""), int(power)
        whole, decimals = ("0", digits) if self.shifted else (digits[0], digits[1:])
        exponent += self.shifted and number != 0
        decimals = decimals[: self.least] + decimals[self.least :].rstrip("0")
        after = "-" if exponent < 0 else "+" * self.plus
        point = self.point if decimals else ""
        return f"{sign}{whole}{point}{decimals}{self.letter}{after}{abs(exponent):0{self.power}}"


def scientific_of(texts: pl.Series) -> Scientific | None:
    """The form in which all these texts would be written again as they are; None if there is none.

    >>> import polars as pl
    >>> str(scientific_of(pl.Series(["1.50D+03", "-2.25D-01"])))
    '0.00D+00'
    """
    held = texts.drop_nulls()
    if not len(held) or not held.head(_LOOKED_AT).str.contains(_TEXT).all():
        return None
    cells = held.str.extract_groups(_TEXT).struct.unnest()
    if cells["letter"].null_count():
        return None
    numbers = Scientific().numbers(held).to_numpy()
    digits, upward = cells["digits"].fill_null(""), cells["power"].str.to_integer(strict=False) >= 0
    lengths = digits.str.len_chars().to_numpy()
    letters, points, signs = (cells[part].unique().to_list() for part in ("letter", "point", "sign"))
    points = [point for point in points if point]
    if len(letters) > 1 or len(points) > 1 or not np.isfinite(numbers).all():
        return None
    shifted = bool((cells["first"] == "0").all() and (numbers != 0).any())
    plus = bool((cells["plus"].filter(upward & (cells["plus"] != "-")) == "+").all())
    power = int(cells["power"].str.len_chars().to_numpy().min())
    ends = int(lengths.min()), int(lengths.max())
    if ends[1] > _MOST_DIGITS or (shifted and not ends[1]):
        return None
    form = Scientific(points[0] if points else "", *ends, letters[0], plus, power, "+" in signs, shifted)
    return form if form.texts(numbers).tolist() == held.to_list() else None
