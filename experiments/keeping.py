"""Tensors that one run keeps for the next, with the recipe that made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from unnoise._atomic import atomic_path


def keep(path: Path, recipe: str, tensors: Mapping[str, Tensor], **words: str) -> None:
    """Write tensors, such as the weights of a network, and a few words, such as how long they took to train."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as beside:
        save_file(dict(tensors), beside, {"recipe": recipe, **words})


def kept(path: Path, recipe: str) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """Tensors and words, if what is kept at the path was made by this recipe."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            if told.get("recipe") != recipe:
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError:
        return None  # half written, by a run of another version: begin anew
    return tensors, told
