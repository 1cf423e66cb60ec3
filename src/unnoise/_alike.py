"""Levels that are probably one: other capitals or blanks, or other words for yes and no."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from unnoise._errors import warn

_TRUE = "true t yes y on 1 1.0 ja j oui o vrai si sì sí sim verdadero vero wahr да истина ✓ ✔"
_FALSE = "false f no n off 0 0.0 nein non faux não nao falso falsch нет ложь ✗ ✘"
_WORDS = {**dict.fromkeys(_TRUE.split(), True), **dict.fromkeys(_FALSE.split(), False)}
_SHOWN = 4  # levels


def plain(word: str) -> str:
    """The word in small letters, marks joined to them, with single blanks.

    >>> plain(" New  YORK ")
    'new york'
    """
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


def truth_of(word: str) -> bool | None:
    """What a word for true or false says, in any capitals.

    >>> truth_of("YES"), truth_of("nein"), truth_of("maybe")
    (True, False, None)
    """
    return _WORDS.get(plain(word))


def alike(levels: Sequence[str]) -> list[list[str]]:
    """Groups of levels that read the same; else, where all are words for yes and no, those that say the same.

    >>> alike(["Male", "female", "male"]), alike(["Y", "Yes", "No", "1"]), alike(["a", "b"])
    ([['Male', 'male']], [['Y', 'Yes', '1']], [])
    """
    groups: dict[object, list[str]] = {}
    for level in levels:
        groups.setdefault(plain(level), []).append(level)
    truths = {level: truth_of(level) for level in levels}
    if set(truths.values()) == {True, False}:
        groups = {truth: [level for level in levels if truths[level] is truth] for truth in (True, False)}
    return [group for group in groups.values() if len(group) > 1]


def warn_of_alike(name: str, levels: Sequence[object]) -> None:
    """Say which levels of a column are probably one, as it is modelled with all of them."""
    found = alike([level for level in levels if isinstance(level, str)])
    if not found:
        return
    shown = "; ".join(", ".join(map(repr, group[:_SHOWN])) for group in found[:2])
    more = ", ..." if len(found) > 2 or any(len(group) > _SHOWN for group in found[:2]) else ""
    warn(
        f"Column '{name}' holds levels that may be one ({shown}{more}), and are modelled as different ones; write them "
        "alike if they are, or declare it category."
    )
