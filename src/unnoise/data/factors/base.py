"""What every factor can do: columns that together are one point of one space, and how these are noised."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Floats, Values, row_of
from unnoise.processes import HasKernel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Columns = Mapping[str, Values]


@dataclass(frozen=True)
class Factor(ABC):
    """Columns of the data that are one point of one space.

    Attributes:
        kind: the word for it in `kinds` and `--column NAMES=KIND`.
        columns: the columns that it takes, in the order in which they were named.
    """

    kind: ClassVar[str]
    columns: tuple[str, ...]

    @classmethod
    @abstractmethod
    def fit(cls, columns: Columns) -> Self:
        """The factor with its numbers taken from the values, which are all present."""

    @abstractmethod
    def process(self) -> HasKernel[Any]:
        """How its points are noised, where nothing else is asked for; its space says what a point is."""

    @abstractmethod
    def encode(self, columns: Columns) -> Tensor:
        """Points of the space, (n, *event)."""

    @abstractmethod
    def decode(self, x: Tensor) -> dict[str, Values]:
        """The columns that points stand for, in the types of the data."""

    @abstractmethod
    def __str__(self) -> str:
        """A few words for a table that a person reads."""

    @property
    def log_volume(self) -> float:
        """What turns the log density of points into that of the data, in nats per row."""
        return 0.0

    @property
    @abstractmethod
    def measure(self) -> str:
        """What densities of the data are with respect to, in words."""

    def jitter(self) -> Tensor | None:
        """The width of the cell that each number stands for, where it is dequantised."""
        return None

    def baselines(self, train: Tensor, test: Tensor, seed: int) -> Iterator[tuple[str, str, Floats]]:
        """Simple models of the same points: a name, what it is, and its log density of the test points, in nats."""
        yield from ()

    def figures(self, real: Columns, samples: Columns) -> list[tuple[Figure, str]]:
        """Pictures of held-out rows beside samples, each with a caption."""
        from unnoise.report import plots

        names = dict.fromkeys(self.columns)
        first, second = ({name: columns[name] for name in names} for columns in (real, samples))
        return [(plots.marginals(first, second), "Each column: held-out rows and as many samples.")]

    def plane(self, x: Tensor) -> list[Values]:
        """Two coordinates to draw points by, where noisy points can be drawn in a plane; else none."""
        return []

    def to_config(self) -> dict[str, Any]:
        """Plain JSON types, from which `from_config` makes an equal factor."""
        config = {"kind": self.kind, **dataclasses.asdict(self)}
        return {key: _listed(value) for key, value in config.items()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor whose fields these are."""
        return cls(**{key: _tupled(value) for key, value in config.items() if key != "kind"})


def expect(ok: bool, sentence: str) -> None:
    """Say what is wrong with columns, where something is."""
    if not ok:
        raise InputError(sentence)


def named(columns: Sequence[str]) -> str:
    """Columns as a sentence names them: the first few."""
    shown = ", ".join(f"'{name}'" for name in columns[:4]) + (", ..." if len(columns) > 4 else "")
    return f"column {shown}" if len(columns) == 1 else f"columns {shown}"


def finite_numbers(values: Values, column: str, kind: str) -> None:
    """Refuse text where a factor needs numbers."""
    if values.dtype == object:
        text = next((value for value in values.flat if isinstance(value, str)), values.flat[0])
        raise InputError(
            f"Column '{column}' holds text (for example {text!r}), and is modelled as {kind}: numbers only."
        )


def first_row(bad: Values) -> int:
    """The first row in which something is the case."""
    return row_of(int(bad.nonzero()[0][0]), bad)


def independent(train: Tensor, test: Tensor) -> tuple[str, str, Floats]:
    """The baseline of states that are places: the frequencies at every site, each seen once more than it was."""
    first, second = (part.flatten(1).numpy() for part in (train, test))
    states, sites = int(max(first.max(), second.max())) + 1, np.arange(first.shape[1])
    counts = np.ones((len(sites), states))
    np.add.at(counts, (sites, first), 1.0)
    log_share = np.log(counts / counts.sum(1, keepdims=True))
    words = "the frequencies of every column, as if columns knew nothing of each other"
    return "Independent", words, log_share[sites, second].sum(1)


def log_scale(factor: float, count: int) -> float:
    """The log volume of `count` numbers that were each multiplied by a factor."""
    return count * math.log(factor)


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value
