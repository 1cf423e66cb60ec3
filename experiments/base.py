"""What an experiment is: a published claim, repeated by one command, with a figure and the published number."""

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
    """How an experiment is to be run.

    Attributes:
        quick: a small version that shows that all of it works, in seconds; its numbers claim nothing.
        seed: of all randomness.
        data: folder of real data, for experiments that need it.
        tell: called with a share of the work done and a few words.
        cache: folder in which experiments keep what they trained for one another; None keeps nothing.
    """

    quick: bool = False
    seed: int = 0
    data: Path | None = None
    tell: Callable[[float, str], None] = lambda share, words: None
    cache: Path | None = None

    def file(self, name: str) -> Path:
        """A file of real data, or a sentence that says where it is looked for."""
        folder = self.data or Path(os.environ.get(FOLDER, "data"))
        path = folder / name
        if not path.is_file():
            raise InputError(
                f"the experiment needs {name}, which is not in {folder}; name the folder that holds it with --data "
                f"FOLDER or the environment variable {FOLDER}"
            )
        return path

    def part(self, start: float, end: float) -> Callable[[float, str], None]:
        """Tell of a part of the work as if it were the whole."""
        return lambda share, words: self.tell(start + (end - start) * share, words)


@dataclass(frozen=True)
class Published:
    """A number that somebody printed."""

    value: float
    source: str


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        measured: metric -> value, with its standard error as `..._se`.
        published: metric -> the published value, under our name for it.
        figures: suffix of the picture's name -> figure.
        notes: what a reader must know to compare the numbers.
    """

    measured: dict[str, Any]
    published: dict[str, Published] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Experiment:
    """A name, what is repeated, and the function that does it."""

    name: str
    summary: str
    run: Callable[[Setting], Outcome]
