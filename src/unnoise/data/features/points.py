"""Angles, places, rotations, proportions and counts as conditions, by the features of their points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import _numerics, factors
from unnoise.data._checked import check, entries
from unnoise.data._numerics import Floats, Values
from unnoise.data.base import listed
from unnoise.data.factors import CountFactor, Factor, ProportionFactor
from unnoise.data.features.base import Block, stacked, whole

_CHANGED: dict[str, Callable[[Tensor], Tensor]] = {  # what tells more than the features of the space
    CountFactor.kind: lambda x: torch.log1p(x.double()),
    ProportionFactor.kind: lambda x: x.double().clamp(min=0).sqrt(),
}


@dataclass(frozen=True)
class Points(Block):
    r"""A point of another space, by its features, each with mean 0 and spread 1 over the data.

    They are $\cos$ and $\sin$ of angles, unit vectors of places, matrices of rotations, roots of proportions, and
    $\log(1 + k)$ of counts.

    >>> wind = Points.of(np.array([350.0, 10.0, 180.0]), "wind", "degrees")
    >>> wind.width, str(wind)
    (2, 'angle in degrees, 0 to 360')
    """

    name: ClassVar[str] = "point"
    factor: Factor
    shape: tuple[int, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        size = len(self.factor.columns)
        check(
            self.shape == self.factor.block if self.factor.block else self.shape in ((), (size,)),
            "shape",
            self.shape,
            "that of the factor",
        )
        check(len(self.means) == len(self.scales) > 0, "means, scales", self.means, "as many of both")
        check(all(scale > 0 for scale in self.scales), "scales", self.scales, "numbers above 0")

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """An angle."""
        return cls.of(values, column, "angle")

    @classmethod
    def of(cls, values: Values, column: str, kind: str) -> Self:
        """The condition of a kind of `kinds`; values are (n,), (n, k), or rotations (n, 3, 3)."""
        values = whole(stacked(values, column), column)
        shape = values.shape[1:]
        factor = factors.BY_KIND[kind](_columns(values, column, kind == factors.RotationFactor.kind))
        first = cls(factor, shape, (0.0,), (1.0,))
        found = [_numerics.moments(part) for part in first._raw(values).T]
        return cls(factor, shape, tuple(mean for mean, _ in found), tuple(scale or 1.0 for _, scale in found))

    @property
    def block(self) -> tuple[int, ...]:
        """As the data had it."""
        return self.shape

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.means)

    def features(self, values: Values, column: str) -> Floats:
        """Those of the points, standardised."""
        raw = self._raw(self.checked(stacked(values, column), column))
        found: Floats = (raw - np.array(self.means)) / np.array(self.scales)
        return found

    def given(self, value: Any, column: str, n: int) -> Values:
        """Values of n rows, from one for all rows or one for each; numbers may be texts."""
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise InputError(f"Condition '{column}' is {self.factor.kind}, but {value!r} was given.") from None
        return super().given(np.asarray(value) if np.ndim(value) == 0 else value, column, n)

    @property
    def example(self) -> Any:
        """A number, of one; words for several."""
        return super().example if self.shape else 0.0

    def restore(self, values: Values, column: str) -> Values:
        """The values in the type of the data."""
        return values if self.shape else self.factor.restore(values, column)

    def to_config(self) -> dict[str, Any]:
        """JSON, from which `from_fields` makes an equal kind."""
        numbers = {"shape": self.shape, "means": self.means, "scales": self.scales}
        return {"kind": self.name, "factor": self.factor.to_config(), **listed(numbers)}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The kind that `to_config` described."""
        (config,) = entries([fields.get("factor")], "factor")
        return super().from_fields(fields | {"factor": factors.from_config(config)})

    def _raw(self, values: Values) -> Floats:
        columns = _columns(values, self.factor.columns[0], bool(self.factor.block), self.factor.columns)
        x = self.factor.encode(columns)
        change: Callable[[Tensor], Tensor] = _CHANGED.get(self.factor.kind, self.factor.process().space.features)
        found: Floats = change(x).reshape(len(values), -1).double().numpy()
        return found

    def __str__(self) -> str:
        return str(self.factor)


def _columns(values: Values, column: str, as_block: bool, names: tuple[str, ...] = ()) -> dict[str, Values]:
    """One column for each number of a value, or one of whole blocks."""
    if values.ndim == 1 or as_block:
        return {column: values}
    check(values.ndim == 2, f"the condition '{column}'", values.shape, "an array (n, k)")
    return dict(zip(names or [f"{column}{i}" for i in range(values.shape[1])], values.T, strict=True))
