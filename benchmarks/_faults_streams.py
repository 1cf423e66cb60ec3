"""Command lines whose streams are closed or full, and that have no working directory and no environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from _faults_children import Case, fork
from _faults_signals import command
from _faults_verdicts import DONE, judged


def commanded(home: Path, surround: Callable[[Path], object], allowed: tuple[str, ...], work: Path) -> str:
    """Sample on the command line, in bad surroundings."""

    def sample() -> None:
        surround(work)
        command("sample", str(home / "old"), "-n", "5", "--seed", "0", "-o", str(work / "s.npy"), "--device", "cpu")

    end = fork(sample, work.parent / "said").wait()
    text = (work.parent / "said").read_text()
    if end not in allowed:
        return f"{end}: {text[-300:]}"
    if "Traceback" in text or (not end and not (work / "s.npy").is_file()):
        return f"{judged(end, text)}: {text[-200:]}"
    good = not end and (np.load(work / "s.npy") == np.load(home / "samples.npy")).all()
    return "" if end or good else f"not {DONE}"


def redirected(number: int, target: str, work: Path) -> None:
    """Send a stream somewhere else; nowhere closes it."""
    del work
    if target:
        os.dup2(os.open(target, os.O_WRONLY), number)
    else:
        os.close(number)


def broken_pipe(work: Path) -> None:
    """Nobody reads what is printed."""
    del work
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)


def without_a_folder(work: Path) -> None:
    """The working directory is deleted."""
    (work / "gone").mkdir()
    os.chdir(work / "gone")
    (work / "gone").rmdir()


def without_variables(work: Path) -> None:
    """No home, no language, no folder for temporary files."""
    del work
    os.environ.clear()
    os.environ["TMPDIR"] = "/nowhere"


def cases(home: Path) -> Iterator[Case]:
    """One of each; `home` holds a model and its samples."""
    works: dict[str, Callable[[Path], str]] = {
        "no standard output": partial(commanded, home, partial(redirected, 1, ""), ("", "exit 1")),
        "no error stream": partial(commanded, home, partial(redirected, 2, ""), ("", "exit 1")),
        "a full standard output": partial(commanded, home, partial(redirected, 1, "/dev/full"), ("exit 1", "exit 120")),
        "a pipe that nobody reads": partial(commanded, home, broken_pipe, ("exit 1", "exit 120", "died of SIGPIPE")),
        "no working directory": partial(commanded, home, without_a_folder, ("",)),
        "no environment": partial(commanded, home, without_variables, ("",)),
    }
    for name, work in works.items():
        yield Case("surroundings", name, work, seconds=90)
