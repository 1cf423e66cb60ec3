"""What every factor can do: columns that together are one point of one space, and their noising process."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.data.base import listed, tupled
from unnoise.processes import HasKernel

Columns = Mapping[str, Values]


@dataclass(frozen=True)
class Factor(ABC):
    """Columns of the data that are one point of one space.

    A report draws a factor of your own column by column and fits no baseline to it, until you register functions for
    its class with `unnoise.report.views.figures`, `unnoise.report.views.plane` and
    `unnoise.report.baselines.baselines`.

    Attributes:
        kind: the word for it in `kinds` and `--column NAMES=KIND`.
        columns: the names of its columns.
    """

    kind: ClassVar[str]
    columns: tuple[str, ...]

    @classmethod
    @abstractmethod
    def fit(cls, columns: Columns) -> Self:
        """The factor with its numbers taken from the values, which are all present."""

    @abstractmethod
    def process(self) -> HasKernel[Any]:
        """The default noising process; its space says what a point is."""

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
        """The reference measure of densities of the data, in words."""

    def jitter(self) -> Tensor | None:
        """The width of the cell that each number stands for; None without dequantisation."""
        return None

    def to_config(self) -> dict[str, Any]:
        """Plain JSON types, from which `from_config` makes an equal factor."""
        return {"kind": self.kind, **listed(dataclasses.asdict(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor whose fields these are."""
        return cls(**{key: tupled(value) for key, value in config.items() if key != "kind"})


def expect(ok: bool, sentence: str) -> None:
    """Raise an InputError unless `ok`."""
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


def stacked(columns: Columns, names: Sequence[str]) -> Values:
    """The named columns side by side, (n, columns)."""
    return np.stack([columns[name] for name in names], axis=1)


def dtypes_of(columns: Columns) -> tuple[str, ...]:
    """The type of each column."""
    return tuple(str(values.dtype) for values in columns.values())


def refuse(bad: Values, sentence: Callable[[int], str]) -> None:
    """Raise an InputError if an element of `bad` is true; `sentence` gets the number of the first such row."""
    if bad.any():
        raise InputError(sentence(int(bad.nonzero()[0][0])))
