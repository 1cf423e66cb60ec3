"""Read and write tables, arrays and folders of images, without pickles; a file is written whole or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._atomic import atomic_path
from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise._paths import expanded
from unnoise._places import check_writable, missing
from unnoise.data import arrays, frames
from unnoise.data._formats import arff, packed, queries, sheets, tables
from unnoise.data._formats.archives import one_of, read_npy, read_npz
from unnoise.data._formats.csv import read_csv
from unnoise.data._formats.dialect import Dialect
from unnoise.data._formats.reading import Reading
from unnoise.data._numerics import Values
from unnoise.data._written import counted, dates
from unnoise.data.images import SUFFIXES, read_image, read_images, write_images
from unnoise.data.standard import is_standard

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

    from unnoise.data._formats.csv import Cells

    Found = tuple[pl.DataFrame | Values, Dialect | None, Cells | None]  # with how a text is written, and its cells

_SHOWN, _HEAD = 200, 2**16  # letters of another library's sentence, and bytes in which the first line of a text ends
_TEXTS = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")
_SHEETS = (".xlsx", ".xls", ".xlsb", ".ods")
_READERS: dict[str, Callable[[bytes, str], pl.DataFrame]] = {
    ".parquet": tables.read_parquet,
    ".arrow": tables.read_arrow,
    ".feather": tables.read_arrow,
    ".json": tables.read_json,
    ".jsonl": tables.read_json_lines,
    ".ndjson": tables.read_json_lines,
    ".fasta": tables.read_fasta,
    ".fa": tables.read_fasta,
    ".arff": arff.read_arff,
}
_TABLES = (*_TEXTS, *_READERS, *_SHEETS)
_MAGIC = {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"PK\x03\x04": ".xlsx"}


def read(
    path: Path | str,
    *,
    encoding: str | None = None,
    separator: str | None = None,
    decimal: str | None = None,
    header: str = "auto",
    query: str | None = None,
    names: Sequence[str] = (),
    text: Collection[str] = (),
    marked: Collection[str] = (),
    levels: Collection[str] = (),
    sheet: str | None = None,
    words: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> pl.DataFrame | Values:
    """The data in a file, in a folder of images, or on standard input ("-").

    Tables of text (.csv, .tsv, .txt, .dat, .data, also .gz, .bz2, .xz, .zst, .zip), .parquet, .arrow, .feather, .json,
    .jsonl, .fasta, .arff, .xlsx and databases become polars DataFrames; .npy, .npz and .safetensors give the only
    array, or x; images of one size give bytes, grey (n, H, W) or RGB (n, 3, H, W).

    Args:
        path: where it is.
        encoding: of text, such as latin-1, cp1252 or utf-16; UTF-8 by default.
        separator: between fields of text, one sign, tab or space; by default what the first lines show.
        decimal: "." or ",": the sign before fractions in text; the other one may then group thousands.
        header: whether the first line of a text holds names: yes, no, or auto, which looks.
        query: what to select, in SQL: from a database, or from this table, which is then called data.
        names: columns that are expected; a first line of text with them holds names.
        text: columns of a text that stay text, whatever stands in them.
        marked: those of them in which "?" is missing, as it is elsewhere among words.
        levels: columns of a text that stay text where numbers would not be written as their cells are, as 01 or 1.50.
        sheet: the name of the sheet of a file of Excel; the first by default.
        words: texts beside the numbers of columns, as {"conc": ["<0.5", "ND"]}, which are not missing there.

    Raises:
        InputError: what cannot be read, or would be read wrongly, in one sentence.
    """
    if any(isinstance(columns, str) for columns in (names, text, marked)):
        raise InputError("got a text for names, text or marked; expected a list of names of columns")
    if isinstance(levels, str):
        refuse("levels", levels, "a list of names of columns")
    kept = frozenset(text), frozenset(marked), frozenset(levels)
    if not isinstance(words, Mapping) or any(isinstance(texts, str) for texts in words.values()):
        refuse("words", words, "a dict of lists of texts by the names of columns")
    return read_with(path, Reading(encoding, separator, decimal, header, query, tuple(names), *kept, sheet, words))[0]


def read_with(path: Path | str, reading: Reading) -> Found:
    """As `read`; and, of a table of text, how it is written, and what gives its cells as they are."""
    if is_standard(path):
        with _faults_of(Path("standard input")):
            return _queried(_from_input(reading), reading)
    path = expanded(path)
    with _faults_of(path):
        if path.is_dir():
            reading.refuse_unused(str(path), ())
            return read_images(path), None, None
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{path} is no file but a pipe, a socket or a device; write its content to a file first.")
        if about.st_size == 0:
            raise InputError(f"{path} is empty.")
        if path.name.lower().endswith(queries.SUFFIXES):
            reading.refuse_unused(str(path), ("query",))
            return tables.checked(queries.read_database(path, reading.query), str(path)), None, None
        return _queried(_from_file(path, reading), reading)


def is_text(path: Path | str) -> bool:
    """Whether it is read as a table of text: by its name, or from standard input.

    >>> is_text("people.csv.gz"), is_text("people.parquet")
    (True, False)
    """
    return is_standard(path) or _suffixes(Path(path))[1] in _TEXTS


def is_book(path: Path | str) -> bool:
    """Whether it holds sheets, by its name.

    >>> is_book("people.xlsx"), is_book("-")
    (True, False)
    """
    return Path(path).suffix.lower() in _SHEETS


def is_picture(path: Path | str) -> bool:
    """Whether it is one image, by its name."""
    return Path(path).suffix.lower() in SUFFIXES


def read_picture(path: Path) -> Values:
    """One image as bytes, grey (H, W) or RGB (3, H, W)."""
    with _faults_of(path):
        return read_image(path)


def write(data: Any, path: Path | str, overwrite: bool = False, dialect: Dialect | None = None) -> None:
    """Write a DataFrame (.csv, .tsv, .parquet), an array or tensor (.npy, with two axes also those), or images.

    Images (n, H, W) or (n, 3, H, W) go to a folder of PNG files, a path without a suffix. Only `overwrite` replaces a
    file. A `dialect` says how a .csv is written.
    """
    path = expanded(path)
    check_writable(path, overwrite)
    frame = frames.opened(data)
    if frame is not None:
        return _write_table(frame, path, dialect)
    array = arrays.as_array(data)
    if path.suffix == "":
        return write_images(array, path)
    if path.suffix.lower() != ".npy":
        return _write_table(_as_table(array, path), path, dialect)
    if array.dtype == object:
        raise InputError(f"An array with text cannot be written to {path}; give a name that ends in .csv.")
    with atomic_path(path) as beside, open(beside, "wb") as file:
        np.save(file, array, allow_pickle=False)


@contextlib.contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    try:
        yield
    except (InputError, Warning):
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise missing(path) from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: permission denied.") from None
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory: {error}.") from error
    except BaseException as error:  # of five libraries, which meet bytes that nobody has checked
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if isinstance(error, OSError) and error.strerror:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        reason = next(iter(str(error).splitlines()), "").rstrip(".")[:_SHOWN]
        raise InputError(f"{path} cannot be read, it may be damaged or cut short: {reason}.") from error


def _from_file(path: Path, reading: Reading) -> Found:
    arrays_of: dict[str, Callable[[Path], Values]] = {
        ".npy": read_npy,
        ".npz": read_npz,
        ".safetensors": _read_safetensors,
    }
    packing, suffix = _suffixes(path)
    if suffix in _TABLES:
        content = path.read_bytes()  # a map of the file would crash if another program cut it
        packing = packing or (packed.suffix_of(content) if suffix in _TEXTS else "")
        plain = packed.unpacked(content, packing, str(path)) if packing else content
        return _table(plain, suffix, str(path), reading)
    if suffix in arrays_of and not packing:
        reading.refuse_unused(str(path), ())
        return arrays_of[suffix](path), None, None
    if suffix in (".pkl", ".pickle", ".joblib"):
        raise InputError(f"{path} is a pickle, which could run code; write it as .parquet or .csv.")
    known = [*_TABLES, *(f".csv{end}" for end in packed.SUFFIXES), *queries.SUFFIXES, *arrays_of]
    raise InputError(f"{path} is of no known type; expected {', '.join(known)}, or a folder of images.")


def _suffixes(path: Path) -> tuple[str, str]:
    """How a file is packed, and what is in it, both by its name: ".gz", ".csv"."""
    name = path.name.lower()
    packing = next((suffix for suffix in packed.SUFFIXES if name.endswith(suffix)), "")
    suffix = Path(name.removesuffix(packing)).suffix
    return packing, ".csv" if packing == ".zip" and suffix not in _TABLES else suffix


def _from_input(reading: Reading) -> Found:
    """What comes on standard input, of the kind that its first bytes say; text by default."""
    content, source = sys.stdin.buffer.read(), "standard input"
    packing = packed.suffix_of(content)
    content = packed.unpacked(content, packing, source) if packing else content
    if not content:
        raise InputError("standard input is empty.")
    return _table(
        content, next((s for magic, s in _MAGIC.items() if content.startswith(magic)), ".csv"), source, reading
    )


def _table(content: bytes, suffix: str, source: str, reading: Reading) -> Found:
    if not content:
        raise InputError(f"{source} is empty.")
    if suffix in _TEXTS:
        reading.refuse_unused(source, ("encoding", "separator", "decimal", "header", "query"))
        first = content[:_HEAD].lstrip().partition(b"\n")[0]
        named = suffix in (".tsv", ".tab") and reading.separator is None
        tabs = named and (b"\t" in first or not re.search(rb"[,;|]", first))  # commas are in many files of that name
        found, dialect, cells = read_csv(
            content, source, dataclasses.replace(reading, separator="\t") if tabs else reading
        )
        if dialect.separator == "\t" and suffix != ".csv":  # tabs and blanks would surprise in a .csv
            dialect = dataclasses.replace(dialect, separator=";" if dialect.decimal == "," else ",")
        return found, dialect, cells
    if suffix in _SHEETS:
        reading.refuse_unused(source, ("header", "query", "sheet"))
        return tables.checked(sheets.read_excel(content, source, reading), source), None, None
    reading.refuse_unused(source, ("query",))
    table = _READERS[suffix](content, source)
    return tables.checked(table if reading.query else tables.flat(table, source), source), None, None


def _queried(held: Found, reading: Reading) -> Found:
    """What is selected, which has other cells than the file."""
    found, dialect, _ = held
    if reading.query is None:
        return held
    if isinstance(found, np.ndarray):
        raise InputError("A query selects from tables, not from arrays or images; leave it out.")
    return tables.checked(queries.select(found, reading.query), "the result of the query"), dialect, None


def _read_safetensors(path: Path) -> Values:
    from safetensors.torch import load

    tensors = load(path.read_bytes())
    return arrays.as_array(tensors[one_of(list(tensors), path)])


def _write_table(frame: nw.DataFrame[Any], path: Path, dialect: Dialect | None) -> None:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet", ".tsv"):
        raise InputError(f"A table cannot be written to {path}; give a name that ends in .csv or .parquet, or .tsv.")
    with atomic_path(path) as beside:
        if suffix == ".parquet":
            frame.write_parquet(beside)
        elif dialect is None and suffix == ".csv":
            _with_times_as_text(frame).write_csv(beside)
        else:
            (dialect or Dialect()).within(path).write(_with_times_as_text(frame).to_polars(), beside)


def _with_times_as_text(frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
    """Durations as pandas writes them, as polars writes none to .csv, and Arrow numbers; times to the second."""
    import narwhals.stable.v2 as nw

    for name in frame.columns:
        series = frame.get_column(name)
        held = (
            counted.as_polars(series)
            if series.dtype in (nw.Duration, nw.Time) and not hasattr(series.to_native(), "iloc")
            else None
        )
        pattern = dates.DAYS if series.dtype == nw.Duration else "%H:%M:%S"
        if held is not None and (pattern == dates.DAYS or not (held.dt.nanosecond() != 0).any()):
            texts = dates.written(held, pattern).to_list()
            frame = frame.with_columns(nw.new_series(name, texts, nw.String(), backend=frame.implementation))
    return frame


def _as_table(array: Values, path: Path) -> nw.DataFrame[Any]:
    if array.ndim != 2:
        raise InputError(
            f"An array of shape {array.shape} cannot be written to {path} as a table; give a name that ends in .npy."
        )
    import narwhals.stable.v2 as nw

    columns = {f"x{i}": column for i, column in enumerate(array.T)}
    return nw.from_dict(columns, backend="polars")
