"""Cases that may kill, hang or eat memory, each in a child process of its own: a case that dies takes only its child.

The parent imports unnoise once and forks, two children at a time. It must not compute with torch or polars itself,
since a fork copies none of their threads.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

GIBIBYTE = 2**30
PAUSE = 0.005  # seconds between two looks at the children


@dataclass(frozen=True)
class Case:
    """One thing to try.

    Args:
        kind: the row of the table.
        name: what is tried, so that a reader can repeat it.
        run: called in an empty folder, its working directory; returns "", or what did not hold.
        seconds: after which it is said to hang.
    """

    kind: str
    name: str
    run: Callable[[Path], str]
    seconds: float = 20.0


@dataclass
class Child:
    """A forked process that does one piece of work, watched for time and memory."""

    pid: int
    seconds: float
    started: float = field(default_factory=time.monotonic)
    baseline: int = field(default_factory=lambda: _resident(os.getpid()))

    def ended(self) -> str | None:
        """None while it runs; "" after a good end; else how it ended. Too long or too large, it is killed."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            return _described(status)
        grown = _resident(self.pid) - self.baseline
        if grown > GIBIBYTE:
            return self._killed(f"memory: {grown / GIBIBYTE:.1f} GiB more than before")
        if time.monotonic() - self.started > self.seconds * _busy():
            return self._killed(f"hang: longer than {self.seconds:g} s")
        return None

    def wait(self) -> str:
        """How it ended."""
        while (end := self.ended()) is None:
            time.sleep(PAUSE)
        return end

    def _killed(self, why: str) -> str:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return why


def fork(work: Callable[[], object], output: Path, seconds: float = 20.0) -> Child:
    """Start a child whose standard streams go to a file, where a traceback ends too."""
    sys.stdout.flush(), sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Child(pid, seconds)
    code = 70
    try:
        with open(output, "ab", buffering=0) as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
        work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    try:
        sys.stdout.flush(), sys.stderr.flush()
    except OSError:
        code = code or 120  # as Python itself
    finally:
        os._exit(code)


def outcomes(cases: Iterable[Case], scratch: Path, at_once: int = 2) -> Iterator[tuple[Case, str]]:
    """Every case with "" or what did not hold, in the order in which they end."""
    waiting, running = enumerate(cases), list[tuple[Case, Path, Child]]()
    while True:
        while len(running) < at_once and (one := next(waiting, None)) is not None:
            number, case = one
            home = scratch / f"{number:04d}"
            (home / "work").mkdir(parents=True)
            running.append((case, home, fork(lambda case=case, home=home: _judge(case, home), home / "out", 600.0)))
            running[-1][2].seconds = case.seconds
        if not running:
            return
        time.sleep(PAUSE)
        for entry in list(running):
            case, home, child = entry
            if (end := child.ended()) is not None:
                running.remove(entry)
                yield case, _verdict(home, end)
                shutil.rmtree(home, ignore_errors=True)


def _judge(case: Case, home: Path) -> None:
    os.chdir(home / "work")
    fault = case.run(home / "work")
    (home / "verdict").write_text(fault, encoding="utf-8", errors="backslashreplace")


def _verdict(home: Path, end: str) -> str:
    if (home / "verdict").is_file():
        return (home / "verdict").read_text(encoding="utf-8")
    said = (home / "out").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"{end or 'no verdict'}{': ' + said[-1] if said else ''}"


def _described(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"died of {signal.Signals(-code).name}"
    return f"exit {code}" if code else ""


def _busy() -> float:
    """How many times slower work is while others use the machine too; at least 1."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


def _resident(pid: int) -> int:
    """Bytes of memory of its own that a process holds; 0 when it has ended."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
