"""In which order levels stand that are declared ordered: as it is said, by the numbers in them, or by known words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from unnoise._errors import InputError, warn
from unnoise.data.base import Level

SIGN = " < "  # between levels whose order is said
_LOW = re.compile(r"^(?:[<≤]=?|under|below|less than|up to|at most)\s*", re.IGNORECASE)
_HIGH = re.compile(
    r"^(?:[>≥]=?|over|above|more than|at least)\s*|\s*(?:\+|plus|(?:and|or) (?:more|over|above|older))$", re.IGNORECASE
)
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
_NUMBER = re.compile(r"(?:(?<![\w)\]])-)?\d+(?:\.\d+)?")  # what stands behind a number is a dash
_SCALES = tuple(
    words.split("|")
    for words in (
        "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec",
        "january|february|march|april|may|june|july|august|september|october|november|december",
        "mon|tue|wed|thu|fri|sat|sun",
        "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
        "xxs|xs|s|m|l|xl|xxl|xxxl",
        "tiny|small|medium|large|huge",
        "very low|low|medium|high|very high",
        "none|mild|moderate|severe",
        "very poor|poor|fair|good|very good|excellent",
        "never|rarely|sometimes|often|always",
        "strongly disagree|disagree|neutral|agree|strongly agree",
        "very dissatisfied|dissatisfied|neutral|satisfied|very satisfied",
        "a+|a|a-|b+|b|b-|c+|c|c-|d+|d|d-|e|f",
        "i|ii|iii|iv|v|vi|vii|viii|ix|x|xi|xii",
    )
)


def arranged(
    name: str, levels: Sequence[Level], *, kind: str, said_of: Mapping[str, str], typed: Mapping[str, Sequence[Level]]
) -> tuple[Level, ...]:
    """The levels of a column in the order that is said of it, or that its type has; or, if ordered, the natural one."""
    if name in said_of:
        return said(said_of[name], levels, name)
    if name in typed:
        return tuple(sorted(levels, key=list(typed[name]).index))
    return natural(levels, name) if kind == "ordered" else tuple(levels)


def is_said(kind: object) -> bool:
    """Whether a kind is an order of levels.

    >>> is_said("S < M < L"), is_said("ordered")
    (True, False)
    """
    return isinstance(kind, str) and SIGN in kind


def said(kind: str, levels: Sequence[Level], name: str) -> tuple[Level, ...]:
    """The levels in the order that a kind says, which may have more; an InputError where it lacks one.

    >>> said("S < M < L", ("L", "S"), "size")
    ('S', 'L')
    """
    order = [level.strip() for level in kind.split(SIGN)]
    if lacking := [level for level in levels if str(level) not in order]:
        raise InputError(f"The order of '{name}', {kind}, lacks the level {lacking[0]!r}; expected all of them.")
    return tuple(sorted(levels, key=lambda level: order.index(str(level))))


def natural(levels: Sequence[Level], name: str) -> tuple[Level, ...]:
    """The levels by the numbers in them, or as known words stand; else by the alphabet, with a warning.

    >>> natural(("0-9", "10-19", "100+", "20-29", "<0"), "age")
    ('<0', '0-9', '10-19', '20-29', '100+')
    >>> natural(("L", "M", "S", "XL"), "size")
    ('S', 'M', 'L', 'XL')
    """
    texts = [str(level) for level in levels]
    if all(not isinstance(level, str) for level in levels):
        return tuple(levels)
    scale = next((s for s in _SCALES if {text.strip().lower() for text in texts} <= set(s)), None)
    if scale is not None:
        return tuple(sorted(levels, key=lambda level: scale.index(str(level).strip().lower())))
    bands = [_band(text) for text in texts]
    if all(numbers for _, numbers in bands) and len({before for before, _ in bands}) == 1:
        places = sorted(range(len(levels)), key=lambda place: bands[place][1])
        return tuple(levels[place] for place in places)
    if len(levels) > 2 and max(map(len, texts)) > 1:
        shown = SIGN.join(texts[:5]) + (f"{SIGN}..." if len(texts) > 5 else "")
        warn(
            f"The levels of '{name}' are ordered by the alphabet, {shown}; if that is wrong, say their order for a "
            f"kind: --column '{name}=low < middle < high' (kinds={{'{name}': 'low < middle < high'}})."
        )
    return tuple(levels)


def _band(text: str) -> tuple[str, tuple[float, ...]]:
    """What stands before the first number; and that, -1 below it or 1 above, and the others."""
    bare = _GROUPED.sub("", text.strip())
    rank = -1 if _LOW.search(bare) else 1 if _HIGH.search(bare) else 0
    bare = _HIGH.sub("", _LOW.sub("", bare))
    first = _NUMBER.search(bare)
    if first is None:
        return bare, ()
    numbers = [float(number) for number in _NUMBER.findall(bare)]
    return bare[: first.start()], (numbers[0], rank, *numbers[1:])
