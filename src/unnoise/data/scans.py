"""Tables larger than memory, block by block: parquet files, CSV files, and folders of either, in name order.

A large CSV file is turned into parquet files for the time that it is used.
"""

from __future__ import annotations

import contextlib
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unnoise._errors import InputError
from unnoise.data import files
from unnoise.data._formats.blocks import NotInBlocks, Text, convert
from unnoise.data._formats.dialect import Dialect
from unnoise.data._formats.reading import Reading
from unnoise.data._formats.tables import without_index
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import polars as pl

BLOCK = 100_000  # rows in memory at once
LARGE = 2**28  # bytes of a CSV file, from which it is not read at once
_SUFFIXES = (".parquet", ".csv")


class Source(Protocol):
    """Rows that come in blocks."""

    @property
    def dialect(self) -> Dialect | None:
        """How the file is written, if it is a table of text."""
        ...

    def __len__(self) -> int: ...

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns; none of an array."""
        ...

    def blocks(self, size: int = BLOCK, first: int = 0, every: int = 1) -> Iterator[tuple[int, Any]]:
        """The numbers and rows of every `every`-th block, from the block `first`."""
        ...

    def sample(self, n: int, seed: int) -> Any:
        """At most n different rows, chosen at random, in their order."""
        ...


@dataclass(frozen=True, eq=False)
class Held:
    """Data in memory: a frame of polars or an array.

    Args:
        data: the rows.
        dialect: how their file is written, if it is a table of text.
        cells: what gives the cells of such a file as they are written, also of columns that are none of the data.
    """

    data: Any
    dialect: Dialect | None = None
    cells: Callable[[], pl.DataFrame] | None = None

    def __getitem__(self, column: str) -> Any:
        """One column of a frame."""
        return self.data[column]

    def drop(self, column: str) -> Held:
        """A frame without a column."""
        return replace(self, data=self.data.drop(column))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def columns(self) -> Sequence[str]:
        """The names of the columns; none of an array."""
        return getattr(self.data, "columns", ())

    def blocks(self, size: int = BLOCK, first: int = 0, every: int = 1) -> Iterator[tuple[int, Any]]:
        """The numbers and rows of every `every`-th block, from the block `first`."""
        for number in range(first, -(-len(self) // size), every):
            yield number, self.data if len(self) <= size else self.data[number * size : (number + 1) * size]

    def sample(self, n: int, seed: int) -> Any:
        """At most n different rows, chosen at random, in their order."""
        return self.data if len(self) <= n else self.data[chosen(len(self), n, seed)]


@dataclass(frozen=True, eq=False)
class Scan:
    """A table in files, of which blocks alone are in memory.

    Args:
        lazy: what polars reads.
        rows: how many there are.
        columns: the names of the columns.
        name: the file or folder.
        files: all that is read.
        home: what lasts as long as the files that are read in place of these; None without.
        dialect: what separates fields and fractions in files of text.
    """

    lazy: pl.LazyFrame
    rows: int
    columns: tuple[str, ...]
    name: Path
    files: tuple[Path, ...]
    home: Any = None
    dialect: Dialect | None = None

    def __getitem__(self, column: str) -> pl.Series:
        """One column, in memory."""
        with _faults_of(self.name):
            return self.lazy.select(column).collect().to_series()

    def drop(self, column: str) -> Scan:
        """The table without a column."""
        return replace(self, lazy=self.lazy.drop(column), columns=tuple(c for c in self.columns if c != column))

    def __len__(self) -> int:
        return self.rows

    def blocks(self, size: int = BLOCK, first: int = 0, every: int = 1) -> Iterator[tuple[int, pl.DataFrame]]:
        """The numbers and rows of every `every`-th block, from the block `first`."""
        for number, block in enumerate(self._all(size)):
            if number >= first and (number - first) % every == 0:
                yield number, block

    def sample(self, n: int, seed: int) -> pl.DataFrame:
        """At most n different rows, chosen at random, in their order."""
        import polars as pl

        index = chosen(self.rows, n, seed)
        return pl.concat([block[part] for _, block, part in self.among(index)])

    def among(self, index: Values, size: int = BLOCK) -> Iterator[tuple[int, pl.DataFrame, Values]]:
        """All blocks: where each starts, its rows, and which of them are among the rows at rising indices."""
        for number, block in self.blocks(size):
            low, high = np.searchsorted(index, [number * size, (number + 1) * size])
            yield number * size, block, index[low:high] - number * size

    def _all(self, size: int) -> Iterator[pl.DataFrame]:
        """Blocks of exactly `size` rows, but for the last."""
        import polars as pl

        held, count = [], 0
        with _faults_of(self.name):
            for batch in self.lazy.collect_batches(chunk_size=size, maintain_order=True):
                held.append(batch)
                count += len(batch)
                while count >= size:
                    whole = held[0] if len(held) == 1 else pl.concat(held)
                    yield whole[:size]
                    held, count = [whole[size:]], count - size
        if count:
            yield pl.concat(held)


def opened(path: Path | str, block: int = BLOCK, large: int = LARGE, **said: Any) -> Source:
    """The rows of a file or a folder.

    They are a `Scan` of folders of tables, of parquet files of more than `block` rows, and of CSV files of more than
    `large` bytes; all else is read. What is `said` is that of `files.read`; of CSV files in blocks it may be of
    separators, decimal signs, headers and columns of text. One that can only be understood as a whole, as one whose
    fields stand between blanks, is read at once, too.

    Raises:
        InputError: what is wrong with the file or the folder, in one sentence.
    """
    path, reading = Path(path), Reading(**said)
    parts = tables_in(path)
    if parts:
        heeded = ("separator", "decimal", "header") if parts[0].suffix.lower() == ".csv" else ()
        reading.refuse_unused(f"The folder {path}", heeded)
        if reading.header == "no":
            raise InputError(f"The folder {path} is read in blocks, and its files need lines of names; leave --header.")
        return _scanned(path, parts, reading)
    if path.is_file() and path.suffix.lower() == ".parquet" and not said:
        few = len(_parquet(path, [path], aloud=False)) <= block
        return Held(files.read(path)) if few else _parquet(path, [path])
    in_blocks = reading.encoding is None and reading.query is None and reading.sheet is None
    if path.is_file() and path.suffix.lower() == ".csv" and path.stat().st_size > large and in_blocks:
        try:
            return _scanned(path, [path], reading)
        except NotInBlocks:
            pass
    return Held(*files.read_with(path, reading))


def tables_in(path: Path) -> list[Path]:
    """The tables in a folder, in name order; none of a file or another folder.

    Raises:
        InputError: parquet files and CSV files together.
    """
    if not path.is_dir():
        return []
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES and p.is_file() and p.name[0] not in "._")
    if len({p.suffix.lower() for p in found}) > 1:
        raise InputError(f"The folder {path} holds both .parquet and .csv files; expected tables of one type.")
    return found


def chosen(n: int, most: int, seed: int) -> Values:
    """At most `most` of n indices, chosen at random, rising.

    >>> chosen(3, 5, seed=0), len(chosen(100, 5, seed=0))
    (array([0, 1, 2]), 5)
    """
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False, shuffle=False))


def _scanned(path: Path, parts: list[Path], reading: Reading) -> Scan:
    return _parquet(path, parts) if parts[0].suffix.lower() == ".parquet" else _csv(path, parts, reading)


def _parquet(path: Path, parts: list[Path], *, aloud: bool = True) -> Scan:
    import polars as pl

    with _faults_of(path):
        lazy = pl.scan_parquet(parts, hive_partitioning=False, glob=False)
        names = without_index(lazy.collect_schema().names(), parts[0], str(path), aloud=aloud)
        lazy = lazy.select(names)
        rows = int(lazy.select(pl.len()).collect(engine="streaming").item())
    if rows == 0:
        raise InputError(f"{path} holds no rows of data.")
    return Scan(lazy, rows, tuple(names), path, tuple(parts))


def _csv(path: Path, parts: list[Path], reading: Reading) -> Scan:
    """A scan of a parquet file with the same rows, which lasts as long as the scan."""
    texts = [Text.opened(part, reading) for part in parts]
    if odd := [text.path for text in texts if text.names != texts[0].names]:
        raise InputError(f"{odd[0]} has other columns than {parts[0]}; expected the same in all files of a folder.")
    names, home, lasts = texts[0].names, tempfile.TemporaryDirectory(prefix="unnoise-"), _Lasts()
    with contextlib.ExitStack() as undo:
        undo.callback(home.cleanup)
        with _faults_of(path):
            convert(texts, str(path), reading, Path(home.name))
            scan = _parquet(path, sorted(Path(home.name).iterdir()))
        undo.pop_all()
    weakref.finalize(lasts, home.cleanup)
    kept = [name for name in names if name]
    dialect = Dialect(texts[0].separator, texts[0].decimal, told=reading.decimal is not None)
    return replace(scan, columns=tuple(kept), files=tuple(parts), home=lasts, dialect=dialect)


class _Lasts:
    """What scans of one table share; files go with the last of them."""


@contextlib.contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = next(iter(str(error).splitlines()), "").rstrip(".")[:200]
        raise InputError(f"{path} cannot be read, it may be damaged or cut short: {reason}.") from error
