"""One safetensors file per training, replaced as a whole or not at all."""

from __future__ import annotations

import errno
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise.training.state import TrainState

FORMAT = "unnoise.training.1"


def save(state: TrainState, path: Path) -> None:
    """Write beside `path`, flush and rename: a crash leaves the old file or the new."""
    tensors, metadata = state.state_dict()
    header = {"format": FORMAT, "metadata": json.dumps(metadata)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as beside:
            safetensors.torch.save_file(_separate(tensors), beside, metadata=header)
    except (OSError, safetensors.SafetensorError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise  # already a sentence
        kept = "the checkpoint saved before is untouched" if path.exists() else "there is no earlier one"
        raise OSError(
            f"The checkpoint {path} could not be written ({_reason(error)}), and {kept}; "
            "choose a file that can be written, and resume."
        ) from error


def load(state: TrainState, path: Path) -> None:
    """Bring the state to where the checkpoint is.

    Raises:
        InputError: it is missing, damaged or of another training; nothing changes.
    """
    with _explained(path):
        tensors, metadata = _read(path)
        state.load_state_dict(tensors, metadata)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(f"The checkpoint {path} cannot be resumed: {error}.") from error
    except FileNotFoundError as error:
        raise InputError(f"There is no checkpoint {path}; train without resuming to make one.") from error
    except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"The checkpoint {path} is damaged or is no checkpoint of unnoise ({_reason(error)}); "
            "delete it and train anew."
        ) from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if path.is_dir():
        raise InputError("it is a folder; name the file inside it")
    with safetensors.safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        if header.get("format") != FORMAT:
            raise InputError(f"its format is {header.get('format')!r}, but {FORMAT!r} is expected")
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}, json.loads(header["metadata"])


def _separate(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors that share no memory, as the format wants."""
    seen: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        separate[name] = tensor.detach().clone() if place in seen else tensor.detach().contiguous()
        seen.add(place)
    return separate


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Keep the first SIGINT waiting until the block ends, for the handler of before.

    A second one does not wait, as the block may hang. The block just runs outside the main thread, and where SIGINT is
    ignored or left to the system.
    """
    previous = signal.getsignal(signal.SIGINT)
    if not callable(previous) or threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append((number, frame))
        if len(waiting) > 1:
            previous(number, frame)

    signal.signal(signal.SIGINT, wait)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if waiting:
        previous(*waiting[0])
