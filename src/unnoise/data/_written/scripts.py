"""Numbers in the digits of other scripts, as ۱۲٫۵, १२ or １２: in which form, and back in the same digits."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.data._written.notations import Notation, notation_of

if TYPE_CHECKING:
    import polars as pl

_ARABIC = {"٫": ".", "٬": ","}  # signs beside the digits of a script, by its zero
_SIGNS = {"٠": _ARABIC, "۰": _ARABIC, "０": {"．": ".", "，": ",", "－": "-", "％": "%"}}


@dataclass(frozen=True)
class Scripted:
    """How numbers are written in the digits of a script; `str` says it as spreadsheets do, with its zero.

    Args:
        zero: of the script, from which its digits follow on each other.
        plain: how they would be written in 0 to 9.
        signs: of the script that stand for those before decimals, between thousands, ...

    >>> form = Scripted.of("۰٫۰")
    >>> import numpy as np, polars as pl
    >>> form.numbers(pl.Series(["۱۲٫۵", "3.5"])).to_list(), form.texts(np.array([12.5])).tolist()
    ([12.5, 3.5], ['۱۲٫۵'])
    """

    zero: str
    plain: Notation
    signs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.turned(str(self.plain))

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        zero = next((sign for sign in pattern if sign != "0" and unicodedata.decimal(sign, None) == 0), None)
        if zero is None:
            raise InputError(f"got the form {pattern!r}; expected one with the zero of another script, as ۰٫۰")
        signs = tuple(sign for sign in _SIGNS.get(zero, {}) if sign in pattern)
        latin = pattern.translate({ord(sign): plain for sign, plain in _latin(zero).items()})
        found = cls(zero, Notation.of(latin), signs)
        if str(found) != pattern or any(sign.isdecimal() for sign in latin if sign != "0"):
            raise InputError(f"got the form {pattern!r}; expected digits and signs of one script")
        return found

    @cached_property
    def _own(self) -> dict[int, str]:
        """What turns 0 to 9, and signs, into those of the script."""
        known = _latin(self.zero)
        return {ord(known[sign]): sign for sign in (*_digits(self.zero), *self.signs)}

    def turned(self, text: str) -> str:
        """A text in 0 to 9 in the digits of the script."""
        return text.translate(self._own)

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The numbers, also those in 0 to 9; missing where a text is none."""
        return self.plain.numbers(_in_latin(texts, self.zero))

    def texts(self, numbers: Values) -> Values:
        """The numbers as texts, an array of objects."""
        found = self.plain.texts(numbers)
        found[:] = [self.turned(text) for text in found.tolist()]
        return found


def scripted_of(texts: pl.Series) -> Scripted | None:
    """The form in which all these texts would be written again as they are; None if there is none.

    >>> import polars as pl
    >>> str(scripted_of(pl.Series(["१२", "३", "४०"])))
    '०'
    """
    held = texts.drop_nulls().unique(maintain_order=True)
    first = held[0] if len(held) else ""
    digit = next((sign for sign in first if unicodedata.decimal(sign, None) is not None), "0")
    zero = chr(ord(digit) - unicodedata.decimal(digit))
    if zero == "0" or held.str.contains("[0-9]").any():
        return None
    latin = _in_latin(held, zero)
    plain = notation_of(latin, point=".")
    signs = tuple(sign for sign in _SIGNS.get(zero, {}) if held.str.contains(sign, literal=True).any())
    form = None if plain is None else Scripted(zero, plain, signs)
    return form if form is not None and list(map(form.turned, latin)) == held.to_list() else None


def _in_latin(texts: pl.Series, zero: str) -> pl.Series:
    known = _latin(zero)
    return texts.str.replace_many(list(known), list(known.values()))


def _latin(zero: str) -> dict[str, str]:
    """0 to 9, and signs, by those of a script."""
    return {sign: str(value) for value, sign in enumerate(_digits(zero))} | _SIGNS.get(zero, {})


def _digits(zero: str) -> list[str]:
    return [chr(ord(zero) + value) for value in range(10)]
