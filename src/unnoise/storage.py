"""A saved model: a folder with `config.json`, `weights.safetensors`, and `training.safetensors` to resume from.

Nothing is pickled, and reading a folder runs no code but unnoise's own and that of modules the reader trusts. A crash
leaves the old file or the new one.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray

from unnoise import _config, _renamed
from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._version import __version__
from unnoise.data import Schema
from unnoise.denoisers import Denoiser

CONFIG, WEIGHTS, TRAINING = "config.json", "weights.safetensors", "training.safetensors"
FORMAT = "unnoise.model.1"
LOSSES = "training.losses"
FILES = (CONFIG, WEIGHTS, TRAINING)
RESUMABLE = {
    "steps",
    "time_limit",
    "checkpoint_every",
    "device",
    "progress",
    "sampler",
    "likelihood",
}  # what a resumed training may change
LEFTOVERS = (".tmp", *(f".{name}." for name in FILES))  # how files of a killed process begin


def save(
    folder: Path,
    params: Mapping[str, Any],
    schema: Schema,
    denoiser: Denoiser,
    losses: NDArray[np.float64],
    *,
    overwrite: bool,
) -> None:
    """Write a whole folder at once; an old one stands until then."""
    _check_free(folder, overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as beside:
        beside.mkdir()
        _write_config(beside / CONFIG, params, schema)
        _write_weights(beside, denoiser, losses)


def create(folder: Path, params: Mapping[str, Any], schema: Schema, *, resume: bool, overwrite: bool) -> None:
    """Before training: the description; no weights, and nothing of an older model."""
    if not resume:
        _check_free(folder, overwrite)
        folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / CONFIG) as beside:
        _write_config(beside, params, schema)
        if not resume:  # only now that the new description is written
            for old in (WEIGHTS, TRAINING):
                (folder / old).unlink(missing_ok=True)


def complete(folder: Path, denoiser: Denoiser, losses: NDArray[np.float64]) -> None:
    """After training: the weights, without a killed run's leftovers."""
    _write_weights(folder, denoiser, losses)
    for path in folder.iterdir():
        if path.name.startswith(LEFTOVERS):
            path.unlink()


def existing(folder: str | Path | None) -> Path:
    """The path of a model folder, or a sentence."""
    if folder is None:
        raise InputError("to resume, name the folder in which the model is saved: fit(..., folder=..., resume=True)")
    path = Path(folder)
    if not (path / CONFIG).is_file():
        what = "does not exist" if not path.exists() else f"holds no {CONFIG}"
        raise InputError(f"there is no model in {str(path)!r}: it {what}; give the folder that fit or save wrote")
    return path


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Refuse, in a sentence, a description that makes no model."""
    try:
        yield
    except InputError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{folder / CONFIG} is damaged or of another version, no model can be made from it "
            f"({type(error).__name__}: {_shortened(error)}); copy or train it anew"
        ) from error


def read_params(folder: Path, trust: Sequence[str] = ()) -> dict[str, Any]:
    """The parameters that the model was made with."""
    return dict(_config.decode(_renamed.translated(_read_config(folder)["params"]), trust))


def check_same_options(folder: Path, params: Mapping[str, Any]) -> None:
    """An InputError if other parameters decided the training of the model in a folder."""
    then = _renamed.translated(_read_config(folder)["params"])["dict"]
    now = _config.encode(dict(params))["dict"]
    for name in sorted(now.keys() - RESUMABLE):
        if name in then and not _same(then[name], now[name]):
            raise InputError(
                f"{str(folder)!r} was trained with {name} = {_shortened(then[name])}, but {name} = "
                f"{_shortened(now[name])} is asked for now; resume with the same options, or train anew"
            )


def _same(then: Any, now: Any) -> bool:
    if then == now:
        return True
    imported = re.findall(r"'(?:name|object)': '([\w.]+):", repr(now))  # the modules to trust
    try:
        return bool(_config.encode(_config.decode(then, imported)) == now)
    except InputError:
        return False


def read_schema(folder: Path) -> Schema:
    """What the model knows about its data."""
    with explained(folder):
        return Schema.from_config(_renamed.translated_schema(_read_config(folder)["schema"]))


def read_weights(folder: Path, denoiser: Denoiser) -> list[float]:
    """Load the weights, and return the losses."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise InputError(
            f"the model in {str(folder)!r} has no weights: its training was interrupted; finish it with "
            f"'unnoise fit DATA -o {folder} --resume' or fit(..., folder={str(folder)!r}, resume=True)"
        )
    try:
        tensors = safetensors.torch.load_file(path)
        losses = tensors.pop(LOSSES).tolist()
        denoiser.load_state_dict(tensors)
    except (OSError, safetensors.SafetensorError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{path} is damaged or belongs to another model ({_shortened(error)}); copy or train it anew"
        ) from error
    return list(losses)


def _check_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{str(folder)!r} is a file, and a model is a folder; name another one")
    found = {path.name for path in folder.iterdir() if not path.name.startswith(LEFTOVERS)}
    if foreign := found - set(FILES):
        raise InputError(
            f"the folder {str(folder)!r} holds other files than a model (such as {min(foreign)!r}); name another folder"
        )
    if found and not overwrite:
        unfinished = (folder / CONFIG).is_file() and not (folder / WEIGHTS).is_file()
        advice = "--resume finishes the training in it, " if unfinished else ""
        raise InputError(
            f"{str(folder)!r} exists; {advice}--overwrite (overwrite=True) replaces it, or name another folder"
        )


def _write_config(path: Path, params: Mapping[str, Any], schema: Schema) -> None:
    config = {
        "format": FORMAT,
        "version": __version__,
        "params": _config.encode(dict(params)),
        "schema": schema.to_config(),
    }
    path.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _write_weights(folder: Path, denoiser: Denoiser, losses: NDArray[np.float64]) -> None:
    state = denoiser.state_dict()
    tensors = {name: part.clone(memory_format=torch.contiguous_format).cpu() for name, part in state.items()}
    tensors[LOSSES] = torch.as_tensor(losses, dtype=torch.float64)
    with atomic_path(folder / WEIGHTS) as beside:
        safetensors.torch.save_file(tensors, beside, metadata={"format": FORMAT})


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        version = config["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as the description of a model ({error}); it is damaged") from error
    if version != FORMAT:
        raise InputError(f"{path} has the format {version!r}, and this unnoise {__version__} reads {FORMAT!r}")
    return dict(config)


def _shortened(words: object) -> str:
    return textwrap.shorten(str(words), 200, placeholder=" ...")
