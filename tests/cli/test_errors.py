"""Which exceptions are wrong input, which a run that failed, and which a fault of unnoise."""

from __future__ import annotations

import errno
import os
import re
import signal
from pathlib import Path

import pytest
import torch

from unnoise import InputError, NonFiniteError
from unnoise.cli import errors


def of_path(number: int) -> OSError:
    return OSError(number, os.strerror(number), "x.csv")


WRONG_INPUT = {
    "got 3; expected 4": InputError("got 3; expected 4"),
    "x.csv: there is no such file or folder": of_path(errno.ENOENT),
    "out/x.csv: permission denied": OSError(errno.EACCES, "Permission denied", "out/.x.csv.partial-0a1b2c3d.csv"),
    "x.csv: permission denied": of_path(errno.EACCES),
    "x.csv: it is a folder; expected a file": of_path(errno.EISDIR),
    "x.csv: a part of this path is a file; expected a folder": of_path(errno.ENOTDIR),
    "x.csv: the name is too long for the file system": of_path(errno.ENAMETOOLONG),
    "x.csv: its links lead in a circle": of_path(errno.ELOOP),
    "x.csv: it cannot be changed, the file system is read-only": of_path(errno.EROFS),
    "what was given is nested too deeply": RecursionError("maximum recursion depth exceeded"),
    "a number that was given is too large (int too large)": OverflowError("int too large"),
    "a name or a text is not UTF-8 ('utf-8' codec can't decode byte 0xff in position 0: x); rename it or save it as "
    "UTF-8": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
}
FAILED = {
    "x.csv: No space left on device": of_path(errno.ENOSPC),
    "No space left on the disk while writing x.csv": OSError(
        errno.ENOSPC, "No space left on the disk while writing x.csv"
    ),
    "x.csv: Input/output error": of_path(errno.EIO),
    "the loss is nan": NonFiniteError("the loss is nan"),
    "there is not enough memory (MemoryError()); ask for fewer rows or smaller batches": MemoryError(),
    "stopped before the end: code that ran called sys.exit(0)": SystemExit(0),
    "stopped before the end: code that ran called sys.exit('bye')": SystemExit("bye"),
}
SIGNALS = {"interrupted": (KeyboardInterrupt(), 130), "terminated": (SystemExit(143), 143)}


@pytest.mark.parametrize(
    ("error", "sentence", "code"),
    [
        *((error, sentence, 2) for sentence, error in WRONG_INPUT.items()),
        *((error, sentence, 1) for sentence, error in FAILED.items()),
        *((error, sentence, code) for sentence, (error, code) in SIGNALS.items()),
        (SystemExit(129), "terminated", 129),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_exception_has_a_sentence_and_an_exit_code(error: BaseException, sentence: str, code: int) -> None:
    assert errors.meaning(error) == (sentence, code)


def test_what_the_system_says_of_real_paths(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file" / "x", tmp_path / ("x" * 300), tmp_path):
        with pytest.raises(OSError, match=r".") as caught:
            path.read_bytes()
        sentence, code = errors.meaning(caught.value)
        assert (sentence.startswith(f"{path}: "), code) == (True, 2)


def test_memory_that_torch_asks_for_in_vain_is_told() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    sentence, code = errors.meaning(caught.value)
    assert code == 1
    assert sentence.startswith("there is not enough memory")


@pytest.mark.parametrize("error", [KeyError("x"), ZeroDivisionError("x"), RuntimeError("x"), AssertionError("x")])
def test_all_else_is_a_fault_of_unnoise(error: Exception) -> None:
    assert errors.meaning(error) is None
    assert f"({type(error).__name__}: " in errors.fault(error)


def test_the_page_lists_the_exit_codes() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([\d, ]+) \|", page.split("## Exit codes")[1].split("\n## ")[0], re.MULTILINE)
    codes = {int(code) for row in listed for code in row.split(",")}
    known = [*WRONG_INPUT.values(), *FAILED.values(), *(error for error, _ in SIGNALS.values()), SystemExit(129)]
    assert codes == {0, *(errors.meaning(error)[1] for error in known)}


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_what_ends_a_process_is_an_exception_while_a_verb_runs(name: str, code: int) -> None:
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt) as caught, errors.signals_raised():
            signal.raise_signal(number)
        assert signal.getsignal(number) is signal.SIG_DFL
        assert errors.meaning(caught.value) == ("terminated", code)
        signal.signal(number, signal.SIG_IGN)
        with errors.signals_raised():
            signal.raise_signal(number)  # as under nohup
            assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
