"""Rows on standard output, whose name is "-", as .csv."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from unnoise._paths import is_standard as is_standard
from unnoise._paths import suffix as suffix


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
