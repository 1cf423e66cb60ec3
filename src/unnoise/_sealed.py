"""Files that carry their own checksum, so that no changed bit goes unseen.

The field `"checksum":"<32 hexadecimal digits>"` holds the BLAKE2b hash of the file in which those digits are zeros. It
guards against damage and mix-ups, not against forgery: whoever writes a file can seal it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import safetensors.torch
from torch import Tensor

from unnoise._atomic import atomic_path
from unnoise._checks import shown
from unnoise._errors import InputError

BLANK = "0" * 32  # stands in the field until the file is sealed
_FIELD = re.compile(rb'"checksum": ?"([0-9a-f]{32})"')
_LONGEST = 100_000_000  # bytes of a header, as in safetensors


class DamagedError(InputError):
    """A file is not what was written."""


def seal(path: Path) -> None:
    """Put the checksum of a file into its blank field.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "config.json"
    >>> _ = path.write_text('{"checksum": "' + BLANK + '", "n": 1}')
    >>> seal(path)
    >>> verify(path.read_bytes())
    """
    content = path.read_bytes()
    field = _field(content)
    with open(path, "rb+") as file:
        file.seek(field.start(1))
        file.write(_hash(content, field).encode())


def verify(content: bytes) -> None:
    """Raise a DamagedError if this is not what was sealed."""
    field = _field(content)
    if _hash(content, field) != field[1].decode():
        raise DamagedError("its checksum does not fit: it was damaged or edited after it was written")


def _field(content: bytes) -> re.Match[bytes]:
    field = _FIELD.search(content)
    if field is None:
        raise DamagedError("it has no checksum: it was damaged or edited after it was written")
    return field


def _hash(content: bytes, field: re.Match[bytes]) -> str:
    whole, start, end = memoryview(content), field.start(1), field.end(1)
    bits = hashlib.blake2b(digest_size=len(BLANK) // 2)
    for part in (whole[:start], BLANK.encode(), whole[end:]):
        bits.update(part)
    return bits.hexdigest()


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> None:
    """One sealed safetensors file, replaced as a whole; a link at its place is replaced, not followed."""
    with atomic_path(path, follow=False) as beside:
        safetensors.torch.save_file(tensors, beside, metadata={**metadata, "checksum": BLANK})
        _sort_metadata(beside)
        seal(beside)


def _sort_metadata(path: Path) -> None:
    """The library writes the texts in a random order, and equal models shall be equal files."""
    with open(path, "rb+") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        file.seek(8)
        file.write(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length))


class TensorFile:
    """An open safetensors file, of which only the header was read: nothing large is made before it is known to fit.

    Attributes:
        metadata: the texts in the header.
        shapes: of the tensors, by name.
    """

    def __init__(self, file: io.BufferedReader, sealed: str, unsealed: str) -> None:
        self._file = file
        size = os.fstat(file.fileno()).st_size
        self._start = file.read(8)
        length = int.from_bytes(self._start, "little")
        if len(self._start) < 8 or length > min(size - 8, _LONGEST):
            raise DamagedError("it is cut off, or no safetensors file")
        self._start += file.read(length)
        try:
            header = json.loads(self._start[8:])
            self.metadata: dict[str, str] = dict(header.pop("__metadata__", {}))
            self.shapes = {name: tuple(map(int, entry["shape"])) for name, entry in header.items()}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
            raise DamagedError("its header is none of a safetensors file") from None
        found = self.metadata.get("format")
        if found not in (sealed, unsealed):
            raise InputError(f"its format is {shown(found)}, but {sealed!r} is expected")
        self._sealed = found == sealed

    def tensors(self) -> dict[str, Tensor]:
        """All tensors; a DamagedError if the file is not what was sealed."""
        content = self._start + self._file.read()
        if self._sealed:
            verify(content)
        return safetensors.torch.load(content)


@contextmanager
def open_tensors(path: Path, sealed: str, unsealed: str) -> Iterator[TensorFile]:
    """Open a file of one of two formats, of which the older has no checksum."""
    if path.exists() and not path.is_file():
        raise InputError("it is a folder, a pipe or a device; expected a file")
    with open(path, "rb") as file:
        yield TensorFile(file, sealed, unsealed)
