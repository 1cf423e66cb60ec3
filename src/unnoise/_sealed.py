"""Files that carry their own checksum, so that no changed bit goes unseen.

The field `"checksum":"<32 hexadecimal digits>"` holds the BLAKE2b hash of the file in which those digits are zeros. It
guards against damage and mix-ups, not against forgery: whoever writes a file can seal it.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from unnoise._errors import InputError

BLANK = "0" * 32  # stands in the field until the file is sealed
_FIELD = re.compile(rb'"checksum": ?"([0-9a-f]{32})"')


def seal(path: Path) -> str:
    """Put the checksum of a file into its blank field.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "config.json"
    >>> _ = path.write_text('{"checksum": "' + BLANK + '", "n": 1}')
    >>> seal(path) == verify(path.read_bytes())
    True
    """
    content = path.read_bytes()
    field = _field(content)
    checksum = _hash(content, field)
    with open(path, "rb+") as file:
        file.seek(field.start(1))
        file.write(checksum.encode())
    return checksum


def verify(content: bytes) -> str:
    """The checksum that stands in a file.

    Raises:
        InputError: there is none, or the file is not the one that was sealed.
    """
    field = _field(content)
    if _hash(content, field) != field[1].decode():
        raise InputError("its checksum does not fit: it was damaged or edited after it was written")
    return field[1].decode()


def _field(content: bytes) -> re.Match[bytes]:
    field = _FIELD.search(content)
    if field is None:
        raise InputError("it has no checksum: it was damaged or edited after it was written")
    return field


def _hash(content: bytes, field: re.Match[bytes]) -> str:
    whole, start, end = memoryview(content), field.start(1), field.end(1)
    bits = hashlib.blake2b(digest_size=len(BLANK) // 2)
    for part in (whole[:start], BLANK.encode(), whole[end:]):
        bits.update(part)
    return bits.hexdigest()
