"""What every kind of a column can do, and the levels of categories."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from torch import nn

from unnoise._errors import InputError
from unnoise.data import _numerics
from unnoise.data._checked import built
from unnoise.data._numerics import Floats, Values

Level = str | int | float | bool
_SHOWN = 20  # levels in a message
_ROWS = 3  # rows in a message
_LETTERS = 40  # of a level in words


@dataclass(frozen=True)
class Kind(ABC):
    """How one column is treated."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The kind with numbers from `values`, all finite."""

    @abstractmethod
    def __str__(self) -> str:
        """A few words for a table that a person reads."""

    def to_config(self) -> dict[str, Any]:
        """JSON, from which `from_config` makes an equal kind."""
        return {"kind": self.name, **listed(dataclasses.asdict(self))}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The kind that `to_config` described, from all but its name."""
        return built(cls, fields)


class Coordinate(Kind):
    """A kind whose values are modelled: each is one real number of the state."""

    mean: float
    scale: float
    low: float | None
    high: float | None

    def check(self, values: Values, column: str) -> None:
        """Refuse values that a column of this kind cannot hold."""

    @property
    @abstractmethod
    def jitter(self) -> float:
        """The width, in coordinates, of a value's cell; 0 without one."""

    @property
    def log_volume(self) -> float:
        """The log of dx/du = 1/scale, which turns densities of x into those of u."""
        return -math.log(self.scale)

    def encode(self, values: Values) -> Floats:
        """The coordinates, or those of the cells' lower edges."""
        return _numerics.standardise(values, self.mean, self.scale)

    @abstractmethod
    def decode(self, x: Floats) -> Values:
        """The values at `x`, in the type of the data."""


class Feature(Kind):
    """A kind to condition on, `width` real numbers per value; or `ragged`, with as many as a value needs."""

    ragged: ClassVar[bool] = False

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers describe one value."""

    @abstractmethod
    def features(self, values: Values, column: str) -> Floats:
        """The numbers (n, width) that describe `values` (n,)."""

    @abstractmethod
    def restore(self, values: Values, column: str) -> Values:
        """The values in the type of the data, also from text."""

    @property
    @abstractmethod
    def example(self) -> Any:
        """A value that can be given, for messages."""

    def holding(self, values: Any) -> Feature:
        """The kind with room for these values too, where it has a largest one."""
        return self

    @property
    def layout(self) -> tuple[int, ...]:
        """The shape in which an encoder sees the numbers of one value; -1 stands for any number."""
        return (self.width,)

    def encoder(self, make: Callable[..., nn.Module] | None) -> nn.Module | None:
        """What reads the numbers before the network: made by `make` or as the kind does; here by `make` or nothing."""
        return None if make is None else make(self.layout, self.width)

    @property
    def code(self) -> int:
        """How many numbers the network is given for one value."""
        return self.width


def listed(value: Any) -> Any:
    """Lists instead of tuples, for JSON."""
    if isinstance(value, dict):
        return {key: listed(part) for key, part in value.items()}
    return [listed(part) for part in value] if isinstance(value, tuple | list) else value


def levels_of(values: Values, what: str) -> tuple[Level, ...]:
    """The levels that occur, in order, texts last."""
    held = values.tolist()
    odd = {kind for kind in set(map(type, held)) if not issubclass(kind, str | int | float)}
    if odd:
        first = next(value for value in held if type(value) in odd)
        raise InputError(
            f"{what} holds {first}; a level of a category is a text or a number: turn it into one, as by astype(str)."
        )
    return tuple(sorted(set(held), key=lambda level: (isinstance(level, str), level)))


def indices_of(values: Values, levels: tuple[Level, ...], what: str, *, as_text: bool = False) -> list[int]:
    """The index of each value among the levels; `as_text` also finds levels by their text."""
    index: dict[Level, int] = {}
    for i, level in enumerate(levels):
        if as_text:
            index |= {str(level).lower(): i} if isinstance(level, bool) else {}
            index |= {str(level): i}
            index |= {str(int(level)): i} if isinstance(level, float) and level.is_integer() else {}
        index |= {level: i}
    held = values.tolist()
    if rows := [row for row, value in enumerate(held) if value not in index]:
        shown = ", ".join(map(str, levels[:_SHOWN])) + (", ..." if len(levels) > _SHOWN else "")
        listed = ", ".join(map(str, rows[:_ROWS])) + (f", ... of {len(rows)}" if len(rows) > _ROWS else "")
        where = f" (asked for in row {listed})" if len(rows) < len(held) else ""
        raise InputError(f"{what} has no level {held[rows[0]]!r}; the levels are {shown}{where}.")
    return [index[value] for value in held]


def described(levels: tuple[Level, ...]) -> str:
    """The first few levels, in words."""
    shown = [text if len(text) <= _LETTERS else f"{text[: _LETTERS - 3]}..." for text in map(str, levels[:6])]
    return ", ".join(shown + ["..."] * (len(levels) > 6))
