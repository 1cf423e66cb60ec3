"""What an exception means on the command line: a sentence, and 2 for wrong input or 1 for a run that failed."""

from __future__ import annotations

import errno
import os
import re
import signal

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
        case KeyboardInterrupt():
            return "interrupted", 130
        case SystemExit():
            return _of_exit(error)
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _MEMORY):
        return f"there is not enough memory ({error!r}); ask for fewer rows or smaller batches", 1
    return None


def fault(error: BaseException) -> str:
    """The sentence where unnoise itself is at fault."""
    return (
        f"this is a fault of unnoise, please report it with the command ({type(error).__name__}: {error}); "
        f"{TRACEBACK}=1 in the environment shows where it happened"
    )


def ending(code: int) -> str:
    """The word for an exit code above 128, which is 128 and the number of a signal."""
    return "interrupted" if code == 128 + signal.SIGINT else "terminated"


def _of_system(error: OSError) -> tuple[str, int]:
    words = _OF_PATHS.get(error.errno or 0)
    where = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    where = _TEMPORARY.sub(r"\1", where)
    if words is None:
        return ": ".join(filter(None, (where, error.strerror or str(error) or type(error).__name__))), 1
    return (f"{where}: {words}" if where else error.strerror or words), 2


def _of_exit(error: SystemExit) -> tuple[str, int]:
    """Nothing of unnoise exits while a verb runs, but `fit` after a signal."""
    if isinstance(error.code, int) and 128 < error.code < 128 + signal.NSIG:
        return ending(error.code), error.code
    return f"stopped before the end: code that ran called sys.exit({error.code!r})", 1
