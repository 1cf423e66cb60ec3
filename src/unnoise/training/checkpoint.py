"""One safetensors file per training, replaced as a whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import safetensors
from torch import Tensor

from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise._sealed import DamagedError, open_tensors, write_tensors
from unnoise.denoisers import Denoiser
from unnoise.training.state import TrainState, check_same

FORMAT, UNSEALED = "unnoise.training.2", "unnoise.training.1"  # the older one has no checksum


def save(state: TrainState, path: str | Path) -> None:
    """Save a training, to go on with by `load`: written beside `path`, flushed and renamed.

    So a crash leaves the old file or the new, and never half of one. Nothing is pickled.

    Raises:
        OSError: it cannot be written; the sentence says whether an earlier file is still there.
    """
    instance(TrainState, state=state)
    path = _checked(path)
    tensors, metadata = state.state_dict()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, _separate(tensors), {"format": FORMAT, "metadata": json.dumps(metadata)})
    except (OSError, safetensors.SafetensorError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise  # already a sentence
        kept = "the checkpoint saved before is untouched" if path.exists() else "there is no earlier one"
        raise OSError(
            f"The checkpoint {path} could not be written ({_reason(error)}), and {kept}; "
            "choose a file that can be written, and resume."
        ) from error


def load(state: TrainState, path: str | Path) -> None:
    """Bring the state to where the checkpoint is.

    Names, shapes and types of all tensors are compared with those of the state before any is used.

    Raises:
        InputError: it is missing, damaged or of another training; nothing changes.
    """
    instance(TrainState, state=state)
    path = _checked(path)
    with _explained(path), open_tensors(path, FORMAT, UNSEALED) as file:
        metadata = json.loads(file.metadata["metadata"])
        state.check(file.shapes, metadata)
        state.load_state_dict(file.tensors(), metadata)


def check_form(path: Path, outline: Callable[[int], Denoiser]) -> None:
    """An InputError if a checkpoint is of a network of another form.

    Args:
        path: of the checkpoint.
        outline: called with how many tensors the network has in the file; makes a network, which needs no memory.
    """
    with _explained(path), open_tensors(path, FORMAT, UNSEALED) as file:
        found = {name: shape for name, shape in file.shapes.items() if name.startswith("denoiser.")}
        state = outline(len(found)).state_dict()
        check_same(found, {f"denoiser.{name}": tuple(tensor.shape) for name, tensor in state.items()})


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        if isinstance(error, DamagedError):
            raise _damaged(path, error) from error
        raise InputError(f"The checkpoint {path} cannot be resumed: {str(error).removesuffix('.')}.") from error
    except FileNotFoundError as error:
        raise InputError(f"There is no checkpoint {path}; train without resuming to make one.") from error
    except PermissionError as error:
        raise InputError(f"The checkpoint {path} may not be read; ask for permission to read it.") from error
    except (OSError, safetensors.SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise _damaged(path, error) from error


def _checked(path: str | Path) -> Path:
    instance(str, os.PathLike, path=path)
    return Path(path)


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(
        f"The checkpoint {path} is damaged or is no checkpoint of unnoise ({_reason(error)}); delete it and train anew."
    )


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
