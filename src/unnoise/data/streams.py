"""Write rows group by group, more than fit into memory."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from unnoise._atomic import atomic_path
from unnoise._places import ROWS, check_writable
from unnoise.data import arrays, files, frames
from unnoise.data._formats.dialect import Dialect
from unnoise.data._numerics import Values
from unnoise.data.standard import is_standard, printed, separator
from unnoise.training.dataset import derived_seed

if TYPE_CHECKING:
    import polars as pl

    from unnoise.training.process_group import ProcessGroup

Append = Callable[[Values], None]


@contextlib.contextmanager
def appending(path: Path | str, overwrite: bool = False, names: Sequence[str] | None = None) -> Iterator[Append]:
    """Yield `append(rows)`, for arrays that differ in length only.

    Rows of a .parquet file wait in memory. Tables have flat rows, in columns of these names, or x0, x1 and so on; "-"
    prints one. If the block raises, no file is left.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.npy"
    >>> with appending(path) as append:
    ...     append(np.zeros((2, 3)))
    ...     append(np.ones((1, 3)))
    >>> np.load(path).sum(1)
    array([0., 0., 3.])
    """
    if is_standard(path):
        with printed() as table, appending(table, names=names) as append:
            yield append
        return
    path = Path(path)
    check_writable(path, overwrite, ROWS)
    if path.suffix.lower() == ".parquet":
        groups: list[Values] = []
        yield groups.append
        files.write(_framed(np.concatenate(groups), names), path, overwrite)
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
                _framed(group, names).write_csv(file, include_header=rows == 0, separator=separator(path) or ",")
            rows, last = rows + len(group), group[:0]

        yield append
        if npy:  # the header counts the rows and leaves room
            file.seek(0)
            _write_header(file, rows, last)


Put = Callable[[int, Any], None]


@contextlib.contextmanager
def gathering(
    path: Path | str,
    count: int,
    overwrite: bool = False,
    group: ProcessGroup | None = None,
    dialect: Dialect | None = None,
) -> Iterator[Put]:
    """Yield `put(number, rows)` for `count` blocks of rows, which end in one file in the order of their numbers.

    Blocks are DataFrames or arrays that differ in length only. They wait in files beside the target, so that the
    processes of a group can each put some of them, and all must leave the block. One block is written as `files.write`
    does; "-" is standard output. A `dialect` says how a .csv is written. If the block raises, no file is left.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.npy"
    >>> with gathering(path, 2) as put:
    ...     put(1, np.ones((1, 3)))
    ...     put(0, np.zeros((2, 3)))
    >>> np.load(path).sum(1)
    array([0., 0., 3.])
    """
    if is_standard(path):
        with printed() as table, gathering(table, count, group=group, dialect=dialect) as put:
            yield put
        return
    path, leads = Path(path), group is None or group.rank == 0
    if count < 2:
        check_writable(path, overwrite)
        held: list[Any] = []
        yield lambda number, rows: held.append(rows)
        if held:
            files.write(held[0], path, overwrite, dialect)
        if group is not None:
            group.wait()
        return
    check_writable(path, overwrite, ROWS)
    with contextlib.ExitStack() as stack:
        beside = stack.enter_context(atomic_path(path)) if leads else None
        name = str(beside) + ".parts" if group is None else group.shared(f"{beside}.parts")[0]
        parts = Path(name)
        if leads:
            parts.mkdir()
            stack.callback(shutil.rmtree, parts, ignore_errors=True)
        if group is not None:
            group.wait()
        form, dialect = path.suffix.lower(), (dialect or Dialect()).within(path) if separator(path) else None
        yield lambda number, rows: _keep(rows, parts / f"{number:08}", form == ".npy", dialect)
        if group is not None:
            group.wait()
        if beside is not None:
            _join(sorted(parts.iterdir()), beside, dialect)
    if group is not None:
        group.wait()


def seed_of(seed: int, number: int) -> int:
    """The seed of a block of rows: that of all for the first, so that few rows are what they are without blocks."""
    return seed if number == 0 else derived_seed(seed, "block", number)


def _keep(rows: Any, beside: Path, as_array: bool, dialect: Dialect | None) -> None:
    if as_array:
        files.write(rows, beside.with_suffix(".npy"))
    else:
        frame = _as_frame(rows)
        frame = frame if dialect is None else dialect.rendered(frame)
        frame.write_parquet(beside.with_suffix(".parquet"), compression="lz4")


def _as_frame(rows: Any) -> pl.DataFrame:
    frame = frames.opened(rows)
    return _framed(arrays.as_array(rows)) if frame is None else frame.to_polars()


def _framed(rows: Values, names: Sequence[str] | None = None) -> pl.DataFrame:
    import polars as pl

    columns = _flat(rows).T
    return pl.DataFrame(dict(zip(names or [f"x{i}" for i in range(len(columns))], columns, strict=True)))


def _join(parts: list[Path], beside: Path, dialect: Dialect | None) -> None:
    import polars as pl

    if beside.suffix.lower() == ".npy":
        stacks = [np.load(part, mmap_mode="r") for part in parts]
        with open(beside, "wb") as file:
            _write_header(file, sum(map(len, stacks)), stacks[0])
            for stack in stacks:
                file.write(np.ascontiguousarray(stack).data)
        return
    rows = pl.scan_parquet(parts, glob=False)
    if dialect is None:
        rows.sink_parquet(beside)
    else:
        rows.sink_csv(beside, separator=dialect.separator, null_value=dialect.missing)
        dialect.encode(beside)


def _write_header(file: BinaryIO, rows: int, like: Values) -> None:
    descr = np.lib.format.dtype_to_descr(like.dtype)
    header = {"descr": descr, "fortran_order": False, "shape": (rows, *like.shape[1:])}
    np.lib.format.write_array_header_1_0(file, header)


def _flat(rows: Values) -> Values:
    return rows.reshape(len(rows), -1)
