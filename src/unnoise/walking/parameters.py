r"""What parameters are allowed to be: real, positive, between bounds, ordered, shares, correlations.

A parameter says a shape and a constraint of `torch.distributions.constraints`; `charts` takes it to all of $R^k$.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.distributions import Distribution, MixtureSameFamily, VonMises, constraints
from torch.distributions.constraints import Constraint

from unnoise._checks import instance, real, refuse, shape, whole
from unnoise._errors import InputError

Shape = int | tuple[int, ...]
EXPECTED = "one of unnoise.walking, such as Reals(), Positive() or Interval(0, 1), or a constraint of torch"


@runtime_checkable
class Bounded(Protocol):
    """Numbers of a shape, and what they must fulfil."""

    @property
    def event_shape(self) -> Shape:
        """The shape of one value."""

    @property
    def constraint(self) -> Constraint:
        """What holds of it."""


class Parameter(ABC):
    """Numbers of a shape that fulfil a constraint."""

    event_shape: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_shape", shape("event_shape", self.event_shape))

    @property
    @abstractmethod
    def constraint(self) -> Constraint:
        """What holds of it."""


@dataclass(frozen=True)
class Reals(Parameter):
    """Real numbers without bounds.

    Args:
        event_shape: the shape of one value; () for one number, and an int d means (d,).

    >>> Reals(8).event_shape
    (8,)
    """

    event_shape: Shape = ()

    @property
    def constraint(self) -> Constraint:
        """All numbers fulfil it."""
        return constraints.real


@dataclass(frozen=True)
class Positive(Parameter):
    r"""Positive numbers, by $e^z$.

    Args:
        event_shape: the shape of one value.

    >>> Positive().constraint.check(torch.tensor([-1.0, 2.0]))
    tensor([False,  True])
    """

    event_shape: Shape = ()

    @property
    def constraint(self) -> Constraint:
        """Above zero."""
        return constraints.positive


@dataclass(frozen=True)
class Above(Parameter):
    r"""Numbers above a bound, by $a + e^z$.

    Args:
        low: a.
        event_shape: the shape of one value.
    """

    low: float
    event_shape: Shape = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        real(low=self.low)

    @property
    def constraint(self) -> Constraint:
        """Above a."""
        return constraints.greater_than(self.low)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Below(Parameter):
    r"""Numbers below a bound, by $b - e^z$.

    Args:
        high: b.
        event_shape: the shape of one value.
    """

    high: float
    event_shape: Shape = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        real(high=self.high)

    @property
    def constraint(self) -> Constraint:
        """Below b."""
        return constraints.less_than(self.high)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Interval(Parameter):
    r"""Numbers between two bounds, by $a + (b - a)/(1 + e^{-z})$.

    Args:
        low: a.
        high: b, above a.
        event_shape: the shape of one value.

    >>> Interval(3, 1)
    Traceback (most recent call last):
    unnoise._errors.InputError: got high = 1; expected a finite number above 3
    """

    low: float
    high: float
    event_shape: Shape = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        real(low=self.low)
        real(above=self.low, high=self.high)

    @property
    def constraint(self) -> Constraint:
        """Between a and b."""
        return constraints.interval(self.low, self.high)  # type: ignore[no-untyped-call]


class Increasing(Constraint):
    """Numbers of which each is above the one before, along the last axis."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Where this holds, without the last axis."""
        return (value[..., 1:] > value[..., :-1]).all(-1)


@dataclass(frozen=True)
class Ordered(Parameter):
    r"""Numbers that increase along the last axis: the first, and steps $e^{z_i}$.

    Args:
        event_shape: the shape of one value; an int d means (d,).

    >>> Ordered(3).constraint.check(torch.tensor([[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]]))
    tensor([ True, False])
    """

    event_shape: Shape

    def __post_init__(self) -> None:
        object.__setattr__(self, "event_shape", shape("event_shape", self.event_shape, axes=1))

    @property
    def constraint(self) -> Constraint:
        """Increasing."""
        return Increasing()


@dataclass(frozen=True)
class CorrelationCholesky(Parameter):
    """A lower triangular factor L of a correlation matrix, $L L^T$, with a positive diagonal.

    A density of it is with respect to the numbers below the diagonal, as `torch.distributions.LKJCholesky` has it.

    Args:
        size: how many variables are correlated, at least 2; L has the shape (size, size).
    """

    size: int
    event_shape: Shape = field(init=False)

    def __post_init__(self) -> None:
        whole(least=2, most=10_000, size=self.size)
        object.__setattr__(self, "event_shape", (self.size, self.size))

    @property
    def constraint(self) -> Constraint:
        """A factor of a correlation matrix."""
        return constraints.corr_cholesky


@dataclass(frozen=True)
class Constrained(Parameter):
    """Numbers that fulfil a constraint of torch.

    Args:
        rule: as `torch.distributions.constraints.simplex`.
        event_shape: the shape of one value.

    >>> Constrained(constraints.simplex, (2, 3)).event_shape
    (2, 3)
    """

    rule: Constraint
    event_shape: Shape = ()

    def __post_init__(self) -> None:
        instance(Constraint, rule=self.rule)
        if self.rule.is_discrete:
            raise InputError(f"got a parameter that is {self.rule}; expected real numbers: sum over levels and counts")
        object.__setattr__(self, "event_shape", shape("event_shape", self.event_shape, axes=self.rule.event_dim))

    @property
    def constraint(self) -> Constraint:
        """The constraint itself."""
        return self.rule


def declared(value: Any, name: str) -> Bounded:
    """A parameter from what a user gave for it: one, a constraint of torch, or a space that has a constraint.

    Raises:
        InputError: none of these.
    """
    if isinstance(value, Constraint):
        return Constrained(value)
    if isinstance(value, Distribution):
        raise InputError(f"got {name} = the distribution {type(value).__name__}; expected {EXPECTED}: give log_prior=")
    if isinstance(value, type) or not (isinstance(value, Bounded) and isinstance(value.constraint, Constraint)):
        refuse(name, value, EXPECTED)
    return value


def by_names(parameters: Any) -> dict[str, Bounded]:
    """Parameters by their names, or one under the empty name.

    Raises:
        InputError: an empty dict, names that are no texts, or what is no parameter.
    """
    if not isinstance(parameters, Mapping):
        return {"": declared(parameters, "parameters")}
    if not parameters or not all(isinstance(name, str) and name for name in parameters):
        refuse("parameters", dict(parameters), "a dict of parameters by their names, at least one")
    return {name: declared(value, f"parameters[{name!r}]") for name, value in parameters.items()}


def supported(law: Distribution) -> Constrained:
    """The parameter that a distribution is a law of: its support and shape; of angles, those within half a turn."""
    parts = law
    while isinstance(parts, MixtureSameFamily):  # whose own support has no chart
        parts = parts.component_distribution
    try:
        support: Any = parts.support
    except NotImplementedError:
        support = None
    if not isinstance(support, Constraint):
        raise InputError(f"the distribution {type(law).__name__} does not say its support: give parameters=")
    if isinstance(parts, VonMises):
        support = constraints.interval(-math.pi, math.pi)  # type: ignore[no-untyped-call]
    return Constrained(support, tuple(law.batch_shape + law.event_shape))


def told(constraint: Constraint) -> str:
    """What is expected, in words."""
    inner: Any = constraint
    while hasattr(inner, "base_constraint"):
        inner = inner.base_constraint
    low, high = (getattr(inner, side, None) for side in ("lower_bound", "upper_bound"))
    if inner.event_dim == 0 and (low is not None or high is not None):
        ends = [(word, end) for word, end in (("above", low), ("below", high)) if end is not None]
        return "a number " + " and ".join(f"{word} {_end(end)}" for word, end in ends)
    kinds = {
        Increasing: "numbers that increase",
        type(constraints.simplex): "positive shares that sum to 1",
        type(constraints.corr_cholesky): "a Cholesky factor of a correlation matrix",
        type(constraints.real): "a finite number",
    }
    return kinds.get(type(inner), f"what fulfils {inner}")


def _end(end: Any) -> str:
    numbers = torch.as_tensor(end, dtype=torch.float64).flatten()
    return f"{float(numbers[0]):g}" if math.prod(numbers.shape) == 1 else "its bound"
