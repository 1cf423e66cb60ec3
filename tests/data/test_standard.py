"""Rows that are printed: whole, in order, and nothing when the work fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data import files
from unnoise.data.streams import appending, gathering

FIRST, SECOND = np.array([[1.5, 2.0]]), np.array([[3.0, 4.5]])
WHOLE = "x0,x1\n1.5,2.0\n3.0,4.5\n"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_blocks_are_printed_in_their_order(
    order: tuple[int, int], capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with gathering("-", 2) as put:
        for number in order:
            put(number, (FIRST, SECOND)[number])
    assert capfdbinary.readouterr().out == WHOLE.encode()
    assert list(tmp_path.iterdir()) == []


def test_one_block_and_groups_are_printed_alike(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with gathering("-", 1) as put:
        put(0, np.concatenate([FIRST, SECOND]))
    with appending("-") as append:
        append(FIRST)
        append(SECOND)
    assert capfdbinary.readouterr().out == 2 * WHOLE.encode()


def test_names_of_columns_are_printed(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with appending("-", names=["mu", "tau"]) as append:
        append(FIRST)
    assert capfdbinary.readouterr().out == b"mu,tau\n1.5,2.0\n"


def test_nothing_is_printed_when_the_work_fails(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    def fails() -> None:
        with gathering("-", 2) as put:
            put(0, FIRST)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fails()
    assert capfdbinary.readouterr().out == b""


def test_a_reader_may_stop_listening() -> None:
    code = """
import numpy as np
from unnoise.data.streams import gathering
with gathering("-", 1) as put:
    put(0, np.ones((99999, 2)))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"x0,x1\n"
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode == 0


def test_what_is_no_table_cannot_be_printed() -> None:
    files.check_writable("-")
    with pytest.raises(InputError, match=r"^- is of no type that can be written; expected .html"):
        files.check_writable("-", suffixes={".html"})
