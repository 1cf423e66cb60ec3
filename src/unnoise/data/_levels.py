"""Levels of a category: found in a column, and looked up in it."""

from __future__ import annotations

from unnoise._errors import InputError
from unnoise.data._numerics import Values

Level = str | int | float | bool
SHOWN = 20  # levels in a message


def levels_of(values: Values, what: str) -> tuple[Level, ...]:
    """The levels that occur, in order, texts last; `what` names the column in a message."""
    held = values.tolist()
    if odd := [value for value in held if not isinstance(value, str | int | float)]:
        raise InputError(f"{what} holds {odd[0]}; a level of a category is a text or a number.")
    return tuple(sorted(set(held), key=lambda level: (isinstance(level, str), level)))


def indices_of(values: Values, levels: tuple[Level, ...], what: str, *, as_text: bool = False) -> list[int]:
    """The index of each value among the levels; `as_text` lets a level be given as its text, as in a shell."""
    index: dict[Level, int] = {}
    for i, level in enumerate(levels):
        if as_text:
            index |= {str(level).lower(): i} if isinstance(level, bool) else {}
            index |= {str(level): i}
        index |= {level: i}
    held = values.tolist()
    if unknown := [value for value in held if value not in index]:
        shown = ", ".join(map(str, levels[:SHOWN])) + (", ..." if len(levels) > SHOWN else "")
        raise InputError(f"{what} has no level {unknown[0]!r}; the levels are {shown}.")
    return [index[value] for value in held]


def described(levels: tuple[Level, ...]) -> str:
    """The first few levels, for a table that a person reads."""
    return ", ".join([str(level) for level in levels[:6]] + ["..."] * (len(levels) > 6))
