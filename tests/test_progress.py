"""Bars appear for long work on terminals only, on the error stream, and always go away."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

import pytest

from unnoise import _progress
from unnoise._progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """All work is long, and the terminal a common one."""
    monkeypatch.setattr(_progress, "PATIENCE", -1.0)
    for name, value in {"TERM": "xterm", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RANK", raising=False)


def shown(
    show: bool | None = None, stream: io.StringIO | None = None, fractions: tuple[float, ...] = (0.25, 0.75)
) -> str:
    """What the error stream, a terminal by default, receives while work is done."""
    stream = stream or Terminal()
    with redirect_stderr(stream), progress("baking bread", show) as update:
        for fraction in fractions:
            update(fraction, f"in the oven since {fraction}")
    return stream.getvalue()


def test_a_terminal_sees_what_is_done_and_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ("baking bread", "75%", "in the oven since 0.75"):
        assert words in shown()
    assert capsys.readouterr().out == ""


def test_nothing_is_shown_when_told_so() -> None:
    assert shown(show=False) == ""


def test_short_work_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "PATIENCE", 60.0)
    assert shown() == ""


def test_work_that_is_done_at_once_opens_no_bar() -> None:
    assert shown(fractions=(1.0,)) == ""


def test_only_the_first_of_several_processes_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    assert shown() == ""


@pytest.mark.parametrize(("show", "visible"), [(None, False), (False, False), (True, True)])
def test_a_file_gets_a_bar_only_when_asked(show: bool | None, visible: bool) -> None:
    assert ("baking bread" in shown(show, io.StringIO())) == visible


def burn_the_bread(stream: Terminal) -> None:
    with redirect_stderr(stream), progress("baking bread") as update:
        update(0.5, "in the oven")
        raise RuntimeError("burnt")


def test_an_error_closes_the_bar() -> None:
    stream = Terminal()
    with pytest.raises(RuntimeError, match="burnt"):
        burn_the_bread(stream)
    hide_cursor, show_cursor = "\x1b[?25l", "\x1b[?25h"
    assert stream.getvalue().count(hide_cursor) == stream.getvalue().count(show_cursor) == 1
