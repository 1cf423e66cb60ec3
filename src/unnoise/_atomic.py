"""Write a file or a folder completely or not at all.

A temporary beside the target is flushed, then renamed, so a full disk, Ctrl-C or a power cut leaves the old content.
Its name tells the machine and the process that writes, so that the next writer removes what killed ones left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

from unnoise._errors import InputError

_PARTIAL = ".{}.partial-"  # a temporary file or folder
_ASIDE = ".{}.replaced-"  # an old folder, until the new one has its name
_MACHINE = f"{zlib.crc32(os.uname().nodename.encode()):08x}" if hasattr(os, "uname") else "elsewhere"
_WRITER = re.compile(rf"{_MACHINE}-(\d+)-")


@contextlib.contextmanager
def atomic_path(target: Path, *, follow: bool = True) -> Iterator[Path]:
    """Yield a path beside `target` that becomes the target at the end of the block.

    The block makes a file or a folder there. If it raises, the target does not change.

    Args:
        target: a file or a folder, which may exist.
        follow: whether a link at `target` stays, and what it names is replaced. Else the link itself is, as a folder
            from elsewhere may hold links to anywhere.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("1 2 3")
    >>> target.read_text()
    '1 2 3'
    """
    target = _resolved(target, follow)
    if target.exists() and not (target.is_file() or target.is_dir() or target.is_symlink()):
        raise InputError(f"{target} is a device or a pipe; expected a file or a folder.")
    _put_in_order(target)
    temporary = _beside(target, _PARTIAL)
    try:
        mode = _mode_of_new_file(target)
        yield temporary
        _flush(temporary)
        if temporary.is_file():
            temporary.chmod(mode)
        _take_the_name(temporary, target)
    except BaseException as error:
        _remove(temporary)
        if _is_disk_full(error):
            kept = f"the existing {target.name} is untouched" if target.exists() else "nothing was left behind"
            sentence = f"No space left on the disk while writing {target}; {kept}. Free some space and try again."
            raise OSError(errno.ENOSPC, sentence) from error
        raise
    _flush_folder(target.parent)


def clean_up(target: Path) -> None:
    """Restore an old folder and remove what killed processes left beside `target`, while no other writes it."""
    _put_in_order(_resolved(target, follow=False), every=True)


def _resolved(target: Path, follow: bool) -> Path:
    """Links on the way to a target are followed in any case."""
    return Path(os.path.realpath(target)) if follow else Path(os.path.realpath(target.parent)) / target.name


def _beside(target: Path, pattern: str) -> Path:
    """A free name in the same folder; some writers choose the format by the suffix."""
    writer = f"{_MACHINE}-{os.getpid()}-{secrets.token_hex(4)}"
    return target.with_name(f"{pattern.format(target.name)}{writer}{target.suffix}")


def _put_in_order(target: Path, *, every: bool = False) -> None:
    """Remove what dead writers of this target on this machine left, or `every` one; an old folder comes back."""
    partial, aside = _PARTIAL.format(target.name), _ASIDE.format(target.name)
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            prefix = next((prefix for prefix in (partial, aside) if path.name.startswith(prefix)), None)
            if prefix is None or not (every or _is_dead(path.name.removeprefix(prefix))):
                continue
            if prefix == aside and not target.exists():
                os.rename(path, target)
            else:
                _remove(path)


def _is_dead(writer: str) -> bool:
    named = _WRITER.match(writer)
    if named is None or os.name != "posix":  # elsewhere asking is not harmless
        return False
    try:
        os.kill(int(named[1]), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # of another user, or no number of a process
    return False


def _mode_of_new_file(target: Path) -> int:
    """Some writers make files private."""
    if target.is_file() and not target.is_symlink():
        return target.stat().st_mode & 0o7777
    probe = _beside(target, _PARTIAL)
    probe.touch()
    mode = probe.stat().st_mode & 0o7777
    probe.unlink()
    return mode


def _flush(path: Path) -> None:
    if path.is_dir():
        for child in path.iterdir():
            _flush(child)
        _flush_folder(path)
    else:
        with open(path, "rb+") as file:
            os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    # Windows cannot open a folder, nor some network file systems flush one.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _take_the_name(temporary: Path, target: Path) -> None:
    """An old folder is moved aside first, and restored on failure."""
    if target.is_symlink():
        os.replace(temporary, target)
        return
    if target.exists() and target.is_dir() != temporary.is_dir():
        got, wanted = ("folder", "file") if target.is_dir() else ("file", "folder")
        raise InputError(f"{target} is a {got}; expected a {wanted}. Choose another name.")
    if not target.is_dir():  # Windows replaces files alone, not even an empty folder
        os.replace(temporary, target)
        return
    aside = _beside(target, _ASIDE)
    os.rename(target, aside)
    try:
        os.rename(temporary, target)
    except BaseException:
        os.rename(aside, target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_disk_full(error: BaseException) -> bool:
    """Some writers (parquet, safetensors, numpy) report it in words only."""
    full = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    words = ("No space left on device", "Disk quota exceeded", " requested and ")  # the last: numpy
    return getattr(error, "errno", None) in full or any(word in str(error) for word in words)
