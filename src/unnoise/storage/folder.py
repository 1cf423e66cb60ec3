"""What is written when: before a training its description, during it checkpoints, after it the weights.

The new weights are the moment at which a new model replaces an old one. Until then `config.json` describes both.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._places import CONFIG, check_model_folder
from unnoise.denoisers import Denoiser
from unnoise.storage import weights
from unnoise.storage.description import Config, Description, read
from unnoise.storage.hub import CARD
from unnoise.storage.weights import WEIGHTS

TRAINING = "training.safetensors"
FILES = (CONFIG, WEIGHTS, TRAINING, CARD)
LEFTOVERS = (".tmp", *(f".{name}." for name in FILES))  # how files of a killed process begin


@contextmanager
def held(folder: Path, *, resume: bool = False, overwrite: bool = False) -> Iterator[None]:
    """Hold a folder against all other writers; a process that ends, however it ends, holds nothing.

    Raises:
        InputError: another training or save holds it, or what is there may not be replaced.
    """
    check_model_folder(folder)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _locked(folder):
            if not resume:
                check_free(folder, overwrite)
            yield
    except BaseException:
        if is_new:
            with suppress(OSError):
                folder.rmdir()  # only if it is empty
        raise


def check_free(folder: Path, overwrite: bool = False) -> None:
    """Refuse a folder that holds a model which may not be replaced, or anything else."""
    found = {path.name for path in folder.iterdir() if not path.name.startswith(LEFTOVERS)}
    if foreign := found - set(FILES):
        raise InputError(
            f"the folder {str(folder)!r} holds other files than a model (such as {min(foreign)!r}); name another folder"
        )
    if found and not overwrite:
        advice = "--resume finishes the training in it, " if _is_unfinished(folder) else ""
        raise InputError(
            f"{str(folder)!r} exists; {advice}--overwrite (overwrite=True) replaces it, or name another folder"
        )


def save(
    folder: Path,
    description: Description,
    denoiser: Denoiser,
    losses: NDArray[np.float64],
    looks: NDArray[np.float64] | None = None,
    ended: str = "",
) -> None:
    """Write a model into a folder that is held."""
    if not any(folder.iterdir()):  # appears as a whole
        with atomic_path(folder) as beside:
            beside.mkdir()
            Config(description).write(beside / CONFIG)
            weights.write(beside, description, denoiser, losses, looks, ended)
        return
    create(folder, description, resume=False)
    complete(folder, description, denoiser, losses, looks, ended)


def create(folder: Path, description: Description, *, resume: bool) -> None:
    """Before training: the description of what will be, beside that of the weights that are."""
    before = _of_older_weights(folder)
    with atomic_path(folder / CONFIG, follow=False) as beside:
        same = before is not None and before.fingerprint == description.fingerprint
        Config(description, None if same else before).write(beside)
        if not resume:  # only now that the new description is written
            (folder / TRAINING).unlink(missing_ok=True)


def complete(
    folder: Path,
    description: Description,
    denoiser: Denoiser,
    losses: NDArray[np.float64],
    looks: NDArray[np.float64] | None = None,
    ended: str = "",
) -> None:
    """After training: the weights, without what killed processes left.

    Raises:
        InputError: the folder describes another training now.
    """
    folder.mkdir(parents=True, exist_ok=True)  # in case it was deleted meanwhile
    if (folder / CONFIG).is_file() and read(folder).newest.fingerprint != description.fingerprint:
        raise InputError(f"another training has written into {str(folder)!r}, so this model was not saved there")
    weights.write(folder, description, denoiser, losses, looks, ended)
    with atomic_path(folder / CONFIG, follow=False) as beside:
        Config(description).write(beside)
    for path in folder.iterdir():
        if path.name.startswith(LEFTOVERS) and not path.is_dir():
            path.unlink()


def write_card(folder: Path, text: str, mark: str) -> None:
    """Beside a model, unless there is a card without the mark, which somebody has written by hand."""
    path = folder / CARD
    if path.is_symlink() or not path.exists() or mark in path.read_text(encoding="utf-8", errors="replace"):
        with atomic_path(path, follow=False) as beside:
            beside.write_text(text, encoding="utf-8")


def _is_unfinished(folder: Path) -> bool:
    """Whether the newest training in a folder has no weights yet."""
    with suppress(InputError, OSError):
        newest = read(folder).newest
        return not (folder / WEIGHTS).is_file() or weights.fingerprint(folder) != newest.fingerprint
    return False


def _of_older_weights(folder: Path) -> Description | None:
    """What the weights in a folder belong to; None without such weights."""
    with suppress(InputError, OSError):
        return read(folder).of_weights(weights.fingerprint(folder))
    return None


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The system's lock on the folder itself, so that nothing is left behind; none where there are no such locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"another training or save is writing into {str(folder)!r}; wait until it has ended, or name another "
                "folder"
            ) from None
        except OSError:
            pass  # some network file systems have no locks; `complete` still sees another training
        if not folder.exists() or not os.path.samestat(os.fstat(descriptor), folder.stat()):
            raise InputError(f"another process has just replaced {str(folder)!r}; try again")
        yield
    finally:
        os.close(descriptor)
