"""What every factor can do."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._checked import built, check, check_distinct, check_dtype
from unnoise.data._numerics import Values
from unnoise.data.base import listed
from unnoise.processes import HasKernel

Columns = Mapping[str, Values]


@dataclass(frozen=True)
class Factor(ABC):
    """Columns of the data that are one point of one space.

    For pictures and baselines of your own factor, register functions with `unnoise.report.views.figures`,
    `unnoise.report.views.plane` and `unnoise.report.baselines.baselines`.

    Attributes:
        kind: its word in `kinds` and `--column NAMES=KIND`.
        columns: the names of its columns.
    """

    kind: ClassVar[str]
    columns: tuple[str, ...]

    def __post_init__(self) -> None:
        check_distinct(self.columns, "columns")

    @classmethod
    @abstractmethod
    def fit(cls, columns: Columns) -> Self:
        """The factor with numbers from these values, all present."""

    @abstractmethod
    def process(self) -> HasKernel[Any]:
        """The default noising process; its space says what a point is."""

    @abstractmethod
    def encode(self, columns: Columns) -> Tensor:
        """Points of the space, (n, *event)."""

    @abstractmethod
    def decode(self, x: Tensor) -> dict[str, Values]:
        """The columns at points, in the types of the data."""

    @abstractmethod
    def __str__(self) -> str:
        """A few words for a table that a person reads."""

    @property
    def block(self) -> tuple[int, ...]:
        """The shape of one value of a column; empty for a number or a text."""
        return ()

    @property
    def log_volume(self) -> float:
        """The log density of the data less that of points, in nats per row."""
        return 0.0

    @property
    @abstractmethod
    def measure(self) -> str:
        """The reference measure of densities of the data."""

    def jitter(self) -> Tensor | None:
        """The widths of cells; None without dequantisation."""
        return None

    def to_config(self) -> dict[str, Any]:
        """JSON, from which `from_config` makes an equal factor."""
        return {"kind": self.kind, **listed(dataclasses.asdict(self))}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor whose fields these are."""
        return built(cls, {key: value for key, value in config.items() if key != "kind"})

    def _check_each(self, what: str, items: Sequence[Any]) -> None:
        count = len(self.columns)
        check(len(items) == count, what, items, f"{count}, one for each column")

    def _check_dtypes(self, dtypes: Sequence[str], *, text: bool = False) -> None:
        self._check_each("dtypes", dtypes)
        for dtype in dtypes:
            check_dtype(dtype, text=text)


def expect(ok: bool, sentence: str) -> None:
    """Raise an InputError unless `ok`."""
    if not ok:
        raise InputError(sentence)


def quoted(columns: Sequence[str]) -> str:
    """The first few columns, for a sentence."""
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
    """The columns side by side, (n, columns)."""
    return np.stack([columns[name] for name in names], axis=1)


def dtypes_of(columns: Columns) -> tuple[str, ...]:
    """The type of each column."""
    return tuple(str(values.dtype) for values in columns.values())


def refuse(bad: Values, sentence: Callable[[int], str]) -> None:
    """An InputError if any is bad; `sentence` gets the number of the first such row."""
    if bad.any():
        raise InputError(sentence(int(bad.nonzero()[0][0])))
