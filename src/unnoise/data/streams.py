"""Write rows group by group, more than fit into memory."""

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

    Rows of a .parquet file wait in memory. Tables have flat rows. If the block raises, no file is left.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.npy"
    >>> with appending(path) as append:
    ...     append(np.zeros((2, 3)))
    ...     append(np.ones((1, 3)))
    >>> np.load(path).sum(1)
    array([0., 0., 3.])
    """
    import polars as pl

    path = Path(path)
    files.check_writable(path, overwrite, SUFFIXES)
    if path.suffix.lower() == ".parquet":
        groups: list[Values] = []
        yield groups.append
        files.write(_flat(np.concatenate(groups)), path, overwrite)
        return
    rows, last = 0, np.empty((0,))
    npy = path.suffix.lower() == ".npy"
    with atomic_path(path) as beside, open(beside, "wb") as file:

        def append(group: Values) -> None:
            nonlocal rows, last
            if npy:
                if rows == 0:
                    _write_header(file, rows, group)
                file.write(np.ascontiguousarray(group).data)
            else:
                table = pl.DataFrame({f"x{i}": column for i, column in enumerate(_flat(group).T)})
                table.write_csv(file, include_header=rows == 0)
            rows, last = rows + len(group), group[:0]

        yield append
        if npy:  # the header counts the rows and leaves room
            file.seek(0)
            _write_header(file, rows, last)


def _write_header(file: BinaryIO, rows: int, like: Values) -> None:
    descr = np.lib.format.dtype_to_descr(like.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": (rows, *like.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)


def _flat(rows: Values) -> Values:
    return rows.reshape(len(rows), -1)
