"""What a user names as a density: a function, an object or a class, and how many numbers its points have."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError
from unnoise.cli import user_code

if TYPE_CHECKING:
    from unnoise.laws import LogDensity
    from unnoise.spaces import Space
    from unnoise.walking.asking import Asked

EXAMPLE = "my_posterior:log_prob"
MANY = 100  # arguments, more than a function that makes a density can take
TRIED = 64  # points a function is tried on
MOST_NUMBERS = 10**7  # of a point, of which chains hold several copies


def made(found: Any, target: str, dimension: int | None) -> Any:
    """The object itself, of a class or of a function that makes it."""
    if isinstance(found, type) and dimension is not None and user_code.takes(found, dimension):
        return found(dimension)
    if isinstance(found, type) and not user_code.takes(found):
        if dimension is None:
            raise _unsized(target)
        raise InputError(f"{target} is a class that cannot be made from a dimension alone: name an object of it")
    from unnoise.walking.known import has_log_density

    if isinstance(found, type) or (not has_log_density(found) and _makes(found)):
        return found()
    return found


def _makes(found: Any) -> bool:
    """Whether it is a function without arguments, not one of any number of them, as (*x)."""
    return user_code.takes(found) and not user_code.takes(found, *[None] * MANY)


def function_of(found: Any, target: str) -> Any:
    """Its log density."""
    from unnoise.walking.known import log_density_of

    try:
        return log_density_of(found)
    except InputError:
        raise InputError(
            f"{target} is a {type(found).__name__}; expected a function log_prob(x), or an object that has one"
        ) from None


def space_of(found: Any, target: str, dimension: int | None, beside: Any = None) -> Space[Any, Any]:
    """Where its points live: what it says, or what a module says beside it, or R^d."""
    from unnoise.spaces import Euclidean, Space
    from unnoise.walking.forms import check_names
    from unnoise.walking.known import size_of

    known = getattr(found, "support", None) or getattr(found, "space", None) or getattr(beside, "space", None)
    if not isinstance(known, Space):
        said = (dimension, getattr(found, "dimension", None), size_of(found), size_of(beside))
        size = next((number for number in said if number is not None), None)
        if size is None:
            check_names(function_of(found, target))
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


def question(target: str, dimension: int | None) -> Asked:
    """What TARGET asks: MODULE:OBJECT with the parameters beside it, or a module that has a log_prob, or the pair."""
    module, colon, _ = target.rpartition(":")
    owner: Any = user_code.module_of(module if colon else target, target, EXAMPLE)
    from unnoise.spaces import Space
    from unnoise.walking.asking import asked, has_pair, own_parameters, says_where

    found, beside = owner, own_parameters(owner)
    if colon:
        found = made(user_code.find(target, EXAMPLE), target, dimension)
    elif not hasattr(found, "log_prob") and not has_pair(found):
        raise InputError(f"{target} has no log_prob, nor log_prior and log_likelihood: name one, as in {target}:NAME")
    if not has_pair(found):
        function_of(found, target)
    if says_where(found):
        return asked(found, dimension=dimension)
    placed = isinstance(getattr(found, "support", None) or getattr(found, "space", None), Space)
    if beside is not None and not placed:
        return asked(found, parameters=beside, dimension=dimension)
    return asked(found, space=space_of(found, target, dimension, owner))


def walked(asked: Asked, target: str) -> tuple[LogDensity[Any], tuple[int, ...]]:
    """A density that named chains can walk on, and the shape of its points."""
    import torch

    from unnoise.chains import Density
    from unnoise.laws import LogDensity
    from unnoise.spaces import Manifold
    from unnoise.walking.functions import Function

    space, found = asked.space, asked.functions[0]
    if not isinstance(space, Manifold):
        raise InputError(
            f"{target} lives on {type(space).__name__}, where there is no gradient to follow: use --chain auto"
        )
    shape = tuple(space.event_shape)
    if asked.chart is not None or len(asked.functions) > 1:
        points = torch.linspace(-1, 1, TRIED * math.prod(shape)).reshape(TRIED, *shape)
        density = asked.density(points)
        if isinstance(density, Function) and not density.sloped:
            raise InputError(f"{target} has no gradient that torch knows, which named chains follow: use --chain auto")
        return density, shape
    if not isinstance(found, LogDensity):
        return Density(function_of(found, target), space), shape
    return replace(found, space=space) if isinstance(found, Density) and found.space is None else found, shape


def starts(path: Path, asked: Asked) -> Any:
    """Natural coordinates from a file, whose columns have the names of parameters, or stand in their order.

    Raises:
        InputError: other columns, what is no number, or a point that breaks a constraint, by its row and column.
    """
    import torch

    from unnoise.data import files

    names = asked.columns
    found: Any = files.read(path, names=names or ())
    if names is not None and hasattr(found, "columns"):
        if missing := [name for name in names if name not in found.columns]:
            raise InputError(f"{path} has no column {missing[0]}; expected {', '.join(names)}")
        found = found.select(names)
    rows = found.to_numpy() if hasattr(found, "to_numpy") else found
    if rows.dtype.kind not in "iuf" or not len(rows):
        raise InputError(f"{path} has {len(rows)} rows of {rows.dtype}; expected numbers")
    numbers = torch.from_numpy(rows.astype("float64"))
    try:
        values = numbers.reshape(-1, *asked.space.event_shape) if asked.chart is None else asked.chart.read(numbers)
        asked.read(values)
    except (InputError, RuntimeError) as error:
        raise InputError(f"{path}: {error}") from None
    return values


def _unsized(target: str) -> InputError:
    return InputError(f"{target} does not say how many numbers its points have: give --dimension")
