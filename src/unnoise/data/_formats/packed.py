"""Compressed content, which may hold far more than it seems to: never more is unpacked than memory should bear."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zipfile
from collections.abc import Callable
from typing import IO, Any

from unnoise._errors import InputError

_ALWAYS = 2**26  # bytes that any file may hold
_RATIO = 200  # of what is held to the file's size
_SHOWN = 3  # names of files


def most_bytes(size: int) -> int:
    """What a file of this size may hold."""
    return _ALWAYS + _RATIO * size


def check_held(source: object, size: int, held: int) -> None:
    """Refuse a file of `size` bytes that holds far more."""
    if held > most_bytes(size):
        raise InputError(
            f"{source} would take over {most_bytes(size) / 2**20:.0f} MB of memory, {_RATIO} times its size, so it "
            "may be damaged or made to fill memory; unpack it with another tool if you trust it."
        )


def unpacked(content: bytes, suffix: str, source: str) -> bytes:
    """What was compressed as the suffix says."""
    with SUFFIXES[suffix](io.BytesIO(content)) as file:
        held: bytes = file.read(most_bytes(len(content)) + 1)
    check_held(source, len(content), len(held))
    return held


def suffix_of(content: bytes) -> str:
    """How its first bytes say that it is packed, as ".gz"; nothing if it is not."""
    return next((suffix for magic, suffix in _MAGIC.items() if content.startswith(magic)), "")


def _zstandard(file: IO[bytes]) -> Any:
    try:
        return importlib.import_module("compression.zstd").open(file)
    except ModuleNotFoundError:
        pass
    try:
        return importlib.import_module("zstandard").open(file, "rb")
    except ModuleNotFoundError:
        raise InputError("Files of Zstandard need a library to unpack them: pip install 'unnoise[zstd]'.") from None


def _only_member(file: IO[bytes]) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    held = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
    if len(held) != 1:
        shown = ", ".join(one.filename for one in held[:_SHOWN]) + (", ..." if len(held) > _SHOWN else "")
        raise InputError(
            f"The archive holds {len(held)} files ({shown}); expected one: unpack it, and give one of them."
        )
    return archive.open(held[0])


SUFFIXES: dict[str, Callable[[IO[bytes]], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstandard,
    ".zip": _only_member,
}
_MAGIC = {b"\x1f\x8b": ".gz", b"\xfd7zXZ\x00": ".xz", b"\x28\xb5\x2f\xfd": ".zst"}
_MAGIC |= {b"BZh%d1AY" % level: ".bz2" for level in range(1, 10)}
