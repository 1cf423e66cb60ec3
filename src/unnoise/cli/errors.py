"""What an exception means on the command line: a sentence, and 2 for wrong input or 1 for a run that failed.

The signals that clusters and closed terminals send are exceptions too, as Ctrl-C is, so that half-written files go.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
from collections.abc import Iterator
from types import FrameType

from unnoise._errors import InputError

TRACEBACK = "UNNOISE_TRACEBACK"  # set in the environment, it shows faults of unnoise in full

# What the system says of a path that the user named; all else, such as a full disk, is a run that failed.
_OF_PATHS = {
    errno.ENOENT: "there is no such file or folder",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "it cannot be changed, the file system is read-only",
    errno.EEXIST: "it exists already",
    errno.EISDIR: "it is a folder; expected a file",
    errno.ENOTDIR: "a part of this path is a file; expected a folder",
    errno.ENOTEMPTY: "the folder is not empty",
    errno.ENAMETOOLONG: "the name is too long for the file system",
    errno.ELOOP: "its links lead in a circle",
}
_TEMPORARY = re.compile(r"\.([^/]+)\.partial-[^/]*$")  # how the atomic writer names a file until it is whole
_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")  # as torch says it, in a RuntimeError


class Ended(KeyboardInterrupt):
    """A signal that ends a process; like Ctrl-C it is no error of the user's code, which may run meanwhile."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


@contextlib.contextmanager
def signals_raised() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP raise `Ended` where the system would end the process at once."""
    before = {}
    for name in ("SIGTERM", "SIGHUP"):  # Windows knows no SIGHUP
        number = getattr(signal, name, None)
        with contextlib.suppress(ValueError):  # outside the main thread
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def meaning(error: BaseException) -> tuple[str, int] | None:
    """The sentence and the exit code of an exception; None for a fault of unnoise.

    >>> meaning(InputError("got 3; expected 4"))
    ('got 3; expected 4', 2)
    >>> meaning(FileNotFoundError(2, "No such file or directory", "rows.csv"))
    ('rows.csv: there is no such file or folder', 2)
    """
    match error:
        case InputError():
            return str(error), 2
        case OSError():
            return _of_system(error)
        case UnicodeError():
            return f"a name or a text is not UTF-8 ({error}); rename it or save it as UTF-8", 2
        case RecursionError():
            return "what was given is nested too deeply", 2
        case OverflowError():
            return f"a number that was given is too large ({error})", 2
        case FloatingPointError():
            return str(error), 1
        case KeyboardInterrupt() | SystemExit():
            return _of_end(error)
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _MEMORY):
        return f"there is not enough memory ({error!r}); ask for fewer rows or smaller batches", 1
    return None


def fault(error: BaseException) -> str:
    """The sentence where unnoise itself is at fault."""
    return (
        f"this is a fault of unnoise, please report it with the command ({type(error).__name__}: {error}); "
        f"{TRACEBACK}=1 in the environment shows where it happened"
    )


def code_of_signal(end: KeyboardInterrupt | SystemExit) -> int | None:
    """The exit code, 128 and its number, of the signal that ended a verb; None where code that ran called sys.exit.

    >>> code_of_signal(KeyboardInterrupt()), code_of_signal(SystemExit(143)), code_of_signal(SystemExit(0))
    (130, 143, None)
    """
    code = getattr(end, "code", 128 + signal.SIGINT)
    return code if isinstance(code, int) and 128 < code < 128 + signal.NSIG else None


def ending(code: int) -> str:
    """The word for the exit code of a signal."""
    return "interrupted" if code == 128 + signal.SIGINT else "terminated"


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


def _of_system(error: OSError) -> tuple[str, int]:
    words = _OF_PATHS.get(error.errno or 0)
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    where = _TEMPORARY.sub(r"\1", where)
    if words is None:
        return ": ".join(filter(None, (where, error.strerror or str(error) or type(error).__name__))), 1
    return (f"{where}: {words}" if where else error.strerror or words), 2


def _of_end(end: KeyboardInterrupt | SystemExit) -> tuple[str, int]:
    """Of a signal; nothing of unnoise itself exits while a verb runs."""
    code = code_of_signal(end)
    if code is not None:
        return ending(code), code
    return f"stopped before the end: code that ran called sys.exit({getattr(end, 'code', None)!r})", 1
