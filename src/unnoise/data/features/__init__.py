"""Conditions that are more than one number or level: blocks, pictures, tokens, points of other spaces, sets.

Each kind turns one value into numbers of one row of `cond`. A network's encoder may read them as what they are; those
of a set are as many as it has observations, and stand after all others.
"""

from __future__ import annotations

from typing import Any

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.data.features.base import Block as Block
from unnoise.data.features.base import is_block as is_block
from unnoise.data.features.points import Points as Points
from unnoise.data.features.sets import Sets as Sets
from unnoise.data.features.tokens import Tokens as Tokens
from unnoise.data.features.vectors import Picture as Picture
from unnoise.data.features.vectors import Vector as Vector

CLASSES: dict[str, type[Block]] = {kind.name: kind for kind in (Vector, Picture, Points, Tokens, Sets)}
ONLY_CONDITIONS = (Vector.name, Picture.name, Sets.name)  # kinds that no modelled column has
OF_POINTS = ("angle", "degrees", "radians", "latlon", "rotation", "proportions", "count")
KINDS = (*ONLY_CONDITIONS, *OF_POINTS, Tokens.name)


def fitted(values: Values, name: str, kind: str | None) -> Block:
    """The condition of a kind with numbers from values; by default what the values look like.

    Args:
        values: (n, *block), or n arrays of different lengths.
        name: of the condition, for errors.
        kind: one of `KINDS`, else InputError; None for `usual`.

    >>> import numpy as np
    >>> fitted(np.zeros((5, 3, 8, 8)), "photo", None).block
    (3, 8, 8)
    """
    kind = usual(values, name) if kind is None else kind
    if kind in OF_POINTS:
        return Points.of(values, name, kind)
    if kind not in CLASSES:
        raise InputError(
            f"The condition '{name}' holds an array in each row and is declared {kind}; expected one of "
            f"{', '.join(KINDS)}."
        )
    return CLASSES[kind].fit(values, name)


def usual(values: Any, name: str) -> str:
    """What values that say nothing of their kind are taken for: a vector, a picture, or a set of observations.

    Raises:
        InputError: (n, k, d) of real numbers, which may be grey pictures or sets.

    >>> import numpy as np
    >>> usual(np.zeros((5, 2)), "x"), usual(np.zeros((5, 8, 8), dtype=np.uint8), "x")
    ('vector', 'image')
    """
    if values.dtype == object or (values.ndim == 3 and values.dtype.kind == "f" and bool((values != values).any())):
        return Sets.name
    if values.ndim == 3 and values.dtype.kind == "f":
        raise InputError(
            f"The condition '{name}' is an array of shape {values.shape}, which may be grey pictures or sets of "
            f"observations; say which: kinds={{'{name}': '{Picture.name}'}} or '{Sets.name}'."
        )
    return Picture.name if values.ndim in (3, 4) else Vector.name
