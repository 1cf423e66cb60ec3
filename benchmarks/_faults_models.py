"""Models small enough to be trained in a fraction of a second, and what tells two of them apart."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from unnoise._config import encode
from unnoise.model import DenoisingMarkovModel, load_model
from unnoise.networks import MLP
from unnoise.storage import CONFIG, TRAINING, WEIGHTS
from unnoise.storage.hub import CARD

DATA = np.random.default_rng(0).normal(5.0, 2.0, (40, 2))
NETWORK = partial(MLP, width=8, depth=1, embedding=8)


def tiny(steps: int = 20, seed: int = 0, **changes: Any) -> DenoisingMarkovModel:
    """A model of two columns, without bars, with a checkpoint after every step."""
    shared = {"network": NETWORK, "device": "cpu", "progress": False, "batch_size": 16, "checkpoint_every": 0.0}
    return DenoisingMarkovModel(**{**shared, "steps": steps, "random_state": seed, **changes})


def weights(folder: Path) -> dict[str, bytes]:
    """Every bit of a model's weights, by name; an error where they are none."""
    with safetensors.safe_open(folder / WEIGHTS, framework="np") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118


def same_model(folder: Path, other: Path) -> bool:
    """Whether two folders hold one model: weights, and the parameters that it is loaded with."""
    params = [encode(load_model(one).get_params(deep=False)) for one in (folder, other)]
    return weights(folder) == weights(other) and params[0] == params[1]


def content(folder: Path) -> dict[str, str]:
    """Everything below a folder: the bytes of files, the targets of links."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(folder))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(folder))] = path.read_bytes().hex()
        else:
            found[str(path.relative_to(folder))] = "a folder" if path.is_dir() else "neither a file nor a folder"
    return found


def copies(folder: Path, other: Path) -> None:
    """Copy the files of a model, links and all."""
    other.mkdir(parents=True)
    for name in (CONFIG, WEIGHTS, TRAINING, CARD):
        if (folder / name).is_file():
            (other / name).write_bytes((folder / name).read_bytes())
