"""What every kind of a column can do; the kinds themselves are in `kinds`."""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from unnoise.data import _numerics
from unnoise.data._numerics import Floats, Values


@dataclass(frozen=True)
class Kind(ABC):
    """How one column is treated. Fitted by `fit`, saved by `to_config`."""

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The kind with its numbers taken from `values`, all of which are present and finite."""

    @abstractmethod
    def check(self, values: Values, column: str) -> None:
        """Refuse values that a column of this kind cannot hold."""

    @abstractmethod
    def __str__(self) -> str:
        """A few words for a table that a person reads."""

    def to_config(self) -> dict[str, Any]:
        """Plain JSON types, from which `from_config` makes an equal kind."""
        config = {"kind": self.name, **dataclasses.asdict(self)}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}


class Coordinate(Kind):
    """A kind whose values are modelled: each is one real number of the state."""

    mean: float
    scale: float

    @property
    @abstractmethod
    def jitter(self) -> float:
        """The width, in coordinates, of the cell that a value stands for; 0 where it stands for itself."""

    @property
    def log_volume(self) -> float:
        """The logarithm of dx/du = 1/scale, which turns the log-density of x into the one of u."""
        return -math.log(self.scale)

    def encode(self, values: Values) -> Floats:
        """The coordinates of `values`; where a value stands for a cell, of its lower edge."""
        return _numerics.standardise(values, self.mean, self.scale)

    @abstractmethod
    def decode(self, x: Floats) -> Values:
        """The values that the coordinates `x` stand for, in the type of the data."""


class Feature(Kind):
    """A kind whose values can be conditioned on: a network reads each as `width` real numbers."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many numbers describe one value."""

    @abstractmethod
    def features(self, values: Values, column: str) -> Floats:
        """The numbers (n, width) that describe `values` (n,)."""

    @abstractmethod
    def restore(self, values: Values, column: str) -> Values:
        """The values as they stand in the data: a number or level that was given as text is what it was."""

    @property
    @abstractmethod
    def example(self) -> Any:
        """A value that can be given, for messages that show how."""
