"""How far a fit has come, and when it has to end."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """When to stop, and how much is done.

    Args:
        time_limit: seconds after which no further step begins, or None.
        on_step: called with the share that is done, or None.

    >>> clock = Clock(None, print)
    >>> clock.expect(4)
    >>> clock.tick(1)
    0.25
    """

    def __init__(self, time_limit: float | None, on_step: Callable[[float], None] | None) -> None:
        self.end = None if time_limit is None else time.monotonic() + time_limit
        self.on_step, self.work, self.done, self.share = on_step, 1, 0, 0.0
        self.later = 0  # work after what is expected next

    @property
    def over(self) -> bool:
        """Whether the time has passed."""
        return self.end is not None and time.monotonic() >= self.end

    def expect(self, work: int) -> None:
        """So much is left, in the units of `tick`."""
        self.work = self.done + work + self.later

    def tick(self, work: int) -> None:
        """Tell what is done."""
        self.done += work
        self.share = max(self.share, min(1.0, self.done / self.work))  # more may be left than was expected
        if self.on_step is not None:
            self.on_step(self.share)
