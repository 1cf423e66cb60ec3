"""Paths as a shell reads and writes them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

STANDARD = "-"  # standard input where rows are read, and standard output where they are written, as .csv


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


def is_standard(path: Path | str) -> bool:
    """Whether it names standard input or output.

    >>> is_standard("-"), is_standard("-.csv")
    (True, False)
    """
    return str(path) == STANDARD


def suffix(path: Path | str) -> str:
    """Of a file to write, in lower case; "" is a folder.

    >>> suffix("new.CSV"), suffix("-"), suffix("images")
    ('.csv', '.csv', '')
    """
    return ".csv" if is_standard(path) else Path(path).suffix.lower()
