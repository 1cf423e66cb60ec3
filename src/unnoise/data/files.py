"""Read and write tables, arrays and folders of images, without pickles; a file is written whole or not at all."""

from __future__ import annotations

import contextlib
import difflib
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise.data import arrays, frames
from unnoise.data._csv import read_csv
from unnoise.data._numerics import Values
from unnoise.data.images import check_replaceable, read_images, write_images

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

# At a damaged file; a wrong size can ask for too much memory.
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, MemoryError, zlib.error, zipfile.BadZipFile, TokenError)

WRITABLE = (".csv", ".parquet", ".npy", "")  # the last is a folder of images


def read(path: Path | str) -> pl.DataFrame | Values:
    """The data in a file, or in a folder of images.

    Tables (.csv, .csv.gz, .parquet) become polars DataFrames; .npy, .npz and .safetensors give the only array, or x;
    images of one size give bytes, grey (n, H, W) or RGB (n, 3, H, W).
    """
    import polars as pl

    path = Path(path)
    readers: dict[str, Callable[[Path], pl.DataFrame | Values]] = {
        ".csv": read_csv,
        ".csv.gz": read_csv,
        ".parquet": pl.read_parquet,
        ".npy": _read_npy,
        ".npz": _read_npz,
        ".safetensors": _read_safetensors,
    }
    with _faults_of(path):
        if path.is_dir():
            return read_images(path)
        empty = path.stat().st_size == 0
        reader = next((f for suffix, f in readers.items() if path.name.lower().endswith(suffix)), None)
        if reader is None:
            raise InputError(f"{path} is of no known type; expected {', '.join(readers)}, or a folder of images.")
        if empty:
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
    import polars as pl
    from safetensors import SafetensorError

    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"There is no file or folder {path}{_guess(path)}") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: permission denied.") from None
    except (pl.exceptions.PolarsError, SafetensorError, *_DAMAGE) as error:
        reason = next(iter(str(error).splitlines()), "").rstrip(".")
        if "allow_pickle" in reason:
            reason = "it holds Python objects, which could run code"
        raise InputError(f"{path} cannot be read, it may be damaged or cut short: {reason}.") from error


def _guess(path: Path) -> str:
    names = [sibling.name for sibling in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else "."


def _read_npy(path: Path) -> Values:
    with open(path, "rb") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _read_npz(path: Path) -> Values:
    with open(path, "rb") as file, zipfile.ZipFile(file):  # raises if it is no archive
        pass
    with np.load(path, allow_pickle=False) as archive:
        return np.asarray(archive[_one_of(archive.files, path)])


def _read_safetensors(path: Path) -> Values:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return arrays.as_array(file.get_tensor(_one_of(list(file.keys()), path)))


def _one_of(names: Sequence[str], path: Path) -> str:
    if len(names) != 1 and "x" not in names:
        raise InputError(f"{path} holds {len(names)} arrays ({', '.join(names)}); expected one, or one named x.")
    return names[0] if len(names) == 1 else "x"


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
