"""Read and write tables, arrays and folders of images, without pickles; a file is written whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import io
import itertools
import math
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise.data import arrays, frames
from unnoise.data._archives import check_size, one_of, read_npy, read_npz
from unnoise.data._csv import read_csv
from unnoise.data._numerics import Values
from unnoise.data.images import check_replaceable, read_images, write_images

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

_INDEX = r"__index_level_\d+__"  # which pandas adds to the columns
_LOOKED_AT = 1000  # files of a folder, for a guess
_SHOWN = 200  # letters of another library's sentence
WRITABLE = (".csv", ".parquet", ".npy", "")  # the last is a folder of images


def read(path: Path | str) -> pl.DataFrame | Values:
    """The data in a file, or in a folder of images.

    Tables (.csv, .csv.gz, .parquet) become polars DataFrames; .npy, .npz and .safetensors give the only array, or x;
    images of one size give bytes, grey (n, H, W) or RGB (n, 3, H, W).
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], pl.DataFrame | Values]] = {
        ".csv": read_csv,
        ".csv.gz": read_csv,
        ".parquet": _read_parquet,
        ".npy": read_npy,
        ".npz": read_npz,
        ".safetensors": _read_safetensors,
    }
    with _faults_of(path):
        if path.is_dir():
            return read_images(path)
        about = path.stat()
        reader = next((f for suffix, f in readers.items() if path.name.lower().endswith(suffix)), None)
        if reader is None:
            raise InputError(f"{path} is of no known type; expected {', '.join(readers)}, or a folder of images.")
        if not stat.S_ISREG(about.st_mode):
            raise InputError(f"{path} is no file but a pipe, a socket or a device; write its content to a file first.")
        if about.st_size == 0:
            raise InputError(f"{path} is empty.")
        return reader(path)


def write(data: Any, path: Path | str, overwrite: bool = False) -> None:
    """Write a DataFrame (.csv, .parquet), an array or tensor (.npy, with two axes also .csv, .parquet), or images.

    Images (n, H, W) or (n, 3, H, W) go to a folder of PNG files, a path without a suffix. Only `overwrite` replaces a
    file.
    """
    path = Path(path)
    check_writable(path, overwrite)
    frame = frames.opened(data)
    if frame is not None:
        return _write_table(frame, path)
    array = arrays.as_array(data)
    if path.suffix == "":
        return write_images(array, path)
    if path.suffix.lower() != ".npy":
        return _write_table(_as_table(array, path), path)
    if array.dtype == object:
        raise InputError(f"An array with text cannot be written to {path}; give a name that ends in .csv.")
    with atomic_path(path) as beside, open(beside, "wb") as file:
        np.save(file, array, allow_pickle=False)


def check_writable(path: Path | str, overwrite: bool = False, suffixes: Collection[str] = WRITABLE) -> None:
    """Refuse, before long work, an output that cannot be written; the suffix "" is a folder of images."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        known = ", ".join(suffix or "a folder of images" for suffix in suffixes)
        raise InputError(f"{path} is of no type that can be written; expected {known}.")
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist; create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"The folder {path.parent} cannot be written to: permission denied.")
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; pass --overwrite (overwrite=True) to replace it.")
    check_replaceable(path)


@contextlib.contextmanager
def _faults_of(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no file or folder {path}{_guess(path)}") from None
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """At damage polars panics, and its threads print many lines to the error stream, which say less than our one."""
    try:
        error_stream = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(error_stream, 2)
        os.close(error_stream)


def _guess(path: Path) -> str:
    try:
        names = [sibling.name for sibling in itertools.islice(path.parent.iterdir(), _LOOKED_AT)]
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else "."


def _read_parquet(path: Path) -> pl.DataFrame:
    import polars as pl

    content = io.BytesIO(path.read_bytes())  # a map of the file would crash if another program cut it
    lazy = pl.scan_parquet(content, hive_partitioning=False)
    with _quiet():
        shape = lazy.select(pl.len()).collect().item(), len(lazy.collect_schema())
        check_size(path, 8 * math.prod(shape))  # bytes of most numbers, and about those of a text
        frame = lazy.collect()
    return frame.drop([name for name in frame.columns if re.fullmatch(_INDEX, name)])


def _read_safetensors(path: Path) -> Values:
    from safetensors.torch import load

    tensors = load(path.read_bytes())
    return arrays.as_array(tensors[one_of(list(tensors), path)])


def _write_table(frame: nw.DataFrame[Any], path: Path) -> None:
    writers = {".csv": frame.write_csv, ".parquet": frame.write_parquet}
    if path.suffix.lower() not in writers:
        known = " or ".join(writers)
        raise InputError(f"A table cannot be written to {path}; give a name that ends in {known}.")
    with atomic_path(path) as beside:
        writers[path.suffix.lower()](beside)


def _as_table(array: Values, path: Path) -> nw.DataFrame[Any]:
    if array.ndim != 2:
        raise InputError(
            f"An array of shape {array.shape} cannot be written to {path} as a table; give a name that ends in .npy."
        )
    import narwhals.stable.v2 as nw

    columns = {f"x{i}": column for i, column in enumerate(array.T)}
    return nw.from_dict(columns, backend="polars")
