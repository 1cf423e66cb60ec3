"""Progress bars with the time left: on the error stream, on terminals only, and only after two seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds before a bar appears

Update = Callable[[float, str], None]


@contextmanager
def progress(what: str, show: bool | None = None) -> Iterator[Update]:
    """Yield `update(fraction, note)`, to call with the share of the work that is done, 0 to 1, and a few words.

    Args:
        what: the work, in words.
        show: True always shows a bar, False never; None does so if the error stream is a terminal and `speaks()`.
    """
    if not (show if show is not None else sys.stderr.isatty() and speaks()):
        yield lambda fraction, note: None
        return
    bar = _Bar(what)
    try:
        yield bar.update
    finally:
        bar.close()


def speaks() -> bool:
    """Whether this process may print: it is the first of those that were launched together."""
    return os.environ.get("RANK", "0") == "0"


class _Bar:
    """A rich bar that is made only if the work takes long."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.start = time.monotonic()
        self.bar: object | None = None

    def update(self, fraction: float, note: str = "") -> None:
        if self.bar is None and time.monotonic() - self.start > PATIENCE and fraction < 1:
            self._open()
        if self.bar is not None:
            self.bar.update(self.task, completed=fraction, note=note)  # type: ignore[attr-defined]

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}"),
        )
        bar = Progress(*columns, console=Console(stderr=True), speed_estimate_period=60, refresh_per_second=4)
        bar.start()
        self.task = bar.add_task(self.what, total=1.0, note="")
        self.bar = bar

    def close(self) -> None:
        if self.bar is not None:
            self.bar.stop()  # type: ignore[attr-defined]
