"""What is said of a column that may still have several values: ranges and sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import instance, real
from unnoise._errors import InputError
from unnoise.data._checked import check_distinct
from unnoise.data._numerics import Values
from unnoise.data.holes import Mask


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, with both ends; None is open. Those `without` are none, but stand for words.

    Numbers that come round after a `turn` are also those that lie so many turns away: 350 to 10 is -10 to 10.

    >>> age = Range(30, None)
    >>> str(age), age.holds(np.array([29, 30, 31])).tolist()
    ('at least 30', [False, True, True])
    """

    low: float | None
    high: float | None
    without: tuple[float, ...] = ()
    turn: float | None = None

    def __post_init__(self) -> None:
        real(or_none=True, low=self.low, high=self.high)
        if self.low is not None and self.high is not None and self.low > self.high and self.turn is None:
            raise InputError(f"got the range {self.low} to {self.high}; expected low at most high")

    def holds(self, values: Values) -> Mask:
        """Which values of a column lie in it."""
        inside: Mask = ~np.isin(values, self.without)
        if self.turn is not None and self.low is not None and self.high is not None:
            width = self.high - self.low
            return inside & (np.mod(values - self.low, self.turn) <= (width if width >= 0 else width % self.turn))
        if self.low is not None:
            inside &= values >= self.low
        if self.high is not None:
            inside &= values <= self.high
        return inside

    def said(self, word: Callable[[Any], Any]) -> str:
        """In words, with the ends as `word` writes them."""
        low, high = (None if end is None else word(end) for end in (self.low, self.high))
        if low is None:
            return "any number" if high is None else f"at most {high}"
        return f"at least {low}" if high is None else f"{low} to {high}"

    def __str__(self) -> str:
        return self.said(str)


class Except(frozenset[Any]):
    """Any value but these, of a column that is given; any at all where there are none."""


@dataclass(frozen=True)
class Among:
    """Any of a few values, or any others.

    >>> sex = Among(("a", "b"))
    >>> str(sex), sex.holds(np.array(["c", "a"], dtype=object)).tolist()
    ('one of a, b', [False, True])
    >>> str(Among((0,), others=True)), Among((0,), others=True).holds(np.array([0, 1])).tolist()
    ('none of 0', [False, True])
    """

    values: tuple[Any, ...]
    others: bool = False

    def __post_init__(self) -> None:
        instance(tuple, values=self.values)
        if self.values or not self.others:
            check_distinct(self.values, "values")

    def holds(self, values: Values) -> Mask:
        """Which values of a column are among them."""
        if values.dtype == object:
            inside = np.array([value in self.values for value in values.tolist()], dtype=bool)
        else:
            inside = np.isin(values, np.array(self.values, dtype=values.dtype))
        found: Mask = ~inside if self.others else inside
        return found

    def said(self, word: Callable[[Any], Any]) -> str:
        """In words, with the values as `word` writes them."""
        return f"{'none' if self.others else 'one'} of {', '.join(str(word(value)) for value in self.values)}"

    def __str__(self) -> str:
        return self.said(str)


Within = Range | Among
