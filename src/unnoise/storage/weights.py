"""`weights.safetensors`: the averaged weights of a trained model, and the losses of its training."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import safetensors
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._errors import InputError
from unnoise._sealed import TensorFile, open_tensors, write_tensors
from unnoise.denoisers import Denoiser
from unnoise.storage.description import FORMAT, UNSEALED, Description, read, shortened

WEIGHTS = "weights.safetensors"
LOSSES, LOOKS = "training.losses", "training.validation"
ENDED = "ended"  # in the header
_LONGEST = 1000  # letters of a sentence


class Weights:
    """An open file of weights, with the description that they belong to."""

    def __init__(self, path: Path, file: TensorFile, description: Description) -> None:
        self._path, self._file, self.description = path, file, description

    def __len__(self) -> int:
        """How many tensors there are."""
        return len(self._file.shapes)

    def __contains__(self, name: str) -> bool:
        """Whether there is a tensor of this name."""
        return name in self._file.shapes

    @property
    def ended(self) -> str:
        """Why the training ended, in words; nothing in files of earlier versions."""
        return str(self._file.metadata.get(ENDED, ""))[:_LONGEST]

    def shape(self, name: str) -> tuple[int, ...]:
        """Of a tensor, (1,) if there is none."""
        return tuple(self._file.shapes.get(name, ())) or (1,)

    def check(self, outline: Denoiser) -> None:
        """An InputError if the weights are not those of a network of this form, which needs no memory."""
        expected = {name: tuple(tensor.shape) for name, tensor in outline.state_dict().items()}
        found = {name: shape for name, shape in self._file.shapes.items() if name not in (LOSSES, LOOKS)}
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) != found.get(name):
                there, here = (f"has shape {s[name]}" if name in s else "does not exist" for s in (found, expected))
                raise _refused(
                    self._path, f"size mismatch for {name}: it {there} in the file and {here} in the network"
                )

    def load_into(self, denoiser: Denoiser) -> tuple[list[float], Tensor]:
        """Take up the weights; return the losses (nats), and those of validation with their steps, (looks, 2)."""
        self.check(denoiser)
        with _explained(self._path):
            tensors = self._file.tensors()
            losses, looks = tensors.pop(LOSSES), tensors.pop(LOOKS, torch.empty(0, 2, dtype=torch.float64))
            _check_numbers(tensors, denoiser.state_dict(), losses, looks)
            denoiser.load_state_dict(tensors)
            return list(losses.tolist()), looks.clone()


def _check_numbers(tensors: dict[str, Tensor], state: dict[str, Tensor], losses: Tensor, looks: Tensor) -> None:
    for name, tensor in tensors.items():
        if tensor.dtype != state[name].dtype:
            raise InputError(f"{name} has type {tensor.dtype}, and {state[name].dtype} in the network")
        if not tensor.isfinite().all():
            raise InputError(f"{name} holds numbers that are not finite")
    if losses.ndim != 1 or losses.dtype != torch.float64:
        raise InputError("the losses of its training are no list of numbers")
    if looks.ndim != 2 or looks.shape[1] != 2 or looks.dtype != torch.float64:
        raise InputError("the losses of its validation are no list of steps and numbers")


@contextmanager
def open_weights(folder: Path) -> Iterator[Weights]:
    """The weights in a folder; an InputError if they are missing, damaged, or of no model that is described there."""
    path, config = folder / WEIGHTS, read(folder)
    if not path.exists():
        raise InputError(
            f"the model in {str(folder)!r} has no weights: its training was interrupted; finish it with "
            f"'unnoise fit DATA -o {shlex.quote(str(folder))} --resume' or "
            f"fit(..., folder={str(folder)!r}, resume=True)"
        )
    with ExitStack() as stack:
        with _explained(path):
            file = stack.enter_context(open_tensors(path, FORMAT, UNSEALED))
            description = config.of_weights(file.metadata.get("model"))
            if description is None:
                raise InputError("they were trained with other parameters or data than the description beside them")
        yield Weights(path, file, description)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise InputError(f"{path} may not be read; ask for permission to read it") from error
    except (OSError, safetensors.SafetensorError, InputError, LookupError, ValueError, RuntimeError) as error:
        raise _refused(path, error) from error


def _refused(path: Path, why: object) -> InputError:
    return InputError(f"{path} is damaged or belongs to another model ({shortened(why)}); copy or train it anew")


def fingerprint(folder: Path) -> str | None:
    """That of the weights in a folder, which names their description."""
    with open_tensors(folder / WEIGHTS, FORMAT, UNSEALED) as file:
        return file.metadata.get("model")


def write(
    folder: Path,
    description: Description,
    denoiser: Denoiser,
    losses: NDArray[np.float64],
    looks: NDArray[np.float64] | None = None,
    ended: str = "",
) -> None:
    """The weights, which replace older ones as a whole."""
    state: dict[str, Tensor] = denoiser.state_dict()
    tensors = {name: part.clone(memory_format=torch.contiguous_format).cpu() for name, part in state.items()}
    tensors[LOSSES] = torch.as_tensor(losses, dtype=torch.float64)
    if looks is not None and len(looks):
        tensors[LOOKS] = torch.as_tensor(looks, dtype=torch.float64).contiguous()
    about = {"format": FORMAT, "model": str(description.fingerprint)} | ({ENDED: ended} if ended else {})
    try:
        write_tensors(folder / WEIGHTS, tensors, about)
    except safetensors.SafetensorError as error:  # as where files may not be large
        raise OSError(f"{folder / WEIGHTS} could not be written ({shortened(error)}); choose another folder") from error
