"""Words of the command line: names, kinds, durations, and the command as it can be typed again."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from unnoise._errors import InputError
from unnoise._paths import typed


def check(typed: Iterable[str]) -> None:
    """Refuse words that are no text: empty ones, as of an unset variable of a shell, and broken ones."""
    for word in typed:
        if word == "" or re.fullmatch(r"--[\w-]+=", word):
            raise InputError(f"got {word!r}; expected a name or a value: is a variable unset?")
        if "\0" in word or not _is_text(word):
            raise InputError(f"got {word!r}, which is no UTF-8 text; rename the file or the column")


def _is_text(word: str) -> bool:
    """What the system could not decode stands in surrogates."""
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


def one_of(*choices: str) -> Callable[[str], list[str]]:
    """What a shell is told at the Tab key: those that begin as what is typed.

    >>> one_of("heun", "ddim", "dpm-solver++")("d")
    ['ddim', 'dpm-solver++']
    """

    def begun(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return begun


def names(text: str | None, option: str) -> list[str] | None:
    """NAME,NAME as a list, no name twice."""
    if text is None:
        return None
    found = text.split(",")
    if not all(found):
        raise InputError(f"got {option} {text!r}; expected NAME,NAME, as in {option} sex,age")
    return _once(found, option)


def kinds(items: list[str] | None) -> dict[str, str] | None:
    """NAMES=KIND as a dict; names with commas stay one key."""
    example = "NAMES=KIND, as in --column lat,lon=latlon"
    found = [_halves(item, item.rpartition("="), "--column", example) for item in items or []]
    _once([name for several, _ in found for name in several.split(",")], "--column")
    return dict(found) or None


def _halves(item: str, parts: tuple[str, str, str], option: str, example: str) -> tuple[str, str]:
    if not all((*parts[0].split(","), *parts[1:])):
        raise InputError(f"got {option} {item!r}; expected {example}")
    return parts[0], parts[2]


def _once(found: list[str], option: str) -> list[str]:
    for i, name in enumerate(found):
        if name in found[:i]:
            raise InputError(f"got {option} for {name!r} twice; give it once")
    return found


def duration(text: str | None) -> float | None:
    """Seconds from 90, 90s, 10m or 2h.

    >>> duration("10m")
    600.0
    """
    if text is None:
        return None
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"got the time {text!r}; expected a number of seconds, or a number with s, m or h, as in 10m")
    return seconds


def share_or_file(text: str | None) -> tuple[float | None, Path | None]:
    """A number as a share, all else as a file.

    >>> share_or_file("0.2")
    (0.2, None)
    """
    if text is None:
        return None, None
    try:
        return float(text), None
    except ValueError:
        return None, Path(text)


def command_line(*more: str, without: Collection[str] = (), program: str = "unnoise") -> str:
    """The command as typed, without the program's path and some words, and with `more` at the end."""
    kept = [word for word in sys.argv[1:] if word not in without]
    return command(*program.split(), *kept, *(word for word in more if word not in kept))


def command(*parts: object) -> str:
    """A command that a shell reads as these words.

    >>> command("unnoise", "sample", "my model")
    "unnoise sample 'my model'"
    """
    return shlex.join(typed(part) if isinstance(part, Path) else str(part) for part in parts)


def refuse(*void: tuple[bool, str]) -> None:
    """Refuse options that would change nothing: whether one is given, and what it is for, in words."""
    for given, sentence in void:
        if given:
            raise InputError(f"{sentence}; leave it out")
