"""A density in the words of a user: a function, a prior and a likelihood, an object; and where its points live."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.distributions.constraints import Constraint

from unnoise._checks import instance, refuse, whole
from unnoise._errors import InputError
from unnoise.laws import LogDensity
from unnoise.spaces import Affine, Euclidean, Space
from unnoise.walking.charts import ParameterChart, chart_of
from unnoise.walking.forms import understood
from unnoise.walking.functions import Function
from unnoise.walking.parameters import Bounded, Reals, supported

Told = Callable[[Any], Any]


@dataclass(frozen=True)
class Asked:
    """What is to be walked on.

    Attributes:
        functions: whose sum is the log density, of natural coordinates.
        space: where chains move; $R^d$ where there is a chart.
        chart: what takes its points to natural coordinates; None where they are these already.
    """

    functions: tuple[Any, ...]
    space: Space[Any, Any]
    chart: ParameterChart | None

    @property
    def columns(self) -> list[str] | None:
        """A name for each number of a point, where parameters have names."""
        return None if self.chart is None else self.chart.columns

    def density(self, x: Any) -> LogDensity[Any]:
        """The log density on the space, by trying the functions on a few of its points, x (n, *event)."""
        alone = self.functions[0]
        if self.chart is None and len(self.functions) == 1:
            return alone if isinstance(alone, LogDensity) else understood(_function(alone), self.space, x)
        tried = x if self.chart is None else self.chart.inside(x / (1 + x.abs()))
        found = [understood(_function(one), self.space, tried) for one in self.functions]
        total = _summed(found)
        function = total if self.chart is None else _charted(total, self.chart)
        return Function(function, self.space, all(one.sloped for one in found))

    def shown(self, x: Any) -> Any:
        """Points of the space in natural coordinates."""
        return x if self.chart is None or x is None else self.chart.inside(x)

    def near(self, x: Any) -> Any:
        """First points, moved away from borders."""
        return x if self.chart is None else self.chart.near(x)

    def reaches_its_end(self, x: Tensor) -> bool:
        """Whether a point, (d,), is at the end of a chart, where only an improper density is high."""
        return self.chart is not None and self.chart.reaches_its_end(x[None])

    def read(self, values: Any) -> Any:
        """Points of the space from natural coordinates; InputError where these break a constraint."""
        if self.chart is not None:
            return self.chart.outside(values)
        self.space.check(values)
        return values


def asked(
    log_prob: Any = None,
    *,
    log_prior: Any = None,
    log_likelihood: Any = None,
    parameters: Any = None,
    space: Space[Any, Any] | None = None,
    dimension: int | None = None,
) -> Asked:
    """The density in one form; arguments are those of `walk`.

    Args:
        log_prob: a function, an object that has a log_prob, or a log_prior and a log_likelihood, and perhaps parameters
            and a space or a dimension; or what this function returned.
        log_prior: a function, a distribution of torch, or a dict of these by names.
        log_likelihood: a function.
        parameters: what natural coordinates are.
        space: where points live.
        dimension: of $R^d$.

    Raises:
        InputError: too few of these, or too many.
    """
    if isinstance(log_prob, Asked):
        return log_prob
    instance(Space, or_none=True, space=space)
    functions = _functions(log_prob, log_prior, log_likelihood)
    for one in functions:
        _function(one)  # refuses what is none
    whole(least=1, or_none=True, dimension=dimension)
    given = parameters
    if given is None:
        given = own_parameters(log_prob)
    if given is None and space is None:
        given = _supports(functions[0])
    if given is None:
        where = _space(log_prob, space, dimension)
        if not isinstance(where, Affine) or len(where.event_shape) == 1:
            return Asked(functions, where, None)
        given, space = Reals(where.event_shape), None  # several axes, in a chart of one
    if space is not None:
        raise InputError("got space= and parameters=; expected one of these: parameters have a chart of their own")
    chart = chart_of(given)
    _check_names(functions[0], chart)
    if dimension not in (None, chart.size):
        raise InputError(f"got dimension = {dimension}; the parameters have {chart.size} free numbers: leave it out")
    return Asked(functions, Euclidean(chart.size), chart)


def _functions(log_prob: Any, log_prior: Any, log_likelihood: Any) -> tuple[Any, ...]:
    """The terms of the log density."""
    pair = (log_prior, log_likelihood)
    if log_prob is not None and pair != (None, None):
        raise InputError("got log_prob beside log_prior or log_likelihood; expected log_prob alone, or the other two")
    if log_prob is not None:
        pair = (getattr(log_prob, "log_prior", None), getattr(log_prob, "log_likelihood", None))
        if hasattr(log_prob, "log_prob") or pair == (None, None):
            return (log_prob,)
    if pair == (None, None):
        raise InputError("got no density; expected log_prob, or log_prior and log_likelihood")
    for name, one, other in (("log_prior", pair[0], "log_likelihood"), ("log_likelihood", pair[1], "log_prior")):
        if one is None:
            raise InputError(f"got {other} without {name}; expected both, whose sum is the log density, or log_prob")
    return pair


def own_parameters(owner: Any) -> Any:
    """What an object or a module says of natural coordinates; None where it has no such word, or a method of it."""
    own = getattr(owner, "parameters", None)
    return own if isinstance(own, Mapping | Constraint | Bounded) else None


def says_where(owner: Any) -> bool:
    """Whether an object or a module says by parameters, or by distributions, where its points live."""
    return own_parameters(owner) is not None or _supports(_functions(owner, None, None)[0]) is not None


def _supports(first: Any) -> Any:
    """What the supports of distributions say of natural coordinates; None of what is none."""
    if isinstance(first, Distribution):
        return supported(first)
    if isinstance(first, Mapping):
        return {name: supported(law) for name, law in _laws(first).items()}
    return None


def _laws(prior: Mapping[str, Any]) -> dict[str, Distribution]:
    """Distributions by names, else InputError."""
    for name, law in prior.items():
        instance(Distribution, **{f"log_prior[{name!r}]": law})
    return dict(prior)


def _check_names(first: Any, chart: ParameterChart) -> None:
    if isinstance(first, Mapping) and set(_laws(first)) != set(chart.parts):
        names = ", ".join(name or "one without a name" for name in chart.parts)
        raise InputError(f"got log_prior for {', '.join(first)}; expected one for each of the parameters: {names}")


def _function(given: Any) -> Told:
    """A function of points; of a distribution the sum over its batch, which has independent parts."""
    if isinstance(given, Distribution):
        return lambda x: given.log_prob(x).reshape(len(x), -1).sum(1)
    if isinstance(given, Mapping):
        parts = {name: _function(law) for name, law in _laws(given).items()}
        return lambda x: torch.stack([part(x[name]) for name, part in parts.items()]).sum(0)
    found: Any = getattr(given, "log_prob", given)
    if not callable(found) or isinstance(found, type):
        refuse("the log density", given, "a function of points, or an object that has one as log_prob")
    return found  # type: ignore[no-any-return]


def _summed(terms: list[Function]) -> Told:
    """Their sum."""
    return lambda x: torch.stack([one.function(x).double() for one in terms]).sum(0)


def _charted(total: Told, chart: ParameterChart) -> Told:
    """The same in the chart; no density where numbers do not hold natural coordinates."""

    def charted(z: Tensor) -> Tensor:
        held = chart.held(z)
        safe = torch.where(held[:, None], z, 0.0)
        return torch.where(held, total(chart.inside(safe)) + chart.log_volume(safe), -math.inf)

    return charted


def _space(log_prob: Any, space: Space[Any, Any] | None, dimension: int | None) -> Space[Any, Any]:
    known: Any = space or getattr(log_prob, "support", None) or getattr(log_prob, "space", None)
    if isinstance(known, Space):
        return known
    if dimension is None:
        raise InputError(
            "the log density does not say where its points live: give dimension=, or space=, or parameters="
        )
    return Euclidean(dimension)
