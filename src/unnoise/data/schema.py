"""The schema: what the columns of the data are, and how rows become states and states rows again.

A schema is inferred once, at fit, and saved with the model. It holds the factors of the state (each a group of columns
that is a point of one space), the columns that never vary, the conditions, and the container the data came in. With
one factor a state is its tensor; with several it is a dict of theirs. With x the state and u the data in its own units

    log p(u) = log p(x) + log_volume    (nats per row),

a density for numbers, angles and the like, a probability for levels and tokens; integers are dequantised, which makes
it a lower bound on a log-probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import checks, conditions, containers, factors, inference
from unnoise.data import kinds as registry
from unnoise.data._numerics import Values
from unnoise.data.base import Feature, Kind
from unnoise.data.containers import Container, EventArray, Table
from unnoise.data.encoded import Encoded
from unnoise.data.factors import Factor, NumberFactor
from unnoise.data.factors.numbers import representable
from unnoise.data.kinds import Constant
from unnoise.processes import HasKernel, product


@dataclass(frozen=True)
class Schema:
    """Data <-> states.

    Args:
        factors: the parts of the state by name.
        constants: the columns that never vary, by name.
        conditions: the kinds of the columns that are conditioned on, by name.
        container: the form of the data.

    >>> schema = Schema.infer(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> schema.encode(np.array([[3.0, 10.0]])).x
    tensor([[ 1., -1.]])
    >>> schema.decode(torch.zeros(1, 2))
    array([[ 2., 20.]])
    >>> round(schema.log_volume, 4)  # -log 1 - log 10
    -2.3026
    """

    factors: Mapping[str, Factor]
    constants: Mapping[str, Constant]
    conditions: Mapping[str, Feature]
    container: Container

    @classmethod
    def infer(
        cls,
        data: Any,
        y: Any = None,
        *,
        kinds: Mapping[str, str] | None = None,
        condition: Sequence[str] | str = (),
    ) -> Self:
        """Fit a schema to data.

        Args:
            data: array or tensor (n, d) or (n, *event), list of rows, or DataFrame.
            y: conditions that are no columns of the data: an array (n,) or (n, k), or a DataFrame.
            kinds: a kind for columns that should not be what their type says, such as {"lat,lon": "latlon"}.
            condition: the names of the columns, of data or y, to condition on.
        """
        container = containers.container_of(data)
        columns = container.split(data)
        names = [condition] if isinstance(condition, str) else list(condition)
        given = _conditions_of(columns, y, names)
        declared = inference.declarations(kinds or {}, [*columns, *given])
        asked = {name: d.kind for d in declared for name in d.columns}
        _check_rows(columns, given)
        if (n := len(next(iter(columns.values())))) < 2:
            raise InputError(f"got {n} sample (n_samples = {n}); at least 2 are needed to fit a density.")
        levels = container.categorical
        features = {
            name: inference.condition(
                values,
                name,
                asked.get(name, "category" if name in levels else None),
                labels=name not in columns,
            )
            for name, values in given.items()
        }
        left = {name: values for name, values in columns.items() if name not in given}
        declared = [d for d in declared if not set(d.columns) & set(given)]
        return cls(*inference.modelled(left, declared, levels), features, container)

    def process(self) -> HasKernel[Any]:
        """How states are noised, where nothing else is asked for; its space says what they are."""
        parts = {name: factor.process() for name, factor in self.factors.items()}
        if len(parts) == 1:
            return next(iter(parts.values()))
        joint = product(parts)
        return cast(HasKernel[Any], joint)  # as all factors have kernels

    @property
    def numbers(self) -> NumberFactor | None:
        """The only factor, where it is one of numbers: baselines and bits per dimension need no more than these."""
        first = next(iter(self.factors.values()))
        return first if len(self.factors) == 1 and isinstance(first, NumberFactor) else None

    @property
    def kinds(self) -> str:
        """What a row holds, in a few words."""
        counts = [(len(factor.columns), factor.kind) for factor in self.factors.values()]
        return ", ".join(f"{kind} ({count} column{'s' * (count > 1)})" for count, kind in counts)

    @property
    def has_cells(self) -> bool:
        """Whether some columns are integers, which stand for cells and are dequantised."""
        return any(factor.jitter() is not None for factor in self.factors.values())

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one state."""
        shape: tuple[int, ...] = self.process().space.event_shape
        return shape

    @property
    def num_features(self) -> int:
        """The length of the second axis of the data, with constant columns and condition columns."""
        return self.container.event_shape[0] if isinstance(self.container, EventArray) else len(self.container.columns)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns, if the data came with names."""
        return self.container.columns if isinstance(self.container, Table) else None

    @property
    def condition_width(self) -> int:
        """How many features describe the conditions of one row; 0 without conditions."""
        return sum(kind.width for kind in self.conditions.values())

    @property
    def log_volume(self) -> float:
        """What turns the log-density of states into the one of the data, in nats per row."""
        return sum(factor.log_volume for factor in self.factors.values())

    @property
    def measure(self) -> str:
        """What a log-likelihood is with respect to, in words."""
        words = "; ".join(dict.fromkeys(factor.measure for factor in self.factors.values()))
        return f"nats per row, {words}" + (f"; given {', '.join(self.conditions)}" if self.conditions else "")

    def encode(self, data: Any, y: Any = None) -> Encoded:
        """The states of data that has the fitted form, and its conditions, from `y` if they were there."""
        columns = self.container.split(data)
        given = _conditions_of(columns, y, list(self.conditions))
        _check_rows(columns, given)
        jitter = self._joined({name: factor.jitter() for name, factor in self.factors.items()})
        whole = all(part is None for _, part in _tree.leaves(jitter))
        return Encoded(self._states(columns), None if whole else jitter, self._features(given))

    def decode(self, x: Any, given: Any = None) -> Any:
        """Data of the fitted form from states (n, *event_shape).

        Condition columns of the data hold what was `given`, as in `encode_condition`. Tensors come back on
        the CPU, whatever made the states.
        """
        columns = self.values(x)
        inside = {name: kind for name, kind in self.conditions.items() if name in self.container.columns}
        if inside:
            values = conditions.given_columns(given, _tree.length(x), self.conditions)
            columns |= {name: kind.restore(values[name], name) for name, kind in inside.items()}
        return self.container.join(columns)

    def values(self, x: Any) -> dict[str, Values]:
        """The columns that are no conditions, in their own types and units, from states."""
        held = self._parts(x)
        columns = {name: kind.values(_tree.length(x)) for name, kind in self.constants.items()}
        for name, factor in self.factors.items():
            columns |= factor.decode(held[name].detach().cpu())
        return columns

    def round_trip(self, x: Any) -> Any:
        """States as they are after a trip through the data: an integer at the lower edge of its cell."""
        return self._states(self.values(x))

    def encode_condition(self, given: Any, n: int) -> Tensor | None:
        """The features (n, c) of conditions given by name, each with one value or with n.

        None if the model has no conditions.

        Args:
            given: such as {"class": 3, "age": [30, 40]}, or a DataFrame with these columns.
            n: how many rows.
        """
        if not self.conditions and given is None:
            return None
        return self._features(conditions.given_columns(given, n, self.conditions))

    def describe(self) -> str:
        """A table of the columns and their kinds, for a person."""
        rows = [(name, words) for factor in self.factors.values() for name, words in _rows(factor)]
        rows += [(name, str(kind)) for name, kind in self.constants.items()]
        rows += [(name, f"condition: {kind}") for name, kind in self.conditions.items()]
        rows = rows if len(rows) <= _SHOWN else [*rows[:_SHOWN], ("...", f"and {len(rows) - _SHOWN} more")]
        width = max(len(name) for name, _ in rows)
        table = "".join(f"{name:<{width}}  {words}\n" for name, words in rows)
        state = " x ".join(map(str, self.event_shape)) if self.numbers else self.kinds
        return f"{table}state: {state}{' numbers per row' if self.numbers else ''}; {self.measure}"

    def to_config(self) -> dict[str, Any]:
        """Plain JSON types, from which `from_config` makes an equal schema."""
        return {
            "factors": [{"name": name, **factor.to_config()} for name, factor in self.factors.items()],
            "constants": [{"name": name, **kind.to_config()} for name, kind in self.constants.items()],
            "conditions": [{"name": name, **kind.to_config()} for name, kind in self.conditions.items()],
            "container": self.container.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The schema that `to_config` described."""
        try:
            parts = {part["name"]: factors.from_config(_unnamed(part)) for part in config["factors"]}
            constants = {part["name"]: Constant(**_unkinded(part)) for part in config["constants"]}
            features = {part["name"]: _feature(part) for part in config["conditions"]}
            return cls(parts, constants, features, containers.from_config(config["container"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"The schema of the model is damaged ({type(error).__name__}: {error}).") from error

    def _states(self, columns: Mapping[str, Values]) -> Any:
        for name, kind in self.constants.items():
            kind.check(columns[name], name)
        return self._joined({name: factor.encode(columns) for name, factor in self.factors.items()})

    def _joined(self, parts: dict[str, Any]) -> Any:
        """The parts of a state by factor as a state: the tensor itself, where there is one."""
        return next(iter(parts.values())) if len(parts) == 1 else parts

    def _parts(self, x: Any) -> dict[str, Tensor]:
        """A state as its parts by factor, if it has the shape of one."""
        parts = x if isinstance(x, dict) else dict.fromkeys(self.factors, x)
        for name, factor in self.factors.items():
            expected = factor.process().space.event_shape
            if name not in parts or tuple(parts[name].shape[1:]) != expected:
                got = tuple(parts[name].shape) if name in parts else "none"
                raise InputError(f"States of {name!r} have shape {got}, expected (n, *{expected}).")
        return parts

    def _features(self, given: Mapping[str, Values]) -> Tensor | None:
        parts = [_features(kind, given[name], name) for name, kind in self.conditions.items()]
        return torch.cat(parts, dim=1) if parts else None


_SHOWN = 20  # rows of the table that describes a schema


def _conditions_of(columns: Mapping[str, Values], y: Any, names: Sequence[str]) -> dict[str, Values]:
    """The conditions, from the columns of the data or from y, in the order in which they are named."""
    outside = conditions.beside(y, [name for name in names if name not in columns], list(columns))
    return {name: columns[name] if name in columns else outside[name] for name in names}


def _check_rows(columns: Mapping[str, Values], given: Mapping[str, Values]) -> None:
    n = len(next(iter(columns.values())))
    for name, values in given.items():
        if len(values) != n:
            raise InputError(f"X has {n} rows, but the condition '{name}' has {len(values)}.")
    checks.check_present({**columns, **given})


def _features(kind: Feature, values: Values, name: str) -> Tensor:
    with np.errstate(over="ignore"):
        return representable(kind.features(values, name).astype(np.float32), values, name)


def _rows(factor: Factor) -> list[tuple[str, str]]:
    """What a table says of a factor: of columns of numbers one by one, of other columns together."""
    if isinstance(factor, NumberFactor):
        return [(name, str(kind)) for name, kind in zip(factor.columns, factor.coordinates, strict=True)]
    shown = ",".join(factor.columns[:6]) + (",..." if len(factor.columns) > 6 else "")
    return [(shown, str(factor))]


def _unnamed(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != "name"}


def _unkinded(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _unnamed(config).items() if key != "kind"}


def _feature(config: Mapping[str, Any]) -> Feature:
    kind: Kind = registry.from_config(_unnamed(config))
    if not isinstance(kind, Feature):
        raise TypeError(f"{kind.name} is no condition")
    return kind
