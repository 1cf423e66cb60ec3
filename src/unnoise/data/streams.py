"""Write more rows than fit into memory, group by group; the file appears when all groups are there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from unnoise._atomic import atomic_path
from unnoise.data import files
from unnoise.data._numerics import Values

SUFFIXES = (".csv", ".parquet", ".npy")

Append = Callable[[Values], None]


@contextlib.contextmanager
def appending(path: Path | str, overwrite: bool = False) -> Iterator[Append]:
    """Yield `append(rows)`, for arrays that differ in length only.

    .npy and .csv files grow with every group; rows of a .parquet file wait in memory. In tables a row with several axes
    becomes flat. If the block raises, no file is left.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.npy"
    >>> with appending(path) as append:
    ...     append(np.zeros((2, 3)))
    ...     append(np.ones((1, 3)))
    >>> np.load(path).sum(1)
    array([0., 0., 3.])
    """
    path = Path(path)
    files.check_writable(path, overwrite, SUFFIXES)
    if path.suffix.lower() == ".parquet":
        groups: list[Values] = []
        yield groups.append
        files.write(_flat(np.concatenate(groups)), path, overwrite)
        return
    growing = _npy if path.suffix.lower() == ".npy" else _csv
    with atomic_path(path) as beside, open(beside, "wb") as file, growing(file) as append:
        yield append


@contextlib.contextmanager
def _npy(file: BinaryIO) -> Iterator[Append]:
    """The header counts the rows, so it is written again at the end: NumPy leaves room in it."""
    rows, last = 0, np.empty((0,))

    def append(group: Values) -> None:
        nonlocal rows, last
        if rows == 0:
            _header(file, rows, group)
        file.write(np.ascontiguousarray(group).data)
        rows, last = rows + len(group), group[:0]

    yield append
    file.seek(0)
    _header(file, rows, last)


def _header(file: BinaryIO, rows: int, like: Values) -> None:
    descr = np.lib.format.dtype_to_descr(like.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": (rows, *like.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)


@contextlib.contextmanager
def _csv(file: BinaryIO) -> Iterator[Append]:
    """Only the first group writes the names of the columns."""
    import polars as pl

    def append(group: Values) -> None:
        rows = _flat(group)
        table = pl.DataFrame({f"x{i}": column for i, column in enumerate(rows.T)})
        table.write_csv(file, include_header=file.tell() == 0)

    yield append


def _flat(rows: Values) -> Values:
    return rows.reshape(len(rows), -1)
