"""What a user names as a density: a function, an object or a class, and how many numbers its points have."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError
from unnoise.cli import user_code

if TYPE_CHECKING:
    from unnoise.laws import LogDensity
    from unnoise.spaces import Space

MOST_NUMBERS = 10**7  # of a point, of which chains hold several copies


def made(found: Any, target: str, dimension: int | None) -> Any:
    """The object itself, of a class or of a function that makes it."""
    if isinstance(found, type) and dimension is not None and user_code.takes(found, dimension):
        return found(dimension)
    if isinstance(found, type) and not user_code.takes(found):
        if dimension is None:
            raise _unsized(target)
        raise InputError(f"{target} is a class that cannot be made from a dimension alone: name an object of it")
    if isinstance(found, type) or (not hasattr(found, "log_prob") and user_code.takes(found)):
        return found()
    return found


def function_of(found: Any, target: str) -> Any:
    """Its log density."""
    log_prob = getattr(found, "log_prob", found)
    if not callable(log_prob):
        raise InputError(
            f"{target} is a {type(found).__name__}; expected a function log_prob(x), or an object that has one"
        )
    return log_prob


def space_of(found: Any, target: str, dimension: int | None) -> Space[Any, Any]:
    """Where its points live: what it says, or R^d."""
    from unnoise.spaces import Euclidean, Space

    known = getattr(found, "support", None) or getattr(found, "space", None)
    if not isinstance(known, Space):
        size = dimension or getattr(found, "dimension", None)
        if size is None:
            raise _unsized(target)
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= MOST_NUMBERS:
            raise InputError(f"{target} has the dimension {size!r}; expected a whole number from 1 to {MOST_NUMBERS:,}")
        known = Euclidean(size)
    shape = tuple(known.event_shape)
    if not 1 <= math.prod(shape) <= MOST_NUMBERS:
        raise InputError(f"{target} has points of shape {shape}; expected from 1 to {MOST_NUMBERS:,} numbers")
    if dimension is not None and math.prod(shape) != dimension:
        raise InputError(f"got --dimension {dimension}; {target} has points of shape {shape}")
    return known


def walked(found: Any, target: str, dimension: int | None) -> tuple[LogDensity[Any], tuple[int, ...]]:
    """A density that named chains can walk on, and the shape of its points."""
    from unnoise.chains import Density
    from unnoise.laws import LogDensity
    from unnoise.spaces import Manifold

    found = made(found, target, dimension)
    log_prob, space = function_of(found, target), space_of(found, target, dimension)
    if not isinstance(space, Manifold):
        raise InputError(
            f"{target} lives on {type(space).__name__}, where there is no gradient to follow: use --chain auto"
        )
    if not isinstance(found, LogDensity):
        return Density(log_prob, space), tuple(space.event_shape)
    density = replace(found, space=space) if isinstance(found, Density) and found.space is None else found
    return density, tuple(space.event_shape)


def _unsized(target: str) -> InputError:
    return InputError(f"{target} does not say how many numbers its points have: give --dimension")
