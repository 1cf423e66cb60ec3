"""The schema: what the columns of the data are, and how rows become states and states rows again.

A schema is inferred once, at fit, and saved with the model. It holds the kind of every modelled column, with
the numbers that standardise it, the kinds of the conditions, and the container the data came in. With x the
state, u the data in its own units and s_i the scale of element i,

    log p(u) = log p(x) + log_volume,    log_volume = -sum_i log s_i    (nats per row),

a density for real columns; integers are dequantised, which makes it a lower bound on a log-probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import checks, conditions, containers, inference
from unnoise.data import kinds as registry
from unnoise.data._numerics import Values, pieces, row_of
from unnoise.data.base import Coordinate, Feature, Kind
from unnoise.data.containers import Block, Container, Table
from unnoise.data.encoded import Encoded
from unnoise.data.kinds import Constant, Integer


@dataclass(frozen=True)
class Schema:
    """Data <-> states.

    Args:
        fields: the kinds of the modelled columns by name, in the order of the data.
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

    fields: Mapping[str, Kind]
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
            kinds: "real", "integer" or "category" for columns that should not be what their type says.
            condition: the names of the columns, of data or y, to condition on.
        """
        container = containers.container_of(data)
        columns = container.split(data)
        names = [condition] if isinstance(condition, str) else list(condition)
        given = _conditions_of(columns, y, names)
        asked = inference.checked(kinds or {}, [*columns, *given])
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
        fields = {
            name: inference.modelled(values, name, asked.get(name), name in levels)
            for name, values in columns.items()
            if name not in given
        }
        inference.check_varying(fields)
        return cls(fields, features, container)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one state."""
        if isinstance(self.container, Block):
            return self.container.event_shape
        return (len(self._coordinates),)

    @property
    def num_features(self) -> int:
        """The length of the second axis of the data, with constant columns and condition columns."""
        return self.event_shape[0] if isinstance(self.container, Block) else len(self.container.columns)

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
        repeats = int(np.prod(self.event_shape)) // len(self._coordinates)
        return repeats * sum(kind.log_volume for kind in self._coordinates.values())

    @property
    def measure(self) -> str:
        """What a log-likelihood is with respect to, in words."""
        integers = sum(isinstance(kind, Integer) for kind in self._coordinates.values())
        if integers == 0:
            words = "density in the data's own units"
        elif integers == len(self._coordinates):
            words = "integer columns dequantised: a lower bound on the log-probability"
        else:
            words = "density in the data's own units; integer columns dequantised: a lower bound"
        return f"nats per row, {words}" + (f"; given {', '.join(self.conditions)}" if self.conditions else "")

    def encode(self, data: Any, y: Any = None) -> Encoded:
        """The states of data that has the fitted form, and its conditions, from `y` if they were there."""
        columns = self.container.split(data)
        given = _conditions_of(columns, y, list(self.conditions))
        _check_rows(columns, given)
        widths = [kind.jitter for kind in self._coordinates.values()]
        jitter = torch.tensor(widths, dtype=torch.float32).expand(self.event_shape) if any(widths) else None
        return Encoded(self._states(columns), jitter, self._features(given))

    def decode(self, x: Tensor, given: Any = None) -> Any:
        """Data of the fitted form from states (n, *event_shape).

        Condition columns of the data hold what was `given`, as in `encode_condition`. Tensors come back on
        the CPU, whatever made the states.
        """
        columns = self.values(x)
        inside = {name: kind for name, kind in self.conditions.items() if name in self.container.columns}
        if inside:
            values = conditions.given_columns(given, len(x), self.conditions)
            columns |= {name: kind.restore(values[name], name) for name, kind in inside.items()}
        return self.container.join(columns)

    def values(self, x: Tensor) -> dict[str, Values]:
        """The columns that are no conditions, in their own types and units, from states (n, *event_shape)."""
        if tuple(x.shape[1:]) != self.event_shape:
            raise InputError(f"States have shape {tuple(x.shape)}, expected (n, *{self.event_shape}).")
        numbers = x.detach().cpu().double().numpy()
        columns = {name: kind.values(len(x)) for name, kind in self.fields.items() if isinstance(kind, Constant)}
        for i, (name, kind) in enumerate(self._coordinates.items()):
            part = numbers if isinstance(self.container, Block) else numbers[:, i]
            columns[name] = np.concatenate([kind.decode(piece) for piece in pieces(part)])
        return columns

    def snapped(self, x: Tensor) -> Tensor:
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
        rows = [(name, str(kind)) for name, kind in self.fields.items()]
        rows += [(name, f"condition: {kind}") for name, kind in self.conditions.items()]
        rows = rows if len(rows) <= _SHOWN else [*rows[:_SHOWN], ("...", f"and {len(rows) - _SHOWN} more")]
        width = max(len(name) for name, _ in rows)
        table = "".join(f"{name:<{width}}  {words}\n" for name, words in rows)
        return f"{table}state: {' x '.join(map(str, self.event_shape))} numbers per row; {self.measure}"

    def to_config(self) -> dict[str, Any]:
        """Plain JSON types, from which `from_config` makes an equal schema."""
        return {
            "fields": [{"name": name, **kind.to_config()} for name, kind in self.fields.items()],
            "conditions": [{"name": name, **kind.to_config()} for name, kind in self.conditions.items()],
            "container": self.container.to_config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The schema that `to_config` described."""
        try:
            fields = {field["name"]: _kind(field) for field in config["fields"]}
            features = {field["name"]: _feature(field) for field in config["conditions"]}
            return cls(fields, features, containers.from_config(config["container"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"The schema of the model is damaged ({type(error).__name__}: {error}).") from error

    @property
    def _coordinates(self) -> dict[str, Coordinate]:
        return {name: kind for name, kind in self.fields.items() if isinstance(kind, Coordinate)}

    def _states(self, columns: Mapping[str, Values]) -> Tensor:
        for name, kind in self.fields.items():
            checks.check_modelled(columns[name], name, name in self.container.categorical)
            kind.check(columns[name], name)
        parts = [_coordinates(kind, columns[name], name) for name, kind in self._coordinates.items()]
        return parts[0] if isinstance(self.container, Block) else torch.stack(parts, dim=1)

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


def _coordinates(kind: Coordinate, values: Values, name: str) -> Tensor:
    x = np.empty(values.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        for target, piece in zip(pieces(x), pieces(values), strict=True):
            target[...] = kind.encode(piece)
    return _representable(x, values, name)


def _features(kind: Feature, values: Values, name: str) -> Tensor:
    with np.errstate(over="ignore"):
        return _representable(kind.features(values, name).astype(np.float32), values, name)


def _representable(x: NDArray[np.float32], values: Values, name: str) -> Tensor:
    """The float32 numbers as a tensor; what lies too far out is said here and not met later as infinity."""
    if (far := np.flatnonzero(~np.isfinite(x))).size:
        raise InputError(
            f"Column '{name}' holds {values.flat[far[0]]} in row {row_of(int(far[0]), values)}, which is too "
            "far from the data that was fitted to be represented."
        )
    return torch.from_numpy(x)


def _kind(config: Mapping[str, Any]) -> Kind:
    return registry.from_config({key: value for key, value in config.items() if key != "name"})


def _feature(config: Mapping[str, Any]) -> Feature:
    kind = _kind(config)
    if not isinstance(kind, Feature):
        raise TypeError(f"{kind.name} is no condition")
    return kind
