"""Models small enough to be trained in a fraction of a second, and what tells two of them apart."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors

from unnoise.model import DenoisingMarkovModel
from unnoise.networks import MLP
from unnoise.storage import CONFIG, TRAINING, WEIGHTS
from unnoise.training import Settings

DATA = np.random.default_rng(0).normal(5.0, 2.0, (40, 2))
NETWORK = partial(MLP, width=8, depth=1, embedding=8)


def tiny(steps: int = 20, seed: int = 0, **changes: Any) -> DenoisingMarkovModel:
    """A model of two columns, without bars."""
    shared = {"network": NETWORK, "device": "cpu", "progress": False, "batch_size": 16}
    return DenoisingMarkovModel(**{**shared, "steps": steps, "random_state": seed, **changes})


def save_every_step() -> None:
    """In a child: a checkpoint after every step."""
    Settings.__init__.__kwdefaults__["checkpoint_every"] = 0.0  # type: ignore[index]


def weights(folder: Path) -> dict[str, bytes]:
    """Every bit of a model's weights, by name; an error where they are none."""
    with safetensors.safe_open(folder / WEIGHTS, framework="np") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118


def params(folder: Path) -> Any:
    """What the description says that the model was made with."""
    return json.loads((folder / CONFIG).read_text(encoding="utf-8"))["params"]


def same_model(folder: Path, other: Path) -> bool:
    """Whether two folders hold one model: description and weights."""
    return weights(folder) == weights(other) and params(folder) == params(other)


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
    for name in (CONFIG, WEIGHTS, TRAINING):
        if (folder / name).is_file():
            (other / name).write_bytes((folder / name).read_bytes())
