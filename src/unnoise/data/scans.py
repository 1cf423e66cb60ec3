"""Tables larger than memory, block by block: parquet files, CSV files, and folders of either, in name order.

A large CSV file is turned into parquet files for the time that it is used: a first pass finds the types of its columns
by the rules for small files, so that no digit is lost, and a second one converts.
"""

from __future__ import annotations

import codecs
import contextlib
import tempfile
import warnings
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from unnoise._errors import InputError
from unnoise.data import _cells, _titles, files
from unnoise.data import _text as _lines
from unnoise.data._dialect import Dialect
from unnoise.data._numerics import Values
from unnoise.data._reading import Reading
from unnoise.data._tables import without_index

if TYPE_CHECKING:
    import polars as pl

BLOCK = 100_000  # rows in memory at once
LARGE = 2**28  # bytes of a CSV file, from which it is not read at once
_HEAD = 2**20  # bytes in which titles and the line of names end
_CHUNK = 2**24  # bytes of a text that are looked at together
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
    separators, decimal signs and columns of text, and the first line holds names.

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
    in_blocks = reading.encoding is None and reading.query is None and reading.sheet is None and reading.header != "no"
    if path.is_file() and path.suffix.lower() == ".csv" and path.stat().st_size > large and in_blocks:
        return _scanned(path, [path], reading)
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
    import polars as pl

    texts = [Scan(_text(part, reading), 0, (), part, (part,)) for part in parts]
    with _faults_of(path):
        columns = [text.lazy.collect_schema().names() for text in texts]
    if odd := [part for part, names in zip(parts, columns, strict=True) if names != columns[0]]:
        raise InputError(f"{odd[0]} has other columns than {parts[0]}; expected the same in all files of a folder.")
    names = columns[0]
    places = [f"x{i}" for i in range(len(names))]
    types: dict[str, set[Any]] = {place: set() for place in places}
    asked = [place for place, name in zip(places, names, strict=True) if name not in reading.text - reading.marked]
    leveled = [place for place, name in zip(places, names, strict=True) if name in reading.levels]
    marked: set[str] = set()
    for text in texts:
        for _, block in text.blocks():
            block.columns = places
            marked |= {place for place in asked if (block[place].str.strip_chars() == "?").any()}
            block = block.with_columns(pl.col(asked).replace({"?": None, " ?": None}))
            typed = _cells.typed(block, str(text.name), decimal=reading.decimal or "maybe .", alone=len(places) == 1)
            for place in leveled:
                if _cells.is_changed(typed[place], _cells.stripped(block.select(place))):
                    types[place].add(pl.String)
            for place in places:
                if typed[place].null_count() < len(typed):
                    types[place].add(typed[place].dtype)
    schema = {place: _common(found) for place, found in types.items()}
    schema |= {place: pl.String for place, name in zip(places, names, strict=True) if name in reading.text}
    if marked:
        _cells.warn_of_marks({"?": [names[places.index(place)] for place in places if place in marked]}, str(path))
    home = tempfile.TemporaryDirectory(prefix="unnoise-")
    _convert(texts, schema, Path(home.name), reading.decimal, marked)
    named = [pl.col(place).alias(name) for place, name in zip(places, names, strict=True)]
    scan = _parquet(path, sorted(Path(home.name).iterdir()))
    found = replace(scan, files=tuple(parts), lazy=scan.lazy.select(named))
    lasts = _Lasts()
    weakref.finalize(lasts, home.cleanup)
    dialect = Dialect(_separator(parts[0], reading), reading.decimal, told=reading.decimal is not None)
    return replace(found, columns=tuple(names), home=lasts, dialect=dialect)


class _Lasts:
    """What scans of one table share; files go with the last of them."""


def _convert(
    texts: Sequence[Scan], schema: dict[str, Any], beside: Path, decimal: str | None, marked: Collection[str]
) -> None:
    """Files 00000000.parquet, ... of blocks with these columns; in some "?" is missing."""
    import polars as pl

    for number, block in enumerate(block for text in texts for _, block in text.blocks()):
        block.columns = list(schema)
        converted = block.select(
            _converted(pl.col(place), kind, decimal, "?" * (place in marked)).alias(place)
            for place, kind in schema.items()
        )
        converted.write_parquet(beside / f"{number:08}.parquet", compression="lz4")


def _separator(part: Path, reading: Reading) -> str:
    """What is said, or the sign that is most frequent in the line of names."""
    with open(part, "rb") as file:
        file.seek(_start(part, reading, aloud=False)[0])
        line = file.readline(_HEAD)
    return reading.separator or max(",;\t|", key=lambda sign: line.count(sign.encode()))


def _start(part: Path, reading: Reading, aloud: bool = True) -> tuple[int, int]:
    """Where the line of names begins, in bytes and in lines: after comments and titles, of which a warning tells."""
    with open(part, "rb") as file:
        head = file.read(_HEAD)
    mark = len(codecs.BOM_UTF8) * head.startswith(codecs.BOM_UTF8)
    head = head[mark:]
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        head = head[: error.start]  # the end of a letter may be missing; polars refuses what is none
    with contextlib.nullcontext() if aloud else warnings.catch_warnings(action="ignore"):
        _, start = _lines.comments(head)
        start += _titles.end_of_titles(head[start:], reading.separator, str(part))
    return mark * (start > 0) + start, head[:start].count(b"\n")


def _text(part: Path, reading: Reading) -> pl.LazyFrame:
    """The cells of a CSV file as text; the line after titles holds names."""
    import polars as pl

    separator, (start, lines) = _separator(part, reading), _start(part, reading)
    _check_fields(part, separator.encode(), start)
    return pl.scan_csv(part, infer_schema=False, separator=separator, glob=False, skip_rows=lines)


def _check_fields(part: Path, sign: bytes, start: int) -> None:
    """Refuse a row that is too short, whose end polars would take for holes; quotes may hide signs and lines."""
    lines, signs, end = 0, 0, b""
    with open(part, "rb") as file:
        file.seek(start)
        width = file.readline().count(sign)
        while chunk := file.read(_CHUNK):
            if b'"' in chunk:
                return
            lines, signs, end = lines + chunk.count(b"\n"), signs + chunk.count(sign), chunk[-1:]
        if signs >= (lines + (end not in (b"", b"\n"))) * width:
            return
        file.seek(start)
        rows = (line for line in file if line.strip())
        for row, line in enumerate(rows, -1):  # after that of the names
            if line.count(sign) < width:
                raise InputError(
                    f"{part} cannot be read, it may be damaged or cut short: row {row} has {line.count(sign) + 1} "
                    f"fields; expected {width + 1}."
                )


def _common(kinds: set[Any]) -> Any:
    """The type of a column whose blocks have these; whole numbers and fractions are floats, and all else is text."""
    import polars as pl

    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds and kinds <= {pl.Int64, pl.Float64}:
        return pl.Float64
    return pl.String


def _converted(column: Any, kind: Any, decimal: str | None, mark: str = "") -> Any:
    """Cells of text as this type, holes where nothing or the mark stands; with a decimal sign the other one groups."""
    import polars as pl

    cells = column.str.strip_chars()
    cells = pl.when(cells.is_in((*_cells.MISSING, mark))).then(None).otherwise(cells)
    if kind == pl.Boolean:
        return cells.str.to_lowercase() == "true"
    if kind == pl.String:
        return cells
    if decimal is not None:
        cells = cells.str.replace_all("." if decimal == "," else ",", "", literal=True)
        cells = cells.str.replace(",", ".", literal=True)
    if kind == pl.Float64:
        cells = cells.str.replace("[dD]", "e")  # as of Fortran
    return cells.str.strip_prefix("+").cast(kind)


@contextlib.contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = next(iter(str(error).splitlines()), "").rstrip(".")[:200]
        raise InputError(f"{path} cannot be read, it may be damaged or cut short: {reason}.") from error
