"""The schema says what the columns of the data are, and turns rows into states and back.

The factors of a state are groups of columns, each a point of one space. A state is a tensor if there is one factor,
else a dict of tensors. With x the state and u the data in its own units

    log p(u) = log p(x) + log_volume    (nats per row).

It is a density of numbers and angles, a probability of levels and tokens, a lower bound for dequantised integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import arrays, conditions, containers, factors, inference
from unnoise.data import kinds as registry
from unnoise.data._checked import check, entries
from unnoise.data._numerics import Values
from unnoise.data.base import Feature
from unnoise.data.containers import Container, EventArray, Table
from unnoise.data.encoded import Encoded
from unnoise.data.factors import Factor, NumberFactor
from unnoise.data.factors.numbers import representable
from unnoise.data.kinds import Constant
from unnoise.processes import HasKernel, product

_SHOWN = 20  # rows of the table that describes a schema


@dataclass(frozen=True)
class Schema:
    """Data <-> states.

    Args:
        factors: the parts of the state by name.
        constants: the columns with a single value, by name.
        conditions: the kinds of the conditions, by name.
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

    def __post_init__(self) -> None:
        check(bool(self.factors), "factors", {}, "one or more")
        columns = set(self.container.columns)
        inside = [name for name in self.conditions if name in columns]
        held = [*self.constants, *inside, *(name for factor in self.factors.values() for name in factor.columns)]
        check(len(held) == len(columns) and set(held) == columns, "columns", held, "each of the data, once")
        expected = self.container.event_shape if isinstance(self.container, EventArray) else ()
        for factor in self.factors.values():
            check(factor.block == expected, "the shape of a value", factor.block, f"{expected}, as the data have")

    @classmethod
    def infer(
        cls,
        data: Any,
        y: Any = None,
        *,
        kinds: Mapping[str, str] | None = None,
        condition: Sequence[str] | str = (),
    ) -> Self:
        """Fit a schema to data (n, d), (n, *event), a list of rows or a DataFrame.

        `kinds` and `condition` name columns; `y` holds conditions that are no columns of the data.
        """
        container = containers.container_of(data)
        columns = container.split(data)
        given = _conditions_of(columns, y, conditions.names_of(condition))
        _check_rows(columns, given)
        declared = inference.declarations({} if kinds is None else kinds, {**columns, **given})
        asked = {name: d.kind for d in declared for name in d.columns}
        if (n := len(next(iter(columns.values())))) < 2:
            raise InputError(f"got {n} sample (n_samples = {n}); at least 2 are needed to fit a density.")
        levels = container.categorical
        asked = dict.fromkeys(levels, "category") | asked
        features = {
            name: inference.condition(values, name, asked.get(name), labels=name not in columns)
            for name, values in given.items()
        }
        left = {name: values for name, values in columns.items() if name not in given}
        declared = [d for d in declared if not set(d.columns) & set(given)]
        return cls(*inference.modelled(left, declared, levels), features, container)

    def process(self) -> HasKernel[Any]:
        """The default noising process; its space says what a state is."""
        parts = {name: factor.process() for name, factor in self.factors.items()}
        if len(parts) == 1:
            return next(iter(parts.values()))
        return cast(HasKernel[Any], product(parts))  # as all factors have kernels

    @property
    def numbers(self) -> NumberFactor | None:
        """The only factor, if it holds numbers, which alone have bits per dimension; else None."""
        first = next(iter(self.factors.values()))
        return first if len(self.factors) == 1 and isinstance(first, NumberFactor) else None

    @property
    def kinds(self) -> str:
        """The kinds of the columns, in a few words."""
        counts = [(len(factor.columns), factor.kind) for factor in self.factors.values()]
        return ", ".join(f"{kind} ({count} column{'s' * (count > 1)})" for count, kind in counts)

    @property
    def missing(self) -> tuple[str, ...]:
        """Columns with holes in training."""
        return ()

    @property
    def has_cells(self) -> bool:
        """Whether some columns are integers, which are dequantised."""
        return any(factor.jitter() is not None for factor in self.factors.values())

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one state."""
        return tuple(self.process().space.event_shape)

    @property
    def num_features(self) -> int:
        """The length of the second axis of the data."""
        return self.container.event_shape[0] if isinstance(self.container, EventArray) else len(self.container.columns)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns, if there are any."""
        return self.container.columns if isinstance(self.container, Table) else None

    @property
    def condition_width(self) -> int:
        """The number of features of one row's conditions."""
        return sum(kind.width for kind in self.conditions.values())

    @property
    def log_volume(self) -> float:
        """The log density of the data less that of states, in nats per row."""
        return sum(factor.log_volume for factor in self.factors.values())

    @property
    def measure(self) -> str:
        """The unit and the reference measure of log-likelihoods, in words."""
        words = "; ".join(dict.fromkeys(factor.measure for factor in self.factors.values()))
        return f"nats per row, {words}" + (f"; given {', '.join(self.conditions)}" if self.conditions else "")

    def encode(self, data: Any, y: Any = None) -> Encoded:
        """States and conditions of data of the fitted form; `y` as in `infer`."""
        columns = self.container.split(data)
        given = _conditions_of(columns, y, list(self.conditions))
        _check_rows(columns, given)
        jitter = self._joined({name: factor.jitter() for name, factor in self.factors.items()})
        whole = all(part is None for _, part in _tree.leaves(jitter))
        return Encoded(self._states(columns), None if whole else jitter, self._features(given))

    def decode(self, x: Any, given: Any = None) -> Any:
        """Data of the fitted form from states (n, *event_shape); tensors are on the CPU.

        Condition columns hold the values `given`, as in `encode_condition`.
        """
        columns = self.values(x)
        inside = {name: kind for name, kind in self.conditions.items() if name in self.container.columns}
        if inside:
            values = conditions.given_columns(given, _tree.length(x), self.conditions)
            columns |= {name: kind.restore(values[name], name) for name, kind in inside.items()}
        return self.container.join(columns)

    def values(self, x: Any) -> dict[str, Values]:
        """The columns that are no conditions, in their own types and units."""
        held = self._parts(x)
        columns = {name: kind.values(_tree.length(x)) for name, kind in self.constants.items()}
        for name, factor in self.factors.items():
            columns |= factor.decode(held[name].detach().cpu())
        return columns

    def round_trip(self, x: Any) -> Any:
        """States after decoding and encoding: an integer is at the lower edge of its cell."""
        return self._states(self.values(x))

    def encode_condition(self, given: Any, n: int) -> Tensor | None:
        """The features (n, c) of conditions; None if the model has no conditions.

        Args:
            given: one value or n values for each name, such as {"class": 3, "age": [30, 40]}, or a DataFrame.
            n: the number of rows.
        """
        if not self.conditions and given is None:
            return None
        return self._features(conditions.given_columns(given, n, self.conditions))

    def describe(self) -> str:
        """A table of the columns and their kinds."""
        rows = [(name, words) for factor in self.factors.values() for name, words in _rows(factor)]
        rows += [(name, str(kind)) for name, kind in self.constants.items()]
        rows += [(name, f"condition: {kind}") for name, kind in self.conditions.items()]
        rows = rows if len(rows) <= _SHOWN else [*rows[:_SHOWN], ("...", f"and {len(rows) - _SHOWN} more")]
        width = max(len(name) for name, _ in rows)
        table = "".join(f"{name:<{width}}  {words}\n" for name, words in rows)
        state = " x ".join(map(str, self.event_shape)) if self.numbers else self.kinds
        return f"{table}state: {state}{' numbers per row' if self.numbers else ''}; {self.measure}"

    def to_config(self) -> dict[str, Any]:
        """JSON, from which `from_config` makes an equal schema."""
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
            (fields,) = entries([config], "schema")
            (container,) = entries([fields.get("container")], "container")
            parts = {name: factors.from_config(part) for name, part in _by_name(fields, "factors")}
            constants = {name: _kind(part, Constant) for name, part in _by_name(fields, "constants")}
            features = {name: _kind(part, Feature) for name, part in _by_name(fields, "conditions")}
            return cls(parts, constants, features, containers.from_config(container))
        except InputError as error:
            raise InputError(f"The schema of the model is damaged: {error}.") from error

    def _states(self, columns: Mapping[str, Values]) -> Any:
        for name, kind in self.constants.items():
            kind.check(columns[name], name)
        return self._joined({name: factor.encode(columns) for name, factor in self.factors.items()})

    def _joined(self, parts: dict[str, Any]) -> Any:
        return next(iter(parts.values())) if len(parts) == 1 else parts

    def _parts(self, x: Any) -> dict[str, Tensor]:
        parts = x if isinstance(x, dict) else dict.fromkeys(self.factors, x)
        for name, factor in self.factors.items():
            expected = factor.process().space.event_shape
            if name not in parts or tuple(parts[name].shape[1:]) != expected:
                got = f"shape {tuple(parts[name].shape)}" if name in parts else "nothing"
                raise InputError(f"got {got} for the states of {name!r}; expected shape (n, *{expected}).")
        return parts

    def _features(self, given: Mapping[str, Values]) -> Tensor | None:
        parts = []
        for name, kind in self.conditions.items():
            with np.errstate(over="ignore"):
                x = kind.features(given[name], name).astype(np.float32)
            parts.append(representable(x, given[name], name))
        return torch.cat(parts, dim=1) if parts else None


def _conditions_of(columns: Mapping[str, Values], y: Any, names: Sequence[str]) -> dict[str, Values]:
    outside = conditions.beside(y, [name for name in names if name not in columns], list(columns))
    return {name: columns[name] if name in columns else outside[name] for name in names}


def _check_rows(columns: Mapping[str, Values], given: Mapping[str, Values]) -> None:
    n = len(next(iter(columns.values())))
    for name, values in given.items():
        if len(values) != n:
            raise InputError(f"X has {n} rows, but the condition '{name}' has {len(values)}.")
    arrays.check_present({**columns, **given})


def _rows(factor: Factor) -> list[tuple[str, str]]:
    if isinstance(factor, NumberFactor):
        return [(name, str(kind)) for name, kind in zip(factor.columns, factor.coordinates, strict=True)]
    shown = ",".join(factor.columns[:6]) + (",..." if len(factor.columns) > 6 else "")
    return [(shown, str(factor))]


def _by_name(fields: Mapping[str, Any], what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    configs = entries(fields.get(what), what)
    names = [config.get("name") for config in configs]
    check(all(isinstance(name, str) for name in names), f"names of {what}", names, "texts")
    check(len(set(names)) == len(names), f"names of {what}", names, "all different")
    for config in configs:
        yield config["name"], {key: value for key, value in config.items() if key != "name"}


def _kind(config: dict[str, Any], base: type[Any]) -> Any:
    kind = registry.from_config(config)
    check(isinstance(kind, base), "kind", kind.name, f"a {base.__name__.lower()}")
    return kind
