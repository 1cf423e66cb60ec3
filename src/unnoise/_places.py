"""What a user names must be there, or be free to be written: looked at before anything heavy is imported."""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Collection
from pathlib import Path

from unnoise._errors import InputError
from unnoise._paths import expanded, is_standard, suffix

CONFIG = "config.json"  # what every folder of a model holds
ROWS = (".csv", ".parquet", ".npy", ".tsv")
WRITABLE = (".csv", ".parquet", ".npy", "", ".tsv")  # "" is a folder of images
_LOOKED_AT = 1000  # files of a folder, for a guess


def model_folder(folder: str | Path | None) -> Path:
    """The path of a model that is there, or a sentence."""
    if folder is None:
        raise InputError("to resume, name the folder in which the model is saved: fit(..., folder=..., resume=True)")
    path = expanded(folder)
    if not (path / CONFIG).is_file():
        what = "does not exist" if not path.exists() else f"holds no {CONFIG}"
        raise InputError(f"there is no model in {str(path)!r}: it {what}; give the folder that fit or save wrote")
    return path


def check_model_folder(folder: Path) -> None:
    """Refuse, before long work, a folder for a model that cannot be one, or cannot be made or written to."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file, and a model is a folder; name another one")
    check_makeable(folder)


def check_makeable(folder: Path) -> None:
    """Refuse, before long work, a folder that cannot be made, with those above it, or cannot be written to."""
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        raise InputError(f"the folder {str(folder)!r} cannot be made: {str(there)!r} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"the folder {str(there)!r} cannot be written to: permission denied")


def check_readable(path: Path) -> None:
    """Refuse a file or a folder that is not there; "-" is standard input."""
    try:
        if not is_standard(path):
            expanded(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise missing(expanded(path)) from None
    except OSError:
        pass  # whoever reads it says why it cannot be


def missing(path: Path) -> InputError:
    """The sentence about a file or a folder that is not there, with one of a name like it."""
    return InputError(f"There is no file or folder {path}{_guess(path)}")


def check_writable(path: Path | str, overwrite: bool = False, suffixes: Collection[str] = WRITABLE) -> None:
    """Refuse, before long work, an output that cannot be written.

    Args:
        path: of the file; without a suffix a folder of images, "-" is .csv to the standard output.
        overwrite: whether it may be there already.
        suffixes: those that the caller writes.

    Raises:
        InputError: another type, a folder that is missing or may not be written to, or a file that is there.

    >>> check_writable("rows.docx")
    Traceback (most recent call last):
    unnoise._errors.InputError: rows.docx is of no type that can be written; expected ...
    """
    path = Path(path)
    if suffix(path) not in suffixes:
        known = ", ".join(one or "a folder of images" for one in suffixes)
        raise InputError(f"{path} is of no type that can be written; expected {known}.")
    if is_standard(path):
        return
    if not path.parent.is_dir():
        raise InputError(f"The folder {path.parent} does not exist; create it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"The folder {path.parent} cannot be written to: permission denied.")
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise InputError(f"{path} is a device or a pipe; expected the name of a file.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; pass --overwrite (overwrite=True) to replace it.")
    check_replaceable(path)


def check_replaceable(folder: Path) -> None:
    """Refuse a folder with other files than images of `write_images`."""
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    others = [path.name for path in inside if not (path.suffix == ".png" and path.stem.isdecimal() and path.is_file())]
    if others:
        raise InputError(
            f"The folder {folder} holds other files (such as {others[0]}), which would be lost; name another folder."
        )


def _guess(path: Path) -> str:
    try:
        names = [sibling.name for sibling in itertools.islice(path.parent.iterdir(), _LOOKED_AT)]
    except OSError:
        names = []
    like = difflib.get_close_matches(_stem(path.name), {_stem(name) for name in names}, n=1)
    near = difflib.get_close_matches(path.name, [name for name in names if [_stem(name)] == like], n=1, cutoff=0)
    return f"; did you mean {path.parent / near[0]}?" if near else "."


def _stem(name: str) -> str:
    """Without its endings, which names that have nothing else in common share."""
    return name.partition(".")[0] or name
