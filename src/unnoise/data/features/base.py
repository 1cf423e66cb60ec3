"""What every condition can do whose values are no single numbers or levels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import arrays
from unnoise.data._numerics import Floats, Values
from unnoise.data.base import Feature


class Block(Feature):
    """A condition whose values have the shape `block`: a vector, a picture, tokens, a set."""

    @classmethod
    @abstractmethod
    def fit(cls, values: Values, column: str) -> Self:
        """The kind with numbers from `values`, (n, *block), or from n arrays."""

    @property
    @abstractmethod
    def block(self) -> tuple[int, ...]:
        """The shape of one value."""

    def given(self, value: Any, column: str, n: int) -> Values:
        """Values of n rows, from one for all rows or one for each."""
        values = stacked(as_values(value, column), column)
        if values.shape == self.block:
            return np.broadcast_to(values, (n, *self.block))
        if values.shape[1:] == self.block and len(values) != n:
            raise InputError(
                f"The condition '{column}' was given {len(values)} values; give one, or one for each of {n} rows."
            )
        return self.checked(values, column)

    def checked(self, values: Values, column: str) -> Values:
        """The values, or a sentence about another shape, holes or infinities."""
        if values.shape[1:] != self.block:
            raise InputError(
                f"The condition '{column}' was given {self.noun(values.shape[1:])}; the model was fitted on "
                f"{self.noun(self.block)}."
            )
        return whole(values, column)

    def noun(self, shape: tuple[int, ...]) -> str:
        """A value of a shape, in words."""
        return f"arrays of shape {shape}" if shape else "single values"

    def restore(self, values: Values, column: str) -> Values:
        """The values as they are."""
        return values

    @property
    def example(self) -> Any:
        """Words for a value, as none is short."""
        return f"an array of shape {self.block}"

    @abstractmethod
    def features(self, values: Values, column: str) -> Floats:
        """The numbers (n, width) that describe `values`."""


def is_block(values: Any) -> bool:
    """Whether each row holds an array: more than one axis, or arrays of different lengths.

    >>> is_block(np.zeros((5, 8, 8))), is_block(np.zeros(5))
    (True, False)
    """
    return values.ndim > 1 or (values.dtype == object and values.size > 0 and isinstance(values.flat[0], np.ndarray))


def as_values(value: Any, column: str) -> Values:
    """An array with a row per value, NaN where a mask hides something; several arrays of different lengths stay apart.

    >>> as_values([np.zeros(2), np.zeros(3)], "counts").shape
    (2,)
    """
    if isinstance(value, np.ma.MaskedArray):
        return np.ma.filled(value.astype(np.float64), np.nan)
    if isinstance(value, Sequence) and not isinstance(value, str) and any(np.ndim(one) for one in value):
        parts = [_array(one, column) for one in value]
        found = np.empty(len(parts), dtype=object)
        for row, part in enumerate(parts):
            found[row] = part
        same = len({part.shape for part in parts}) == 1 and not isinstance(value[0], np.ndarray | Tensor)
        return np.stack(parts) if same else found
    return _array(value, column)


def whole(values: Values, column: str) -> Values:
    """The values, or a sentence where they have holes or infinities, or are no numbers."""
    if values.dtype.kind not in "biuf":
        raise InputError(f"The condition '{column}' holds {values.flat[0]!r:.100}; expected numbers.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int((~np.isfinite(values)).reshape(len(values), -1).any(1).argmax())
        raise InputError(
            f"The condition '{column}' has a hole or an infinity in row {row}; it is never modelled and needs to be "
            "whole: fill it in, or drop the row."
        )
    return values


def stacked(values: Values, column: str) -> Values:
    """Arrays of one shape as one array."""
    if values.dtype != object or not is_block(values):
        return values
    shapes = {one.shape for one in values}
    if len(shapes) > 1:
        raise InputError(
            f"The condition '{column}' holds arrays of different shapes, such as {sorted(shapes)[:2]}; only sets and "
            "sequences may differ in length."
        )
    return np.stack(list(values))


def _array(value: Any, column: str) -> Values:
    try:
        return arrays.as_array(value if isinstance(value, Tensor | np.ndarray | list | tuple) else np.asarray(value))
    except InputError as error:
        raise InputError(f"The condition '{column}' cannot be read: {error}") from error
