"""Words among numbers: for what was not measured, as <0.5, >50, <LOD, not detected, and any others, as ERR or refused.

Such a column is one of numbers, and each word a value of its own: those that say less lie below all numbers, those that
say more above, in their order; words that say nothing of how much lie below those, and in no range. So words keep their
shares, and numbers their order, their law and their links.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unnoise._errors import warn
from unnoise.data._written.abbreviated import abbreviated_of
from unnoise.data._written.forms import Form, nearly, plain_form
from unnoise.data._written.notations import Notation, notation_of
from unnoise.data._written.units import in_units_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

_LESS = r"<=|≤|<|less than|lower than|fewer than|below|under|up to|at most"
_MORE = r">=|≥|>|more than|greater than|higher than|above|over|at least"
_OR_LESS = r"(?:or|and) (?:less|fewer|under|below|younger)"
_OR_MORE = r"\+|plus|(?:or|and) (?:more|over|above|older|greater|up)"
_NUMBER = r"[-−+]?\d[\d.,' ]*(?:[eEdD][+-]?\d+)?"
_UNIT = r"\s*[^\d\s<>≤≥+][^\d<>≤≥+]{0,11}"
_LIMIT = (
    r"(?:the )?(?:(?:method |lower |upper )?(?:lod|loq|mdl|dl|rl|mrl|lloq|uloq|llod)|(?:lower |upper )?limit"
    r"|(?:detection|quantification)(?: limit)?|range)"
)
_BESIDE = re.compile(
    rf"(?i)(?P<sign>{_LESS}|{_MORE})\s*(?P<number>{_NUMBER})(?:{_UNIT})?"
    rf"|(?P<end>{_NUMBER})\s*(?:(?P<plus>{_OR_MORE})|(?P<minus>{_OR_LESS}))(?:{_UNIT})?"
)
_LOOKS = rf"(?i)^(?:{_LESS}|{_MORE})\s*[\d.,]|\d\s*(?:{_OR_MORE}|{_OR_LESS})"
_NAMED = re.compile(
    rf"(?i)(?P<sign>{_LESS}|{_MORE})\s*{_LIMIT}"
    r"|(?P<low>n\.?\s?d\.?|not[ -]detect(?:ed|able)|non[ -]?detects?|none detected|undetect(?:ed|able)|b\.?d\.?l\.?"
    r"|blod|bql|blq|bld|underflow|under[ -]?range|traces?|tr\.?|n\.?n\.?)"
    r"|(?P<high>aql|alq|overflow|over[ -]?range|o\.?l\.?|saturated|too numerous to count|tntc|off[ -]scale)"
)
_UNSURE = r"(?i)^(?:n\.?\s?d\.?|n\.?n\.?|tr\.?|o\.?l\.?)$"  # which say it beside other such words alone
_FEWEST, _MANY, _MOST = 3, 20, 30  # numbers that differ, as many where 50+ is a word, and the words
_MOST_OTHERS, _HALF = 5, 0.5  # words that say nothing of how much, and the least share of numbers beside them
_OTHER = r"^[^\d]*$"


@dataclass(frozen=True)
class Limits:
    """The form of the numbers of a column, and the words beside them, those that say less and more, rising.

    `others` say nothing of how much; `guess` is a word that is taken to say less, though it may mean something else.
    """

    form: Form
    less: tuple[str, ...]
    more: tuple[str, ...]
    others: tuple[str, ...] = ()
    guess: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """All words, in the order of their places."""
        return (*self.others, *self.less, *self.more)

    def places(self, low: float, high: float) -> tuple[float, ...]:
        """A number for each word, as far beyond the least and the greatest one as these lie apart, and further."""
        digits = self.form.most if isinstance(self.form, Notation) else None
        found = places_beyond(low, high, len(self.others) + len(self.less), len(self.more))
        return tuple(one if digits is None or isinstance(one, int) else round(one, digits) for one in found)


def places_beyond(low: float, high: float, below: int, above: int) -> list[float]:
    """As many numbers below the least and above the greatest one, as far apart as these are.

    >>> places_beyond(10, 12, 2, 1)
    [6, 8, 14]
    """
    span = high - low
    return [low - span * (i + 1) for i in reversed(range(below))] + [high + span * (i + 1) for i in range(above)]


def others_in(texts: pl.Series) -> list[str]:
    """The few words without digits beside many texts that differ; none where there are more of them."""
    held = texts.drop_nulls().unique(maintain_order=True)
    is_other = held.str.contains(_OTHER)
    others, rest = held.filter(is_other).to_list(), held.filter(~is_other)
    return others if others and len(rest) >= _MANY and _are_most(texts, rest, others) else []


def said_apart(label: object, words: Sequence[str], what: str = "numbers") -> None:
    """Say that words among numbers or dates are values of their own."""
    warn(
        f"Column '{label}' holds {what} beside {', '.join(map(repr, words))}, a value of its own, which lies in no "
        "range; leave its cells empty if they are missing, or declare the column category."
    )


def limits_of(texts: pl.Series) -> Limits | None:
    """Of a column of numbers and words; None of any other.

    >>> import polars as pl
    >>> found = limits_of(pl.Series(["0.7", "<0.5", "1.2", "> 50", "ND", "3.1", "<LOD"]))
    >>> found.less, found.more, str(found.form)
    (('ND', '<LOD', '<0.5'), ('> 50',), '0.0')
    >>> limits_of(pl.Series([*map(str, range(30)), "ERR"])).others
    ('ERR',)
    """
    import polars as pl

    held = texts.drop_nulls().unique(maintain_order=True)
    if len(held) <= _FEWEST or not _may_be(held):
        return None
    words, others, rest = _apart(held)
    sure = any(map(_is_sure, words))
    few = _MANY if others or not sure or any(word[:1].isdigit() for word in words) else _FEWEST
    if not 0 < len(words) + len(others) <= _MOST or len(rest) < few or not _are_most(texts, rest, others):
        return None
    one = notation_of(rest) or plain_form(rest, ".") or plain_form(rest, ",") or nearly(rest) or abbreviated_of(rest)
    form = one or in_units_of(rest)
    numbers = None if form is None else form.numbers(rest).cast(pl.Float64)
    if form is None or numbers is None or numbers.n_unique() < few:
        return None
    if not sure and (numbers < 0).any():  # what is measured in amounts has limits of detection
        words, others = [], [*others, *words]
    ranked = sorted((*rank, word) for word in words if (rank := _rank(word)) is not None)
    guess = None if sure or not words else words[0]
    return Limits(
        form, tuple(w for up, _, w in ranked if not up), tuple(w for up, _, w in ranked if up), tuple(others), guess
    )


def words_in(texts: pl.Series, marks: Sequence[str]) -> list[str]:
    """The words among numbers that are no marks for nothing, or that say of numbers how much they may be."""
    import polars as pl

    held = texts.drop_nulls().unique(maintain_order=True)
    ranked = _apart(held)[0] if _may_be(held) else []
    found = limits_of(texts.filter(~texts.is_in([mark for mark in marks if mark not in ranked])).cast(pl.String))
    return [] if found is None else list(found.words)


def like(text: str, words: Sequence[str]) -> str | None:
    """The word that is meant: typed with other blanks, capitals or signs."""
    return next((word for word in words if word == text), None) or next(
        (word for word in words if _key(word) == _key(text)), None
    )


def _may_be(held: pl.Series) -> bool:
    """Far faster than to look at all."""
    return bool((held.str.contains(_LOOKS) | ~held.str.contains(r"\d")).any())


def _apart(held: pl.Series) -> tuple[list[str], list[str], pl.Series]:
    """The words for limits, those that say nothing of how much, and the other texts."""
    words = [text for text in held.to_list() if not _begins_a_number(text) and _rank(text) is not None]
    rest = held.filter(~held.is_in(words))
    is_other = rest.str.contains(_OTHER)
    return words, rest.filter(is_other).to_list(), rest.filter(~is_other)


def _are_most(texts: pl.Series, numbers: pl.Series, others: Sequence[str]) -> bool:
    """Whether there are few words that say nothing of how much, and not in most rows."""
    if not others:
        return True
    held = texts.drop_nulls()
    return len(others) <= _MOST_OTHERS and float(held.is_in(numbers.implode()).sum()) >= _HALF * len(held)


def _begins_a_number(text: str) -> bool:
    return text[:1].isdigit() and not re.search(r"(?i)\+|[a-z]{3}", text)


def _is_sure(word: str) -> bool:
    return re.fullmatch(_UNSURE, word.strip()) is None


def _rank(word: str) -> tuple[bool, float] | None:
    """Whether it says more than all numbers, and its place among such words; None if it is none."""
    text = word.strip()
    if found := _BESIDE.fullmatch(text):
        sign = found["sign"]
        up = found["plus"] is not None if sign is None else re.fullmatch(f"(?i){_MORE}", sign) is not None
        number = _number(found["number"] or found["end"])
        return None if number is None else (up, number)
    if found := _NAMED.fullmatch(text):
        up = found["high"] is not None or (
            found["low"] is None and re.fullmatch(f"(?i){_MORE}", found["sign"]) is not None
        )
        unknown = math.inf if up else -math.inf
        return up, unknown if found["sign"] is None else math.copysign(1e300, unknown)
    return None


def _number(text: str) -> float | None:
    plain = text.strip().replace(" ", "").replace("'", "").replace("−", "-")
    if "," in plain:
        plain = plain.replace(",", "") if "." in plain or plain.count(",") > 1 else plain.replace(",", ".")
    try:
        return float(plain)
    except ValueError:
        return None


def _key(text: str) -> tuple[object, ...]:
    plain = text.strip()
    if found := _BESIDE.fullmatch(plain):
        said = found["sign"] or found["plus"] or found["minus"]
        sign = re.sub(r"\s", "", said.lower()).replace("≤", "<=").replace("≥", ">=")
        return sign, _number(found["number"] or found["end"])
    return (re.sub(r"[\s.-]", "", plain).casefold(),)
