"""Files that are either wholly written or not touched at all.

What is written goes to a temporary beside the target, is flushed to the disk, and only then takes the
target's name in one step. Whoever reads the target sees the old content or the new one, never a half; a full
disk, Ctrl-C or a power cut costs the new file and not the old one. A target may also be a folder, exchanged
as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from unnoise._errors import InputError

_PARTIAL = ".{}.partial-"  # a temporary that is being written
_ASIDE = ".{}.replaced-"  # an old folder, in the moment in which a new one takes its name


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a free path beside `target`; what the block wrote there becomes the target when it ends well.

    The block may create a file or a folder at the path. If it raises, the temporary is removed and the target
    stays as it was. A full disk is reported as an `OSError` that says so.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("1 2 3")
    >>> target.read_text()
    '1 2 3'
    """
    target = Path(os.path.realpath(target))  # a link stays a link, and what it points to is written
    if target.exists() and not (target.is_file() or target.is_dir()):
        raise InputError(f"{target} is a device or a pipe, which cannot be replaced; name a file.")
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
            raise OSError(errno.ENOSPC, _disk_full_sentence(target)) from error
        raise
    _flush_folder(target.parent)


def clean_up(target: Path) -> None:
    """Repair what a killed process left beside `target`: a folder that had stepped aside, temporaries.

    Only for the target's sole writer: another process's unfinished temporary would be dropped as well.
    """
    target = Path(os.path.realpath(target))
    if not target.parent.is_dir():
        return
    for path in sorted(target.parent.iterdir()):
        if path.name.startswith(_ASIDE.format(target.name)) and not target.exists():
            os.rename(path, target)
        elif path.name.startswith((_ASIDE.format(target.name), _PARTIAL.format(target.name))):
            _remove(path)


def _beside(target: Path, pattern: str) -> Path:
    """A free name in the same folder. It keeps the suffix, by which some writers choose the format."""
    return target.with_name(f"{pattern.format(target.name)}{secrets.token_hex(4)}{target.suffix}")


def _mode_of_new_file(target: Path) -> int:
    """The permissions the target has, or that a plain `open` would give it; some writers make it private."""
    if target.is_file():
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
    # Windows cannot open a folder, some network file systems cannot flush one; the content is safe by then.
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _take_the_name(temporary: Path, target: Path) -> None:
    """One rename; a folder in the way steps aside first, and comes back if the rename fails."""
    if target.exists() and target.is_dir() != temporary.is_dir():
        got, wanted = ("folder", "file") if target.is_dir() else ("file", "folder")
        raise InputError(f"{target} is a {got}, where a {wanted} is to be written; choose another name.")
    if not (target.is_dir() and any(target.iterdir())):
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
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_disk_full(error: BaseException) -> bool:
    """Whether space ran out; compiled writers (parquet, safetensors, numpy) lose the number of the error."""
    full = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
    words = ("No space left on device", "Disk quota exceeded", " requested and ")  # the last: numpy
    return getattr(error, "errno", None) in full or any(word in str(error) for word in words)


def _disk_full_sentence(target: Path) -> str:
    kept = f"the existing {target.name} is untouched" if target.exists() else "nothing was left behind"
    return f"No space left on the disk while writing {target}; {kept}. Free some space and try again."
