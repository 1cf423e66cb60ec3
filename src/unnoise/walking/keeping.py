"""Checkpoints of walks: what was reached, so that an interrupted walk goes on to the same bits."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import safetensors
import torch
from torch import Tensor

from unnoise._checks import flag, instance, real
from unnoise._errors import InputError
from unnoise._sealed import open_tensors, write_tensors
from unnoise.walking import packing

FORMAT = "unnoise.walk.1"
EVERY = 10.0  # seconds between two writings, each of which waits for the disk
SAME = 1e-9  # relative, within which values of a log density are the same

T = TypeVar("T")


class Checkpoint:
    """What a walk has reached, in a file, as long as the block runs; it is removed when the block ends well.

    Written are the parts that took long, with the state of the generator: nothing is pickled. A walk that is resumed
    begins at its beginning, but what was reached is not computed again. On the same machine, with as many threads, it
    ends at the bits of a walk that was never interrupted.

    Args:
        path: of the file; None keeps nothing.
        resume: go on from it, instead of refusing a file that is there.
        overwrite: begin anew though there is one.
        every: seconds between two writings; at Ctrl-C and `SystemExit` it is written too.

    Raises:
        InputError: there is a file and `resume` is not given, or the other way round; or the walk is another one.

    >>> import tempfile, unnoise
    >>> path = Path(tempfile.mkdtemp()) / "walk.checkpoint"
    >>> with Checkpoint(path) as checkpoint:
    ...     found = unnoise.walk(lambda x: -x.square().sum(-1), dimension=1, n=10, checkpoint=checkpoint)
    >>> found.draws.shape, path.exists()
    (torch.Size([10, 1]), False)
    """

    def __init__(
        self, path: str | Path | None, *, resume: bool = False, overwrite: bool = False, every: float = EVERY
    ) -> None:
        instance(str, Path, or_none=True, path=path)
        flag(resume=resume, overwrite=overwrite)
        real(least=0, every=every)
        self.path, self.resume, self.every = None if path is None else Path(path), resume, every
        self._rng, self._about = torch.Generator(), dict[str, Any]()
        self._parts: dict[str, Any] = {}  # by name: the value, the state of the generator, and plain attributes
        self._written, self._changed = time.monotonic(), False
        if self.path is None:
            return
        if resume and not self.path.exists():
            raise InputError(f"there is no checkpoint {self.path}; walk without resuming to make one")
        if not (resume or overwrite) and self.path.exists():
            raise InputError(
                f"{self.path} is the checkpoint of a walk that was interrupted: go on with resume=True (--resume), "
                "or begin anew with overwrite=True (--overwrite)"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.remove()
        elif kind is not None and not issubclass(kind, Exception):
            self.write()

    def remove(self) -> None:
        """The file, if there is one."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def begin(self, rng: torch.Generator, about: dict[str, Any]) -> None:
        """Say which walk it is: its generator, and what tells it from others, numbers, texts and lists of numbers."""
        self._rng, self._about, self._parts = rng, about, {}
        if self.path is None or not self.resume:
            return
        kept, self._parts = _read(self.path)
        for name, here in about.items():
            if (other := _difference(kept.get(name), here)) is not None:
                raise InputError(
                    f"the checkpoint {self.path} is of another walk: {name} was {other[0]}, and is {other[1]} now; "
                    "walk as then, or delete it"
                )

    def once(self, name: str, compute: Callable[[], T], *also: Any) -> T:
        """What `compute` gives, or gave before the interruption; then the generator and `also` are as it left them.

        Args:
            name: of this part.
            compute: it.
            also: objects whose plain attributes change on the way, such as counters and step sizes.
        """
        if name not in self._parts:
            return self.keep(name, compute(), *also)
        value: T
        value, state, plain = self._parts[name]
        self._rng.set_state(state)
        for one, known in zip(also, plain, strict=True):
            vars(one).update(known)
        return value

    def keep(self, name: str, value: T, *also: Any) -> T:
        """The value, remembered in the place of what had this name, and written if it is time.

        Parts that it was made of, whose names begin with its name and a slash, are forgotten.
        """
        value = packing.contiguous(value)  # as it is when it is read, since bits depend on how numbers lie
        if self.path is not None:
            plain = [{key: part for key, part in vars(one).items() if packing.is_plain(part)} for one in also]
            rest = {key: part for key, part in self._parts.items() if not key.startswith(f"{name}/")}
            self._parts = rest | {name: [value, self._rng.get_state(), plain]}
            self._changed = True
            if time.monotonic() - self._written >= self.every:
                self.write()
        return value

    def write(self) -> None:
        """Write now, whole or not at all, if there is something new."""
        if self.path is None or not self._changed:
            return
        tensors: dict[str, Tensor] = {}
        texts = {"about": json.dumps(self._about), "parts": json.dumps(packing.packed(self._parts, tensors))}
        write_tensors(self.path, tensors, {"format": FORMAT} | texts)
        self._written, self._changed = time.monotonic(), False


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with open_tensors(path, FORMAT, FORMAT) as file:
            about, parts = json.loads(file.metadata["about"]), json.loads(file.metadata["parts"])
            return about, packing.unpacked(parts, file.tensors())
    except (InputError, OSError, safetensors.SafetensorError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"the checkpoint {path} is damaged or of another version ({error}); delete it") from error


def _difference(kept: Any, here: Any) -> tuple[Any, Any] | None:
    """What differs, of two texts, numbers or lists of numbers; None where nothing does."""
    if not isinstance(kept, list) or not isinstance(here, list) or len(kept) != len(here):
        return None if kept == here else (kept, here)
    apart = ((a, b) for a, b in zip(kept, here, strict=True) if a != b and not math.isclose(a, b, rel_tol=SAME))
    return next((pair for pair in apart if not all(map(math.isnan, pair))), None)
