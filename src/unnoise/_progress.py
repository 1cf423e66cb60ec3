"""Progress bars on terminals, on the error stream, and in notebooks, after two seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0  # seconds before a bar appears
WIDTH = 30  # signs of a bar in a notebook

Update = Callable[[float, str], None]


@contextmanager
def progress(what: str, show: bool | None = None) -> Iterator[Update]:
    """Yield `update(fraction, note)`, to call with the share done, 0 to 1, and a few words.

    `show` None shows a bar if the error stream is a terminal, or this is a notebook, and `speaks()`.
    """
    in_notebook = _in_notebook()
    if not (show if show is not None else (_watched() or in_notebook) and speaks()):
        yield lambda fraction, note: None
        return
    start = time.monotonic()
    bar: Progress | _Cell | None = None

    def update(fraction: float, note: str = "") -> None:
        nonlocal bar
        if bar is None and time.monotonic() - start > PATIENCE and fraction < 1:
            bar = _Cell(what, start) if in_notebook else _open(what)
        if isinstance(bar, _Cell):
            bar.show(fraction, note)
        elif bar is not None:
            bar.update(bar.task_ids[0], completed=fraction, note=note)

    try:
        yield update
    finally:
        if bar is not None:
            bar.stop()


class _Cell:
    """A line below the cell of a notebook, which its front end replaces; it needs no widgets."""

    def __init__(self, what: str, start: float) -> None:
        self.what, self.start, self.words, self.last = what, start, "", 0.0
        self.handle: Any = None

    def show(self, fraction: float, note: str) -> None:
        """Four times a second at most."""
        now = time.monotonic()
        seconds = now - self.start
        left = seconds * (1 - fraction) / fraction if fraction > 0 else None
        full = round(WIDTH * min(max(fraction, 0.0), 1.0))
        time_left = "" if left is None else f", {_clock(left)} left"
        self.words = f"{self.what} [{'#' * full}{'.' * (WIDTH - full)}] {fraction:.0%}{time_left}  {note}".rstrip()
        if self.handle is None or now - self.last >= 0.25:
            self._put(self.words)
            self.last = now

    def stop(self) -> None:
        """Leave the last line, with the time it took."""
        self._put(f"{self.words}  ({_clock(time.monotonic() - self.start)} in all)")

    def _put(self, words: str) -> None:
        from IPython.display import display

        content = {"text/plain": words}
        if self.handle is None:
            self.handle = display(content, raw=True, display_id=True)
        else:
            self.handle.update(content, raw=True)


def _clock(seconds: float) -> str:
    """As 0:07 or 1:02:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _in_notebook() -> bool:
    """Whether a kernel runs this, whose front end shows more than text; a shell of IPython is a terminal."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _watched() -> bool:
    return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()


def speaks() -> bool:
    """Whether this process is the first, which prints."""
    return os.environ.get("RANK", "0") == "0"


def _open(what: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
        console=Console(stderr=True),
        speed_estimate_period=60,
        refresh_per_second=4,
    )
    bar.start()
    bar.add_task(what, total=1.0, note="")
    return bar
