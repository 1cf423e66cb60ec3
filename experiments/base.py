"""An experiment repeats a published claim by one command, with a figure and the published number."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "UNNOISE_DATA"  # environment variable that names the folder of real data


@dataclass(frozen=True)
class Setting:
    """How to run an experiment.

    Attributes:
        quick: run a small version that takes seconds; its numbers have no meaning.
        seed: of all randomness.
        data: folder of real data, for experiments that need it.
        tell: called with the share of the work that is done and a few words.
        cache: folder for trained models that several experiments use; None keeps none.
    """

    quick: bool = False
    seed: int = 0
    data: Path | None = None
    tell: Callable[[float, str], None] = lambda share, words: None
    cache: Path | None = None

    def file(self, name: str) -> Path:
        """The path of a file of real data; an InputError says where to put it."""
        folder = self.data or Path(os.environ.get(FOLDER, "data"))
        path = folder / name
        if not path.is_file():
            raise InputError(
                f"the experiment needs {name}, which is not in {folder}; name its folder with --data FOLDER or the "
                f"environment variable {FOLDER}"
            )
        return path

    def part(self, start: float, end: float) -> Callable[[float, str], None]:
        """The function `tell` for a part of the work, from `start` to `end`."""
        return lambda share, words: self.tell(start + (end - start) * share, words)


@dataclass(frozen=True)
class Published:
    """A published number."""

    value: float
    source: str


@dataclass(frozen=True)
class Outcome:
    """The result of an experiment.

    Attributes:
        measured: metric -> value, with its standard error as `..._se`.
        published: metric -> the published value.
        figures: suffix of the file name -> figure.
        notes: what a reader must know to compare the numbers.
    """

    measured: dict[str, Any]
    published: dict[str, Published] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """The name of an experiment, its claim, and the function that runs it."""

    name: str
    summary: str
    run: Callable[[Setting], Outcome]
