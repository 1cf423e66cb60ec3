"""Arrays in files of NumPy, of exactly the size that their headers say."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from unnoise._errors import InputError
from unnoise.data._formats.packed import check_held
from unnoise.data._numerics import Values


def check_size(path: Path, size: int) -> None:
    """Refuse a file that holds far more than its size."""
    check_held(path, path.stat().st_size, size)


def read_npy(path: Path) -> Values:
    """The array of a file of NumPy, of exactly the size that its header says."""
    with open(path, "rb") as file:
        return _array(file, path.stat().st_size, path)


def read_npz(path: Path) -> Values:
    """The only array of an archive of NumPy, or that named x."""
    with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
        names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        found = archive.infolist()[names.index(one_of(names, path))]
        check_size(path, found.file_size)
        with archive.open(found) as member:
            return _array(member, found.file_size, path)


def one_of(names: list[str], path: Path) -> str:
    """The only name, or x."""
    if len(names) != 1 and names.count("x") != 1:
        shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise InputError(f"{path} holds {len(names)} arrays ({shown}); expected one, or one named x.")
    return names[0] if len(names) == 1 else "x"


def _array(file: IO[bytes], size: int, path: Path) -> Values:
    version = np.lib.format.read_magic(file)
    headers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in headers:
        raise InputError(f"{path} cannot be read: it is of the version {version} of .npy, whose arrays have fields.")
    shape, _, dtype = headers[version](file)
    if dtype.hasobject:
        raise InputError(f"{path} cannot be read: it holds Python objects, which could run code.")
    held, expected = size - file.tell(), math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or dtype.itemsize == 0 or expected != held:
        raise InputError(
            f"{path} cannot be read, it may be damaged or cut short: it holds {held} bytes, but {expected} make an "
            f"array of shape {shape} and type {dtype}."
        )
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
