"""Simulations on disk: a folder of chunks, each written whole or not at all, that knows what it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._sealed import open_tensors, write_tensors
from unnoise.inference.parameters import Floats

FORMAT = "unnoise simulations 1"
DESCRIPTION = "simulations.json"
CLOSE = 1e-4  # relative difference of numbers that other machines compute
WORDS = {"seed": "with another seed", "prior": "of another prior", "simulator": "of another simulator"}
Chunk = tuple[Floats, Floats]


@dataclass(frozen=True)
class Store:
    """A folder of simulations.

    Args:
        folder: where it is.

    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()) / "simulations")
    >>> store.begin({"seed": 0})
    >>> store.write(3, (np.zeros((2, 1)), np.ones((2, 4))))
    >>> store.read(3)[1].shape, store.read(4)
    ((2, 4), None)
    """

    folder: Path

    def begin(self, about: dict[str, Any]) -> None:
        """Describe what the folder will hold, or check that it holds the same.

        Args:
            about: plain values by name; numbers may differ by rounding.

        Raises:
            InputError: it holds other simulations, or other things.
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{str(self.folder)!r} is a file, and simulations are kept in a folder; name another one")
        path = self.folder / DESCRIPTION
        about = json.loads(json.dumps({"format": FORMAT, **about}))
        if path.exists():
            self._check_same(path, about)
            return
        if self.folder.exists() and any(not file.name.startswith(".") for file in self.folder.iterdir()):
            raise InputError(f"the folder {str(self.folder)!r} holds other files than simulations; name another folder")
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as beside:
            beside.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")

    def write(self, index: int, chunk: Chunk) -> None:
        """Keep the parameters and the observations of a chunk."""
        tensors = {name: torch.from_numpy(part) for name, part in zip(("theta", "x"), chunk, strict=True)}
        write_tensors(self._path(index), tensors, {"format": FORMAT})

    def read(self, index: int) -> Chunk | None:
        """A chunk; None where it was not simulated yet, or its file was damaged."""
        path = self._path(index)
        if not path.is_file():
            return None
        try:
            with open_tensors(path, FORMAT, FORMAT) as file:
                tensors = file.tensors()
            return tensors["theta"].numpy(), tensors["x"].numpy()
        except (InputError, KeyError):
            return None

    def _path(self, index: int) -> Path:
        return self.folder / f"{index:06d}.safetensors"

    def _check_same(self, path: Path, about: dict[str, Any]) -> None:
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError):
            held = None
        if not isinstance(held, dict) or held.get("format") != FORMAT:
            raise InputError(f"{str(path)!r} describes no simulations; name another folder")
        for name, value in about.items():
            if name not in held or not _same(held[name], value):
                other = WORDS.get(name, f"with another {name}")
                raise InputError(f"the folder {str(self.folder)!r} holds simulations {other}; name another folder")


def _same(held: Any, value: Any) -> bool:
    """Equal, or lists of numbers that are nearly so."""
    if isinstance(held, dict) and isinstance(value, dict):
        return held.keys() == value.keys() and all(_same(held[key], value[key]) for key in value)
    if isinstance(held, list) and isinstance(value, list):
        first, second = (np.array(one, dtype=np.float64) for one in (held, value))  # None is NaN
        return first.shape == second.shape and np.allclose(first, second, rtol=CLOSE, atol=0, equal_nan=True)
    return bool(held == value)
