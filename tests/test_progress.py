"""Bars appear for long work on terminals only, on the error stream, and always go away."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr
from types import SimpleNamespace

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


class Front:
    """A notebook, as far as a kernel sees it."""

    kernel = object()

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Front:
        assert raw
        assert display_id
        self.lines.append(content["text/plain"])
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        self.lines[-1] = content["text/plain"]


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Front:
    made = Front()
    modules = {
        "IPython": SimpleNamespace(get_ipython=lambda: made),
        "IPython.display": SimpleNamespace(display=made.display),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return made


def test_a_notebook_shows_one_line_that_changes(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now)
    seen = []
    with progress("baking bread") as update:
        for now, fraction in ((10.0, 0.25), (10.1, 0.3), (30.0, 0.75)):  # noqa: B007  # the clock reads it
            update(fraction, "in the oven")
            seen.append(front.lines[-1])
        now = 40.0
    assert len(front.lines) == 1
    assert seen[0].startswith("baking bread [########......................] 25%, 0:30 left  in the oven")
    assert seen[1] == seen[0]  # too soon
    assert "75%, 0:10 left" in seen[2]
    assert front.lines[-1] == f"{seen[2]}  (0:40 in all)"


def test_a_shell_of_ipython_is_no_notebook(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Front, "kernel", None)
    assert "baking bread" in shown()
    assert front.lines == []


def test_hours_are_told() -> None:
    assert [_progress._clock(seconds) for seconds in (6.6, 61, 3750)] == ["0:07", "1:01", "1:02:30"]
