"""Weights that one run keeps for the next, with the recipe that made them."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from unnoise._atomic import atomic_path


def keep(path: Path, recipe: str, module: nn.Module, seconds: float) -> None:
    """Write the weights, and how long they took to train."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as beside:
        save_file(module.state_dict(), beside, {"recipe": recipe, "seconds": str(seconds)})


def kept(path: Path, recipe: str) -> tuple[dict[str, Tensor], float] | None:
    """Weights and seconds of training, if what is kept at the path was made by this recipe."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            if told.get("recipe") != recipe:
                return None
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError:
        return None  # half written, by a run of another version: train anew
    return weights, float(told["seconds"])
