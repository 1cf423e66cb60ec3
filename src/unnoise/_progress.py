"""Progress bars on terminals, on the error stream, after two seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE = 2.0  # seconds before a bar appears

Update = Callable[[float, str], None]


@contextmanager
def progress(what: str, show: bool | None = None) -> Iterator[Update]:
    """Yield `update(fraction, note)`, to call with the share done, 0 to 1, and a few words.

    `show` None shows a bar if the error stream is a terminal and `speaks()`.
    """
    if not (show if show is not None else _watched() and speaks()):
        yield lambda fraction, note: None
        return
    start = time.monotonic()
    bar: Progress | None = None

    def update(fraction: float, note: str = "") -> None:
        nonlocal bar
        if bar is None and time.monotonic() - start > PATIENCE and fraction < 1:
            bar = _open(what)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=fraction, note=note)

    try:
        yield update
    finally:
        if bar is not None:
            bar.stop()


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
