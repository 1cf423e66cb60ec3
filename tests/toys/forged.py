"""Model folders that somebody has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors

from unnoise import storage
from unnoise._sealed import BLANK, seal, write_tensors
from unnoise.storage import CONFIG, WEIGHTS


def rewrite(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the description of a saved model, and seal both files anew, as somebody who wants harm would do it."""
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config | {"checksum": BLANK}))
    seal(folder / CONFIG)
    model = storage.Description(config.get("params"), config.get("schema"), config.get("data")).fingerprint
    with safetensors.safe_open(folder / WEIGHTS, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    write_tensors(folder / WEIGHTS, tensors, metadata | {"model": str(model)})
