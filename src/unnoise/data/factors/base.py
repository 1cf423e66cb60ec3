"""What every factor can do: columns that together are one point of one space, and how these are noised."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Values, row_of
from unnoise.processes import HasKernel

Columns = Mapping[str, Values]


@dataclass(frozen=True)
class Factor(ABC):
    """Columns of the data that are one point of one space.

    Attributes:
        kind: the word for it in `kinds` and `--column NAMES=KIND`.
        columns: the columns that it takes, in the order in which they were named.

    How a report draws the columns, and which baselines it fits to them, stands beside the report: a factor of your own
    has pictures of each column and no baseline until functions for its class are registered with
    `unnoise.report.views.figures`, `unnoise.report.views.plane` and `unnoise.report.baselines.baselines`.
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


def quoted(columns: Sequence[str]) -> str:
    """The first few columns, as they stand in a sentence."""
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


def log_scale(factor: float, count: int) -> float:
    """The log volume of `count` numbers that were each multiplied by a factor."""
    return count * math.log(factor)


def _listed(value: Any) -> Any:
    return [_listed(part) for part in value] if isinstance(value, tuple | list) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value
