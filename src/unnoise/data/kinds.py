"""The kinds of a column: how its values become coordinates of a state or features of a condition.

With `u` a value in the user's units and `x` its coordinate, of mean 0 and spread 1 over the fitted data:

    Real       x = (u - mean) / scale                           log p(u) = log p(x) - log scale
    Integer    x = (u + U - mean) / scale,  U ~ Uniform[0, 1)   log P(u) >= E_U[log p(x)] - log scale
    Constant   no coordinate, the value is given back
    Category   one indicator per level, as a condition only

Dequantisation is undone by floor(u + U) = u; the mean log density of u + U is a lower bound (Jensen's inequality).

References:
    Uria, Murray & Larochelle 2013, RNADE (arXiv:1306.0186): uniform dequantisation.
    Theis, van den Oord & Bethge 2016, On the evaluation of generative models (arXiv:1511.01844): the bound.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from unnoise._errors import InputError
from unnoise.data import _numerics
from unnoise.data._checked import LATER, TEXT, built, check, check_distinct, check_dtype, check_scale, entries, is_held
from unnoise.data._numerics import Floats, Values
from unnoise.data._written.serials import Serial, serial_of
from unnoise.data.base import Coordinate, Feature, Kind, Level, described, indices_of, levels_of

_LEAST_SCALE = float(np.finfo(np.float64).tiny)  # below it 1 / scale would be infinite
_LEAST_SPREAD = math.sqrt(1 / 12)  # of the uniform noise of a cell
_EXACT = 2**53  # float64 holds all whole numbers up to it
_MOST_LEVELS = 10_000  # of a condition
_GREATEST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class Real(Coordinate, Feature):
    """A continuous number: x = (u - mean) / scale, with density p(u) = p(x) / scale.

    >>> weight = Real.fit(np.array([60.0, 70.0, 80.0]), "weight")
    >>> weight.encode(np.array([70.0]))
    array([0.])
    >>> weight.decode(np.array([0.0]))
    array([70.])
    """

    name: ClassVar[str] = "real"
    mean: float
    scale: float
    dtype: str
    low: float | None = field(default=None, metadata={LATER: True})  # of the data that were fitted
    high: float | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_scale(self.scale, _LEAST_SCALE)
        check_dtype(self.dtype)
        ordered = self.low is None or self.high is None or self.low <= self.high
        check(ordered, "low, high", (self.low, self.high), "a range")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """Mean and standard deviation; a constant condition is only centred."""
        mean, scale = _numerics.moments(values)
        if values.dtype.kind in "iu" and (far := max(-int(values.min()), int(values.max()))) > _EXACT:
            check(scale > 8 * np.spacing(float(far)), f"column '{column}'", far, f"less than {_EXACT} or wider spread")
        return cls(mean, scale or 1.0, str(values.dtype), float(values.min()), float(values.max()))

    @property
    def jitter(self) -> float:
        """No cell."""
        return 0.0

    def decode(self, x: Floats) -> Values:
        """The numbers, rounded if the data are integers."""
        with np.errstate(over="ignore"):
            return _numerics.cast(x * self.scale + self.mean, self.dtype)

    @property
    def width(self) -> int:
        """One number."""
        return 1

    def features(self, values: Values, column: str) -> Floats:
        """The coordinates."""
        return self.encode(self._numbers(values, column))[:, None]

    def restore(self, values: Values, column: str) -> Values:
        """The numbers in the type of the data."""
        return _numerics.cast(self._numbers(values, column), self.dtype)

    @property
    def example(self) -> float:
        """The mean, to four digits."""
        return float(f"{self.mean:.4g}")

    def _numbers(self, values: Values, column: str) -> Floats:
        try:
            numbers = values.astype(np.float64)
        except (TypeError, ValueError):
            given = next((value for value in values.tolist() if isinstance(value, str)), values[0])
            raise InputError(f"Condition '{column}' is a number, but {given!r} was given.") from None
        if not np.isfinite(numbers).all():
            raise InputError(f"Condition '{column}' was given as NaN or infinity; give a finite number.")
        return numbers

    def __str__(self) -> str:
        return f"real, mean {self.mean:.4g}, spread {self.scale:.4g}"


@dataclass(frozen=True)
class Integer(Coordinate):
    """A whole number, dequantised: x = (u + U - mean) / scale with U uniform on [0, 1); floor undoes it.

    Decoded values lie in the fitted range. They are exact if its width is at most a few million, the resolution of
    float32 coordinates.

    >>> pixel = Integer.fit(np.array([0, 3, 16], dtype=np.uint8), "pixel")
    >>> pixel.decode(pixel.encode(np.array([0, 3, 16])) + 0.99 * pixel.jitter)
    array([ 0,  3, 16], dtype=uint8)
    """

    name: ClassVar[str] = "integer"
    mean: float
    scale: float
    low: int
    high: int
    dtype: str

    def __post_init__(self) -> None:
        check_scale(self.scale, 0.999 * _LEAST_SPREAD)
        check_dtype(self.dtype)
        least, most = _range_of(self.dtype)
        check(least <= self.low <= self.high <= most, "low, high", (self.low, self.high), f"a range of {self.dtype}")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """Mean and standard deviation of u + U."""
        low, high, dtype = int(values.min()), int(values.max()), str(values.dtype)
        is_far = _is_far(low, high, dtype)
        mean, deviation = _numerics.moments(_numerics.above(values, low) if is_far else values)
        centre = low + round(mean + 0.5) if is_far else mean + 0.5
        kind = cls(centre, math.hypot(deviation, _LEAST_SPREAD), low, high, dtype)
        kind.check(values, column)
        return kind

    def check(self, values: Values, column: str) -> None:
        """Refuse fractions."""
        if values.dtype.kind == "f" and (odd := np.flatnonzero(values != np.rint(values))).size:
            raise InputError(
                f"Column '{column}' holds whole numbers, but row {_numerics.row_of(odd[0], values)} holds "
                f"{values.flat[odd[0]]}; round it, or declare the column real."
            )

    @property
    def jitter(self) -> float:
        """The width 1 of the cell, in coordinates."""
        return 1 / self.scale

    def encode(self, values: Values) -> Floats:
        """The coordinates of the cells' lower edges, of far numbers by their exact distance from the least."""
        if not _is_far(self.low, self.high, self.dtype):
            return super().encode(values)
        return _numerics.standardise(_numerics.above(values, self.low), self.mean - self.low, self.scale)

    def decode(self, x: Floats) -> Values:
        """Return floor(x * scale + mean), clipped to the fitted range."""
        # A float32 coordinate may lie half a unit in the last place below its edge.
        rounding = np.abs(x) * 2.0**-24
        if _is_far(self.low, self.high, self.dtype):
            steps = np.floor((x + rounding) * self.scale + (self.mean - self.low))
            return _numerics.risen(steps, self.low, self.high, self.dtype)
        whole = np.floor((x + rounding) * self.scale + self.mean)
        top = np.nextafter(float(self.high) + 1, 0)
        values = np.clip(whole, float(self.low), top).astype(self.dtype)
        values[whole >= self.high] = self.high  # beyond 2**53 a float64 is not exact
        values[whole <= self.low] = self.low
        return values

    def __str__(self) -> str:
        return f"integer, {self.low} to {self.high}, mean {self.mean - 0.5:.4g}, spread {self.scale:.4g}"


@dataclass(frozen=True)
class Constant(Kind):
    """A column with a single value, which is not modelled."""

    name: ClassVar[str] = "constant"
    value: int | float | str | bool
    dtype: str

    def __post_init__(self) -> None:
        check_dtype(self.dtype, text=True)
        fitting = isinstance(self.value, str) == (self.dtype == TEXT) and is_held(self.value, self.dtype)
        check(fitting, "value", self.value, f"one of the type {self.dtype}")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The one value of the column."""
        first = values.flat[0]
        value = float(first) if values.dtype.kind == "f" else first
        constant = cls(value if isinstance(value, float | str) else value.item(), str(values.dtype))
        constant.check(values, column)
        return constant

    def check(self, values: Values, column: str) -> None:
        """Refuse any other value, which has no likelihood."""
        expected = np.asarray(self.value, dtype=self.dtype)
        if values.dtype.kind == expected.dtype.kind == "f":
            values, expected = _numerics.in_the_coarser_type(values, expected)
        if (other := np.flatnonzero(values != expected)).size:
            raise InputError(
                f"Column '{column}' was always {self.value} when the model was fitted, but row "
                f"{_numerics.row_of(other[0], values)} holds {values.flat[other[0]]}, whose likelihood is "
                "not known; fit a model on data in which the column varies, or drop these rows."
            )

    @property
    def why(self) -> str:
        """Why it is not modelled."""
        return f"was always {self.value} and is not modelled"

    def values(self, n: int) -> Values:
        """The column, `n` rows long."""
        return np.full(n, self.value, dtype=self.dtype)

    def __str__(self) -> str:
        return f"constant, always {self.value}: not modelled, given back unchanged"


@dataclass(frozen=True)
class Identifier(Constant):
    """A text or a whole number of which nearly every row has its own, as a name or an id: not modelled, and made anew.

    Those of one pattern are made by it, others than any of the data.

    >>> Identifier.fit(np.array(["Ada", "Bo"], dtype=object), "name").values(2).tolist()
    ['name-1', 'name-2']
    >>> Identifier.fit(np.array(["P-08", "P-09"], dtype=object), "id").values(2).tolist()
    ['P-10', 'P-11']
    >>> Identifier.fit(np.array([101, 102, 103]), "id").values(2).tolist()
    [104, 105]
    """

    name: ClassVar[str] = "identifier"
    serial: Serial | None = field(default=None, metadata={LATER: True})

    def __post_init__(self) -> None:
        check_dtype(self.dtype, text=True)
        whole = self.dtype == TEXT or np.dtype(self.dtype).kind in "iu"
        check(isinstance(self.value, str) and whole, "identifier", (self.value, self.dtype), "text, or whole numbers")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The name of the column, its type, and its pattern, which holds no text of a row; an InputError at others."""
        if values.dtype != object and values.dtype.kind not in "iu":
            raise InputError(
                f"Column '{column}' is declared identifier, but is of type {values.dtype}; expected text or whole "
                "numbers: drop it."
            )
        serial = serial_of([str(value) for value in values.tolist()])
        return cls(column, TEXT if values.dtype == object else str(values.dtype), serial)

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The kind that `to_config` described."""
        told = fields.get("serial")
        serial = None if told is None else built(Serial, entries([told], "serial")[0])
        return super().from_fields(fields | {"serial": serial})

    def check(self, values: Values, column: str) -> None:
        """Any value will do: it has no part in the likelihood."""

    @property
    def why(self) -> str:
        """Why it is not modelled."""
        return "identifies rows and is not modelled"

    def values(self, n: int, first: int = 0) -> Values:
        """Others of the pattern; or the name of the column, and a number; or that alone. `first` have been made."""
        places = range(first, first + n)
        made = [None if self.serial is None else self.serial.text(i) for i in places]
        if self.dtype == TEXT:
            named = zip(places, made, strict=True)
            return np.array([f"{self.value}-{i + 1}" if text is None else text for i, text in named], dtype=object)
        held = [int(text) for text in made if text is not None]
        fine = len(held) == n and max(held, default=0) <= np.iinfo(self.dtype).max
        return (np.array(held) if fine else np.array(places) + 1).astype(self.dtype)

    @property
    def example(self) -> str:
        """The first ones that are made."""
        return ", ".join(map(str, self.values(2).tolist()))

    def __str__(self) -> str:
        return f"identifier: not modelled, made anew as {self.example}, ..."


@dataclass(frozen=True)
class Empty(Constant):
    """A column without any value, which is not modelled, and comes back empty.

    >>> Empty.fit(np.array([None, None], dtype=object), "note").values(2).tolist()
    ['', '']
    """

    name: ClassVar[str] = "empty"

    def __post_init__(self) -> None:
        check_dtype(self.dtype, text=True)
        check(self.value == "", "value", self.value, "none")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """Its type alone is kept."""
        return cls("", str(values.dtype))

    def check(self, values: Values, column: str) -> None:
        """Refuse any value, which has no likelihood."""
        if (there := np.flatnonzero(values != "")).size:
            raise InputError(
                f"Column '{column}' was empty in every row when the model was fitted, but row "
                f"{_numerics.row_of(there[0], values)} holds {values.flat[there[0]]}, whose likelihood is not "
                "known; fit a model on data in which the column has values, or empty it."
            )

    @property
    def why(self) -> str:
        """Why it is not modelled."""
        return "was empty in every row and is not modelled"

    def values(self, n: int) -> Values:
        """What holes are made of."""
        return np.full(n, "", dtype=object) if self.dtype == TEXT else np.zeros(n, dtype=self.dtype)

    def __str__(self) -> str:
        return "empty in every row: not modelled, comes back empty"


@dataclass(frozen=True)
class Category(Feature):
    """A level as a condition, one indicator per level.

    >>> sex = Category.fit(np.array(["Male", "Female", "Male"]), "sex")
    >>> sex.levels
    ('Female', 'Male')
    >>> sex.features(np.array(["Male"]), "sex")
    array([[0., 1.]])
    """

    name: ClassVar[str] = "category"
    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        check_distinct(self.levels, "levels")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The levels that occur, in order."""
        levels = levels_of(values, f"Condition '{column}'")
        if len(levels) > _MOST_LEVELS:
            raise InputError(
                f"Condition '{column}' has {len(levels)} levels as a category; expected at most {_MOST_LEVELS}: "
                "declare it real, or leave it out."
            )
        return cls(levels)

    @property
    def width(self) -> int:
        """One indicator per level."""
        return len(self.levels)

    def features(self, values: Values, column: str) -> Floats:
        """One 1 per row, at the level's index."""
        indices = self._indices(values, column)
        indicators = np.zeros((len(indices), self.width))
        indicators[np.arange(len(indices)), indices] = 1
        return indicators

    def restore(self, values: Values, column: str) -> Values:
        """The levels themselves."""
        texts = any(isinstance(level, str) for level in self.levels)
        return np.array(self.levels, dtype=object if texts else None)[self._indices(values, column)]

    @property
    def example(self) -> str | int | float:
        """The first level."""
        return self.levels[0]

    def _indices(self, values: Values, column: str) -> list[int]:
        return indices_of(values, self.levels, f"Condition '{column}'", as_text=True)

    def __str__(self) -> str:
        return f"category, one of {described(self.levels)}"


def from_config(config: dict[str, Any]) -> Kind:
    """The kind that `to_config` described."""
    kinds: dict[str, type[Kind]] = {kind.name: kind for kind in (Real, Integer, Category, Constant, Identifier, Empty)}
    name = config.get("kind")
    check(name in list(kinds), "kind", name, f"one of {', '.join(kinds)}")
    return kinds[str(name)].from_fields({key: value for key, value in config.items() if key != "kind"})


def _is_far(low: int, high: int, dtype: str) -> bool:
    """Whether float64 would lose digits of whole numbers."""
    return max(-low, high) > _EXACT and np.dtype(dtype).kind in "iu"


def _range_of(dtype: str) -> tuple[int, int]:
    kind = np.dtype(dtype).kind
    if kind == "b":
        return 0, 1
    if kind == "f":
        most = int(min(float(np.finfo(dtype).max), _GREATEST))
        return -most, most
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)
