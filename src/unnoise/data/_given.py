"""Values as users give them: one for all rows, or one for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import arrays, holes
from unnoise.data._numerics import Values
from unnoise.data.holes import Mask


def values_of(value: Any, name: str, n: int, block: tuple[int, ...]) -> tuple[Values, Mask]:
    """The values for n rows, and where there are any, (n, *block) both."""
    array: Values
    if isinstance(value, np.ma.MaskedArray):  # as a column of a frame
        array = value
    elif isinstance(value, list | tuple):
        array = arrays.tidy(objects(value, name), f"Column '{name}'")
    else:
        alone = isinstance(value, str) or (not isinstance(value, Sequence) and np.ndim(value) == 0)
        array = arrays.as_array([value] if alone and not isinstance(value, Tensor) else value)
        array = array.reshape(()) if alone else array
    if array.shape == block:
        array = np.broadcast_to(array, (n, *block))
    if array.shape != (n, *block):
        got = f"{len(array)} values" if array.ndim == 1 and not block else f"an array of shape {array.shape}"
        raise InputError(f"Column '{name}' was given {got}; give one value, or one for each of {n} rows.")
    plain, masks = holes.split({name: array})
    return plain[name], masks.get(name, np.ones(array.shape, dtype=bool))


def objects(value: Sequence[Any], name: str) -> Values:
    """An array of objects, as they were given."""
    try:
        return np.array(value, dtype=object)
    except ValueError as error:
        raise InputError(f"Column '{name}' was given values that form no array: {error}.") from None
