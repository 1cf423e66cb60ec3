"""Paths as a shell reads and writes them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path


def expanded(path: str | PathLike[str]) -> Path:
    """With the home of a user for a `~` at the start; as it is where there is no such user, as `~.csv` or `~1.csv`.

    >>> expanded("~.csv")
    PosixPath('~.csv')
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def typed(path: PathLike[str]) -> str:
    """As a command takes it, whose options begin with a dash; one alone is standard input or output.

    >>> typed(Path("-x.csv"))
    './-x.csv'
    """
    words = str(path)
    return f"./{words}" if words.startswith("-") and words != "-" else words
