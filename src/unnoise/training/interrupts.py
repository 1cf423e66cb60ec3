"""Ctrl-C waits until the step or the save at hand is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Keep the first SIGINT waiting until the block ends, then hand it to the handler that was there before.

    A second one does not wait, for a block that hangs. Outside the main thread, where Python delivers no
    signals, and where SIGINT is ignored or left to the system, the block just runs.
    """
    previous = signal.getsignal(signal.SIGINT)
    if not callable(previous) or threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append((number, frame))
        if len(waiting) > 1:
            previous(number, frame)

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if waiting:
        previous(*waiting[0])
