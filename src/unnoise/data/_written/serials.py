"""Texts that name rows by a pattern, as PAT-0001, S12_A or 3f2a-9c: what it is, and others of it that no row has.

Kept are the letters that all rows share, and where a stretch of numbers lies that none of them has; no text of any row.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from unnoise.data._checked import check

_DIGITS = string.digits
_LETTERS = (string.ascii_uppercase, string.ascii_lowercase)
_OTHERS = ("abcdef", "ABCDEF", *_LETTERS, "".join(_LETTERS))
_MIXED = tuple(_DIGITS + letters for letters in _OTHERS)
_HERE = "\0"  # stands in a form for the number
_MOST_FORMS, _FEWEST = 26, 2  # words around a number that differ, and the rows that each stands in
_LONGEST = 100  # letters of a text
_DENSE = 2  # times as far as there are rows may numbers reach that count them
_GOLDEN = (math.sqrt(5) - 1) / 2  # of a stretch: steps that spread any number of texts over it
_LARGE = 2**62  # numbers of a stretch that are enough


@dataclass(frozen=True)
class Serial:
    """A pattern, and the numbers that are free in it.

    Args:
        forms: what stands around the number, which has a NUL for its place.
        places: the letters of each of its places, from the left.
        padded: whether small numbers begin with zeros.
        first: the first of a stretch of free numbers,
        room: as many as there are, and
        beyond: from where all others are free; None where there are no more.

    >>> found = serial_of(["PAT-0001", "PAT-0002", "PAT-0003"])
    >>> [found.text(i) for i in range(2)]
    ['PAT-0004', 'PAT-0005']
    """

    forms: tuple[str, ...]
    places: tuple[str, ...]
    padded: bool
    first: int
    room: int
    beyond: int | None

    def __post_init__(self) -> None:
        fine = all(form.count(_HERE) == 1 and len(form) <= _LONGEST + 1 for form in self.forms) and self.forms
        check(bool(fine), "forms", self.forms, "texts with a place for a number")
        check(0 < len(self.places) <= _LONGEST and all(self.places), "places", self.places, "the letters of each")
        check(self.first >= 0 and self.room >= 0, "first, room", (self.first, self.room), "whole numbers from 0")
        check(self.beyond is None or self.beyond >= 0, "beyond", self.beyond, "a whole number from 0")

    def number(self, i: int) -> int | None:
        """The i-th free number; None where there are no more."""
        if i >= self.room:
            return None if self.beyond is None else self.beyond + i - self.room
        return self.first + i * self.stride % self.room

    def text(self, i: int) -> str | None:
        """The i-th text that no row has; None where there are no more."""
        number = self.number(i)
        if number is None:
            return None
        form = self.forms[i % len(self.forms)]
        return form.replace(_HERE, _written(number, self.places, self.padded))

    @cached_property
    def stride(self) -> int:
        """A step that comes to every number of the stretch, as it has no divisor in common with its size."""
        step = max(1, int(min(self.room, _LARGE) * _GOLDEN))
        while math.gcd(step, self.room) > 1:
            step += 1
        return step


def serial_of(texts: Sequence[str]) -> Serial | None:
    """The pattern that all texts have: one number in few forms, or as many signs of the same sorts; None without one.

    >>> serial_of(["Ada Lovelace", "Bo Diddley"]) is None
    True
    """
    if not texts or max(map(len, texts)) > _LONGEST or any(_HERE in text for text in texts):
        return None
    return _counted(texts) or _coded(texts)


def _counted(texts: Sequence[str]) -> Serial | None:
    """One run of digits that differs, and few words around it."""
    runs = [re.split(r"([0-9]+)", text) for text in texts]
    if len({len(parts) for parts in runs}) != 1:
        return None
    varied = [place for place in range(1, len(runs[0]), 2) if len({parts[place] for parts in runs}) > 1]
    if len(varied) != 1:
        return None
    place = varied[0]
    forms = Counter("".join([*parts[:place], _HERE, *parts[place + 1 :]]) for parts in runs)
    if len(forms) > _MOST_FORMS or (len(forms) > 1 and min(forms.values()) < _FEWEST):
        return None
    held = [parts[place] for parts in runs]
    width = max(map(len, held))
    padded = len({*map(len, held)}) == 1 or any(text[0] == "0" and len(text) > 1 for text in held)
    numbers = sorted({int(text) for text in held})
    beyond = numbers[-1] + 1
    if padded and any(len(text) < width and text[0] == "0" for text in held):  # 01 beside 001
        return None
    first, room = beyond, 0
    if beyond - numbers[0] > _DENSE * len(texts):
        first, room = _widest(numbers)
    return Serial(tuple(sorted(forms)), (_DIGITS,) * width, padded, first, room, beyond)


def _coded(texts: Sequence[str]) -> Serial | None:
    """As many signs in all texts, of a sort at each place, digits and letters among those that differ."""
    if len({*map(len, texts)}) != 1:
        return None
    places = [{*signs} for signs in zip(*texts, strict=True)]
    sorts = _sorts(places)
    varied = [sort for sort in sorts if sort is not None and len(sort) > 1]
    if None in sorts or not any(_DIGITS in sort for sort in varied) or {*varied} == {_DIGITS}:
        return None
    kept = [sort or "" for sort in sorts]
    numbers = sorted({_read(text, kept) for text in texts})
    end = math.prod(map(len, kept))
    first, room = _widest([-1, *numbers, end])
    return Serial((_HERE,), tuple(kept), True, first, room, None) if room else None


def _sorts(places: Sequence[set[str]]) -> list[str | None]:
    """The letters that may stand at each place; None where they are of no sort, as in names."""
    mixed = [signs for signs in places if len(signs) > 1 and _sort(signs, (_DIGITS, *_LETTERS)) is None]
    together = _sort(set().union(*mixed), _MIXED) if mixed else None
    found: list[str | None] = []
    for signs in places:
        if len(signs) == 1:
            found.append(next(iter(signs)))
        elif together is not None and signs <= set(together):
            found.append(together)
        else:
            found.append(_sort(signs, (_DIGITS, *_LETTERS)))
    return found


def _sort(signs: set[str], sorts: Sequence[str]) -> str | None:
    return next((sort for sort in sorts if signs <= set(sort)), None)


def _widest(numbers: Sequence[int]) -> tuple[int, int]:
    """The first number of the widest stretch between rising ones, and how many there are."""
    gaps = [(after - before - 1, before + 1) for before, after in itertools.pairwise(numbers)]
    room, first = max(gaps, key=lambda gap: gap[0])
    return first, room


def _read(text: str, places: Sequence[str]) -> int:
    number = 0
    for sign, sort in zip(text, places, strict=True):
        number = number * len(sort) + sort.index(sign)
    return number


def _written(number: int, places: Sequence[str], padded: bool) -> str:
    """The number in these places, and before them if it is too large."""
    signs = []
    for sort in reversed(places):
        number, digit = divmod(number, len(sort))
        signs.append(sort[digit])
    text = "".join(reversed(signs))
    if number:
        return f"{number}{text}"
    return text if padded else text.lstrip("0") or "0"
