"""Signals that ask a training to end: Ctrl-C (SIGINT), and what clusters send (SIGTERM, SIGHUP)."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Signals:
    """While this is entered, signals wait for the end of a step, so that a checkpoint holds whole steps.

    A signal then goes to the handler of before: Ctrl-C is a KeyboardInterrupt, SIGTERM and SIGHUP are a
    `SystemExit(128 + number)` where the system would end the process. A further one does not wait, as a step may hang.
    Nothing is done outside the main thread, nor with a signal that is ignored.

    Args:
        together: whether other processes train too; then a signal also waits between steps, until all know of it.
        ending: whether SIGTERM and SIGHUP are handled where the system would end the process.
    """

    def __init__(self, *, together: bool = False, ending: bool = True) -> None:
        self.together, self.ending = together, ending
        self.waiting: list[int] = []
        self._patience = 2 if together else 1  # what launches processes may pass on a signal that they got already
        self._in_step = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                before = signal.getsignal(number)
                ends = before is signal.SIG_DFL and self.ending and number != signal.SIGINT
                if callable(before) or ends:
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, before in self._before.items():
                if signal.getsignal(number) == self._handle:
                    signal.signal(number, before)
        if self.waiting and kind is None:
            self._deliver(self.waiting[0])

    @contextmanager
    def step(self) -> Iterator[None]:
        """Inside, the first signal waits; unless other processes train too, it is delivered at the end."""
        self._in_step = True
        try:
            yield
        finally:
            self._in_step = False
        if self.waiting and not self.together:
            self.deliver()

    def deliver(self) -> None:
        """Now, the signal that waits, or that another process has got."""
        number = self.waiting[0] if self.waiting else int(signal.SIGTERM)
        self.waiting.clear()
        self._deliver(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.waiting.append(number)
        if len(self.waiting) > self._patience or not (self._in_step or self.together):
            self.waiting.clear()
            self._deliver(number, frame)

    def _deliver(self, number: int, frame: FrameType | None = None) -> None:
        handler = self._before.get(number)
        if callable(handler):
            handler(number, frame)
        else:
            raise SystemExit(128 + number)
