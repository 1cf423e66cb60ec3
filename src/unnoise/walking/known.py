"""Distributions of torch and SciPy, and objects of other libraries, as log densities that say where they live."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.distributions.constraints import Constraint

from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise.spaces import Counts, Finite, Space, Sphere
from unnoise.walking.parameters import Constrained, supported

NAMES = ("log_prob", "logpdf", "logpmf", "log_density", "logp", "score_samples")  # of methods that are log densities
SIZES = ("dimension", "dim", "ndim", "d", "n_features_in_")  # attributes that say how many numbers a point has
MOST_STATES = 10_000  # of a site; above it is a count


def log_density_of(given: Any) -> Callable[[Any], Any]:
    """A function of points: the method of an object, or the function itself.

    Of distributions of independent numbers it is their sum.

    Raises:
        InputError: nothing of it is a log density.

    >>> log_density_of(torch.distributions.Normal(torch.zeros(2), 1.0))(torch.zeros(3, 2)).shape
    torch.Size([3])
    """
    if isinstance(given, Distribution):
        return lambda x: given.log_prob(x if x.is_floating_point() else x.double()).reshape(len(x), -1).sum(1)
    found = given if isinstance(given, type) else next(filter(callable, _methods(given)), given)
    if not callable(found) or isinstance(found, type):
        refuse("the log density", given, "a function of points, or an object that has one as log_prob")
    if _is_of_scipy(given) and callable(getattr(given, "support", None)):
        return lambda x: np.asarray(found(np.asarray(x))).reshape(len(x), -1).sum(1)
    return found


def has_log_density(given: Any) -> bool:
    """Whether an object has a method that is a log density."""
    return any(map(callable, _methods(given)))


def place_of(given: Any) -> Constrained | Space[Any, Any] | None:
    """What a distribution says of its points: bounds, or a space of whole numbers; None of what is none.

    >>> place_of(torch.distributions.Poisson(torch.ones(3)))
    Counts(event_shape=(3,))
    """
    if isinstance(given, Distribution):
        support = getattr(given, "support", None)
        shape = tuple(given.batch_shape + given.event_shape)
        if isinstance(support, Constraint) and support.is_discrete and not support.event_dim:
            return _whole(getattr(support, "lower_bound", 0), getattr(support, "upper_bound", _top(support)), shape)
        return supported(given)
    if _is_of_scipy(given):
        return _place_in_scipy(given)
    return None


def size_of(given: Any) -> int | None:
    """How many numbers a point has, where an attribute of an object, or a module by its dimension, says so."""
    found = (getattr(given, name, None) for name in (SIZES[:1] if isinstance(given, ModuleType) else SIZES))
    return next((size for size in found if isinstance(size, int) and not isinstance(size, bool) and size > 0), None)


def _methods(given: Any) -> list[Any]:
    return [getattr(given, name, None) for name in NAMES] if not isinstance(given, Mapping | Tensor) else []


def _is_of_scipy(given: Any) -> bool:
    return type(given).__module__.startswith("scipy.stats")


def _place_in_scipy(law: Any) -> Constrained | Space[Any, Any] | None:
    name = type(law).__name__
    if name == "vonmises_fisher_frozen":
        return Sphere(law.dim - 1)
    if name == "dirichlet_frozen":
        return Constrained(constraints.simplex, (len(law.alpha),))
    if not callable(getattr(law, "support", None)):
        return None
    try:
        ends = law.support()
    except TypeError:  # of gamma in the place of gamma(2)
        raise InputError(f"the distribution {law.name} has no parameters; give them, as in {law.name}(...)") from None
    low, high = np.broadcast_arrays(*(np.asarray(end, dtype=float) for end in ends))
    if hasattr(law, "pmf"):
        return _whole(low.min(), high.max(), low.shape)
    if getattr(getattr(law, "dist", None), "name", "") == "vonmises":
        low, high = np.full_like(low, -math.pi), np.full_like(high, math.pi)
    return Constrained(_between(low, high), low.shape)


def _between(low: Any, high: Any) -> Constraint:
    """The constraint of numbers between ends, arrays."""
    below, above = np.isfinite(low), np.isfinite(high)
    if below.any() != below.all() or above.any() != above.all():
        raise InputError("some of the numbers of the distribution are bounded, and some are not: give parameters=")
    ends = [torch.as_tensor(end.copy()) if end.ndim else float(end) for end in (low, high)]
    kinds: dict[tuple[bool, bool], Callable[[], Any]] = {
        (False, False): lambda: constraints.real,
        (True, False): lambda: constraints.greater_than(ends[0]),  # type: ignore[no-untyped-call]
        (False, True): lambda: constraints.less_than(ends[1]),  # type: ignore[no-untyped-call]
        (True, True): lambda: constraints.interval(*ends),  # type: ignore[no-untyped-call]
    }
    found: Constraint = kinds[bool(below.all()), bool(above.all())]()
    return found


def _top(support: Constraint) -> float:
    return 1 if isinstance(support, type(constraints.boolean)) else math.inf


def _whole(low: Any, high: Any, shape: tuple[int, ...]) -> Space[Any, Any]:
    """Whole numbers from 0 on, to the highest of all."""
    low, high = (torch.as_tensor(end).double() for end in (low, high))
    if float(low.min()) < 0:
        raise InputError(
            f"the distribution has whole numbers from {float(low.min()):g} on; expected none below 0: walk on counts, "
            "space=Counts(...), with a function that subtracts"
        )
    sites, states = shape or (1,), float(high.max()) + 1
    return Finite(sites, int(states)) if states <= MOST_STATES else Counts(sites)
