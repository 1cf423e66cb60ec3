"""The name "-": standard input where rows are read, and standard output where they are written, as .csv."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAME = "-"


def is_standard(path: Path | str) -> bool:
    """Whether it names standard input or output.

    >>> is_standard("-"), is_standard("-.csv")
    (True, False)
    """
    return str(path) == NAME


def suffix(path: Path | str) -> str:
    """Of a file to write, in lower case; "" is a folder.

    >>> suffix("new.CSV"), suffix("-"), suffix("images")
    ('.csv', '.csv', '')
    """
    return ".csv" if is_standard(path) else Path(path).suffix.lower()


def separator(path: Path | str) -> str | None:
    r"""What separates the fields of a file of text to write; None of another one.

    >>> separator("new.csv"), separator("new.tsv"), separator("new.npy")
    (',', '\t', None)
    """
    return {".csv": ",", ".tsv": "\t"}.get(suffix(path))


@contextlib.contextmanager
def printed() -> Iterator[Path]:
    """Yield the path of a .csv file, whose content goes to standard output when it is whole.

    A reader that has seen enough, as `head` has, may stop listening.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        yield path
        if path.exists():  # of a group of processes one has written it
            try:
                with open(path, "rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would flush it at its end
