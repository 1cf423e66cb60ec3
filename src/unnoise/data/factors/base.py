"""What every factor can do."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import holes
from unnoise.data._checked import built, check, check_distinct, check_dtype
from unnoise.data._numerics import Values
from unnoise.data.base import listed
from unnoise.processes import HasKernel

Columns = Mapping[str, Values]


@dataclass(frozen=True)
class Factor(ABC):
    """Columns of the data that are one point of one space.

    The smallest part of a point that can be known or not is a cell: a column, an element of a block, a site of a
    sequence. All columns of a joint factor are one cell.

    For pictures and baselines of your own factor, register functions with `unnoise.report.views.figures`,
    `unnoise.report.views.plane` and `unnoise.report.baselines.baselines`.

    Attributes:
        kind: its word in `kinds` and `--column NAMES=KIND`.
        joint: whether all its columns are one cell.
        of_values: whether its points are values of its columns, and not of what is said beside these.
        reach: how far beyond the range that was seen a number is not said to be odd, in parts of that range.
        columns: the names of its columns.
    """

    kind: ClassVar[str]
    joint: ClassVar[bool] = False
    of_values: ClassVar[bool] = True
    reach: ClassVar[float] = 1.0
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

    def draw(self, x: Tensor, rng: torch.Generator) -> dict[str, Values]:
        """As `decode`, at random where a point stands for several values."""
        return self.decode(x)

    def log_detail(self, columns: Columns, present: holes.Present) -> Tensor | None:
        """Where a point stands for several values, the log density of each given its point, (n, *cells) float64."""
        return None

    @property
    @abstractmethod
    def anywhere(self) -> Tensor:
        """A point of data, (*event,), for rows of which nothing is known."""

    @abstractmethod
    def __str__(self) -> str:
        """A few words for a table that a person reads."""

    @cached_property  # a process is made for it, and masks of hundreds of columns ask for it hundreds of times
    def cells(self) -> tuple[int, ...]:
        """The shape of the cells of one point: the first axes of the event, none of a joint factor."""
        return () if self.joint else tuple(self.process().space.event_shape)

    def cells_of(self, names: Collection[str]) -> Tensor:
        """Which cells are made of these columns, (*cells) bool; an InputError if a cell is in part."""
        inside = [name in names for name in self.columns]
        if self._by_column:
            return torch.tensor(inside)
        if any(inside) and not all(inside):
            others = [name for name in self.columns if name not in names]
            raise InputError(
                f"got {quoted([name for name in self.columns if name in names])} without {quoted(others)}; together "
                f"they are one {self.kind}: name all of them."
            )
        return torch.full(self.cells, all(inside))

    def cells_with(self, column: str) -> Tensor:
        """Which cells need this column, which may be a part of them, (*cells) bool."""
        return torch.full(self.cells, column in self.columns) if self.joint else self.cells_of({column})

    def volumes(self) -> Tensor:
        """The part of each cell in `log_volume`, (*cells) float64."""
        return torch.full(self.cells, self.log_volume / max(1, math.prod(self.cells)), dtype=torch.float64)

    def measure_of(self, names: Collection[str]) -> str:
        """The reference measure of these columns alone."""
        return self.measure

    def known(self, present: holes.Present, n: int) -> Tensor:
        """Which cells of n rows the data say, (n, *cells) bool; of one that is made of several columns, all must be."""
        parts = [present.get(name, np.ones((n, *self.block), dtype=bool)) for name in self.columns]
        if self._by_column:
            return torch.from_numpy(np.stack(parts, axis=1))
        if self.block and self.block == self.cells:
            return torch.from_numpy(parts[0].copy())
        whole = np.all([part.reshape(n, -1).all(1) for part in parts], axis=0)
        return torch.from_numpy(whole).reshape(n, *(1 for _ in self.cells)).expand(n, *self.cells).clone()

    def encode_known(self, columns: Columns, present: holes.Present) -> Tensor:
        """Points of the space, with whatever is a point of data where a cell is not known."""
        if not any(name in present for name in self.columns):
            return self.encode(columns)
        n = len(columns[self.columns[0]])
        known = self.known(present, n).reshape(n, -1)
        if not known.any():
            return self.anywhere.expand(n, *self.anywhere.shape).clone()
        if self.joint:
            rows = holes.above(known[:, 0].numpy())
            return self.encode({name: columns[name][rows] for name in self.columns})
        examples = self.decode(self.anywhere[None])
        whole = {
            name: holes.filled(columns[name], present[name], examples[name][0]) if name in present else columns[name]
            for name in self.columns
        }
        return self.encode(whole)

    def restore(self, values: Values, column: str) -> Values:
        """Values of a column in its own type, also where they are written as text."""
        return as_type(values, str(self.decode(self.anywhere[None])[column].dtype), column)

    def seen(self, column: str) -> tuple[float, float] | None:
        """The least and the greatest number of a column when the factor was fitted, if it kept them."""
        return None

    def gap(self, column: str, number: float) -> tuple[float, float] | None:
        """The numbers that were seen next below and above one between which nothing was; None of any other."""
        return None

    @property
    def ordered(self) -> Tensor | None:
        """Which states of finite cells follow on each other as numbers do, (*cells, S) bool; None if none do."""
        return None

    def turn_of(self, column: str) -> float | None:
        """After how much the numbers of a column come round, as angles do; None if they do not."""
        return None

    @property
    def _by_column(self) -> bool:
        return not self.joint and not self.block and self.cells == (len(self.columns),)

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


def percent(share: float) -> str:
    """A share of rows in per cent, for a sentence: two digits, or the whole part.

    >>> percent(0.034), percent(0.999)
    ('3.4 %', '100 %')
    """
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def finite_numbers(values: Values, column: str, kind: str) -> None:
    """Refuse text where a factor needs numbers."""
    if values.dtype == object:
        text = next((value for value in values.flat if isinstance(value, str)), values.flat[0])
        raise InputError(
            f"Column '{column}' holds text (for example {text!r}), and is modelled as {kind}: numbers only."
        )


def as_type(values: Values, dtype: str, column: str) -> Values:
    """Numbers as a column of the type `dtype` holds them, also from text; an InputError if it cannot.

    >>> as_type(np.array(["3", 4], dtype=object), "int8", "age")
    array([3, 4], dtype=int8)
    """
    if values.dtype == object:
        values = np.array([_number(value, column) for value in values.tolist()])
    kind = np.dtype(dtype).kind
    with np.errstate(over="ignore", invalid="ignore"):
        cast = values.astype(dtype)
        odd = ~np.isfinite(cast) if kind == "f" else cast != values
    refuse(odd, lambda row: f"Column '{column}' was given {values[row]}; expected a finite number of the type {dtype}.")
    return cast


def _number(value: Any, column: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return int(value) if value.strip("+- ").isdecimal() else float(value)
    except ValueError:
        raise InputError(f"Column '{column}' holds numbers, but {value!r:.100} was given.") from None


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
