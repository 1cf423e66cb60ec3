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

from unnoise._checks import instance, whole
from unnoise._errors import InputError
from unnoise.laws import LogDensity
from unnoise.spaces import Affine, Euclidean, Space
from unnoise.walking.charts import ParameterChart, chart_of
from unnoise.walking.forms import arguments, check_names, understood
from unnoise.walking.functions import Function
from unnoise.walking.known import has_log_density, log_density_of, place_of, size_of
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
        found = _supports(functions[0])
        given, space = (None, found) if isinstance(found, Space) else (found, None)
    if given is None and space is None and dimension is None:
        given = _apart(functions[0])
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
        if has_log_density(log_prob) or pair == (None, None):
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
    """Whether an object, a function or a module says by parameters, arguments or distributions where points live."""
    if own_parameters(owner) is not None or _supports(_functions(owner, None, None)[0]) is not None:
        return True
    return _apart(_functions(owner, None, None)[0]) is not None


def has_pair(owner: Any) -> bool:
    """Whether an object or a module has a log_prior and a log_likelihood in the place of a log density."""
    return not has_log_density(owner) and hasattr(owner, "log_prior") and hasattr(owner, "log_likelihood")


def _supports(first: Any) -> Any:
    """What the supports of distributions say of natural coordinates, or a space; None of what is none."""
    if isinstance(first, Mapping):
        return {name: supported(law) for name, law in _laws(first).items()}
    return place_of(first)


def _apart(first: Any) -> dict[str, Reals] | None:
    """The names of the numbers of a point, of a function that takes each of them as an argument."""
    if isinstance(first, Mapping) or _placed(first) is not None or size_of(first) is not None:
        return None
    names = arguments(log_density_of(first))
    return {name: Reals() for name in names} if len(names) > 1 else None


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
    """A function of points; of a dict of distributions their sum."""
    if isinstance(given, Mapping):
        parts = {name: log_density_of(law) for name, law in _laws(given).items()}
        return lambda x: torch.stack([part(x[name]) for name, part in parts.items()]).sum(0)
    return log_density_of(given)


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


def _placed(log_prob: Any) -> Space[Any, Any] | None:
    """The space that an object says."""
    known: Any = getattr(log_prob, "support", None) or getattr(log_prob, "space", None)
    return known if isinstance(known, Space) else None


def _space(log_prob: Any, space: Space[Any, Any] | None, dimension: int | None) -> Space[Any, Any]:
    known, size = space or _placed(log_prob), dimension or size_of(log_prob)
    if known is not None:
        if dimension is not None and dimension != (numbers := math.prod(known.event_shape)):
            raise InputError(f"got dimension = {dimension}; points of {known} have {numbers} numbers: leave it out")
        return known
    if size is None:
        check_names(_function(log_prob))
        raise InputError(
            "the log density does not say where its points live: give dimension=, or space=, or parameters="
        )
    return Euclidean(size)
