"""What the columns of the data are: factors of a state, constants, conditions; and their cells, by name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, cast

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import containers, factors, features
from unnoise.data import kinds as registry
from unnoise.data._checked import check, entries
from unnoise.data._numerics import Values
from unnoise.data.base import Feature, Level
from unnoise.data.charts import Gap
from unnoise.data.constraints import Chart
from unnoise.data.containers import Container, EventArray, Table
from unnoise.data.factors import CategoryFactor, Factor, MissingFactor, NumberFactor, ResolvedFactor, TieFactor
from unnoise.data.kinds import Constant, Empty, Identifier
from unnoise.processes import HasKernel, product

_SHOWN = 20  # columns of a table or a sentence
_NEAR = 0.75  # how alike a name and one that was perhaps meant are
_LONGEST = 60  # letters of the names in a line of a table


@dataclass(frozen=True)
class Parts:
    """The columns of the data.

    Args:
        factors: the parts of the state by name.
        constants: the columns with a single value, by name.
        conditions: the kinds of the conditions, by name.
        container: the form of the data.
        chart: what must hold between the columns, and how they are modelled for it.
        optional: whether rows may say nothing of the conditions, which the last feature marks by 1.
    """

    factors: Mapping[str, Factor]
    constants: Mapping[str, Constant]
    conditions: Mapping[str, Feature]
    container: Container
    chart: Chart = Chart()
    optional: bool = False

    def __post_init__(self) -> None:
        check(bool(self._valued), "factors", {}, "one or more")
        columns = set(self.container.columns)
        inside = [name for name in self.conditions if name in columns]
        held = [
            *self.constants,
            *inside,
            *self.chart.computed,
            *(name for factor in self._valued.values() for name in factor.columns),
        ]
        check(len(held) == len(columns) and set(held) == columns, "columns", held, "each of the data, once")
        expected = self.container.event_shape if isinstance(self.container, EventArray) else ()
        for factor in self._valued.values():
            check(factor.block == expected, "the shape of a value", factor.block, f"{expected}, as the data have")
        flagged, known = self.missing, columns - set(inside) - self.chart.computed
        check(set(flagged) <= known and len(self._flags) < 2, "columns with flags", flagged, "ones that are modelled")

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

    @cached_property
    def columns_of_state(self) -> tuple[str, ...]:
        """The modelled columns in the order of the data: no constants, no conditions."""
        held = {name for factor in self._valued.values() for name in factor.columns}
        return tuple(name for name in self.container.columns if name in held)

    @property
    def missing(self) -> tuple[str, ...]:
        """The columns that were missing in some rows, which is modelled by a flag beside each."""
        return tuple(name for factor in self._flags.values() for name in factor.columns)

    @cached_property
    def ties(self) -> TieFactor | None:
        """The columns that are often exactly others, if there are any."""
        return next((factor for factor in self.factors.values() if isinstance(factor, TieFactor)), None)

    @property
    def in_steps(self) -> bool:
        """Whether some cells are asked before others: what is missing, and what is tied."""
        return bool(self.missing) or self.ties is not None

    def made_anew(self, n: int, first: int = 0) -> dict[str, Values]:
        """The columns that identify n rows, after `first` others; without those that may be missing."""
        kinds = {name: kind for name, kind in self.constants.items() if name not in self.missing}
        return {name: kind.values(n, first) for name, kind in kinds.items() if isinstance(kind, Identifier)}

    @property
    def empty(self) -> tuple[str, ...]:
        """The columns that had no value in any row."""
        return tuple(name for name, kind in self.constants.items() if isinstance(kind, Empty))

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
        return sum(kind.width for kind in self.conditions.values()) + self.may_be_unknown

    @property
    def may_be_unknown(self) -> bool:
        """Whether there are conditions of which rows may say nothing."""
        return self.optional and bool(self.conditions)

    @property
    def conditions_in_order(self) -> list[tuple[str, Feature]]:
        """The conditions as their features follow each other: those of which any number may follow come last."""
        return sorted(self.conditions.items(), key=lambda item: item[1].ragged)

    @property
    def unknown_condition(self) -> Tensor:
        """The features (1, c) of conditions of which nothing is said."""
        return torch.cat([torch.zeros(1, self.condition_width - 1), torch.ones(1, 1)], dim=1)

    @property
    def log_volume(self) -> float:
        """The log density of the data less that of states, in nats per row."""
        return sum(factor.log_volume for factor in self.factors.values())

    @property
    def measure(self) -> str:
        """The unit and the reference measure of log-likelihoods, in words."""
        words = "; ".join(dict.fromkeys(factor.measure for factor in self.factors.values()))
        return f"nats per row, {words}" + (f"; given {', '.join(self.conditions)}" if self.conditions else "")

    def cells(self, names: Iterable[str]) -> Any:
        """Which cells of a state are values of these columns, or ties between them: a tree like it of (*cells) bool.

        Raises:
            InputError: a column that is not modelled, or a part of one thing, such as a latitude without longitude.
        """
        asked = self._modelled(names)
        return self._joined({name: factor.cells_of(asked) for name, factor in self.factors.items()})

    def cells_with(self, names: Iterable[str]) -> Any:
        """As `cells`, with the ties of these columns and any others."""
        asked, found = self._modelled(names), self.cells(names)
        for name, factor in self.factors.items():
            if factor is self.ties:
                found[name] = torch.stack([factor.cells_with(one) for one in asked]).any(0)
        return found

    def flags(self, names: Iterable[str]) -> Any:
        """Which cells of a state are flags of these columns, as for `cells`; a column never missing has none."""
        asked = self._modelled(names, flagged=True)
        marks = {name: torch.zeros(factor.cells, dtype=torch.bool) for name, factor in self.factors.items()}
        return self._joined(marks | {name: factor.flags_of(asked) for name, factor in self._flags.items()})

    def volume(self, names: Iterable[str]) -> float:
        """The part of these columns in `log_volume`."""
        return float(self.volumes(_tree.map(lambda cells: cells[None], self.cells(names))))

    def volumes(self, known: Any) -> Tensor:
        """The part of the known cells in `log_volume`, (n,) float64, as likelihoods of rows with holes need it.

        Args:
            known: a tree like a state of (n, *cells) bool.
        """
        each = self._joined({name: factor.volumes() for name, factor in self.factors.items()})
        parts = _tree.map(
            lambda cells, volume: torch.where(cells, volume, 0.0).reshape(len(cells), -1).sum(1), known, each
        )
        return torch.stack([part for _, part in _tree.leaves(parts)]).sum(0)

    def measure_of(self, names: Iterable[str], given: Iterable[str] = ()) -> str:
        """The unit and the reference measure of the log-likelihood of some columns given others, in words."""
        asked, known = self._modelled(names), self._modelled(given)
        behind = [*known, *self.conditions]
        what = f"log p({', '.join(asked)}{' | ' * bool(behind)}{', '.join(behind)})"
        rest = ", the rest marginalised" if set(self.columns_of_state) - {*asked, *known} else ""
        found = [f.measure_of(asked) for f in self._valued.values() if set(f.columns) & set(asked)]
        found += [self.factors[name].measure for name in self._beside]
        return f"nats per row, {what}{rest}; {'; '.join(dict.fromkeys(found))}"

    def levels(self, column: str) -> tuple[Level, ...]:
        """The levels of a finite column, in their order.

        Raises:
            InputError: it is not one, or there is no such column.
        """
        self._modelled([column])
        factor = next(factor for factor in self._valued.values() if column in factor.columns)
        if not isinstance(factor, CategoryFactor):
            raise InputError(f"Column {column!r} is modelled as {factor.kind}; expected one of finitely many levels.")
        return factor.levels[factor.columns.index(column)]

    def with_level(self, level: Level) -> tuple[str, ...]:
        """The columns and conditions of which this is a level."""
        found = [
            name
            for factor in self._valued.values()
            if isinstance(factor, CategoryFactor)
            for name, levels in zip(factor.columns, factor.levels, strict=True)
            if level in levels
        ]
        return (*found, *(name for name, kind in self.conditions.items() if level in getattr(kind, "levels", ())))

    def word(self, column: str, number: float) -> str | None:
        """A number of a column as its date, time or form is written; None where numbers stand for themselves."""
        inside = column in self.container.columns and math.isfinite(number)
        return self.container.word(column, number) if inside else None

    def seen(self, factor: Factor, column: str) -> str | None:
        """The kind and the range of a column of dates, times or decimals; None for others, and for distances."""
        ends = factor.seen(column) if column in factor.columns and column not in self.chart.by_target else None
        return None if ends is None else self.container.about(column, *ends)

    def describe(self) -> str:
        """A table of the columns and their kinds."""

        def holes(columns: Collection[str]) -> str:
            tied = "" if self.ties is None or len(columns) > 1 else self.ties.words(next(iter(columns)))
            return tied + "".join(factor.words(columns) for factor in self._flags.values())

        about = {step.target: self.measured(step) for step in self.chart.gaps}
        found = [(f, *row) for f in self._valued.values() for row in _rows(f)]
        rows = [(name, self._in_words(f, name, words) + holes(held)) for f, name, held, words in found]
        rows += [(name, f"{kind}{holes([name])}") for name, kind in self.constants.items()]
        rows += [(name, f"condition: {kind}") for name, kind in self.conditions.items()]
        rows = [(n, f"{about[n]}: {words}" if n in about else words) for n, words in rows]
        rows += [(name, f"follows: {step}") for name, step in self.chart.by_target.items() if step.computed]
        rows = rows if len(rows) <= _SHOWN else [*rows[:_SHOWN], ("...", f"and {len(rows) - _SHOWN} more")]
        rows = [(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}...", words) for name, words in rows]
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
            **({"chart": self.chart.to_config()} if self.chart else {}),
            **({"optional": True} if self.may_be_unknown else {}),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The schema that `to_config` described."""
        try:
            (fields,) = entries([config], "schema")
            (container,) = entries([fields.get("container")], "container")
            parts = {name: factors.from_config(part) for name, part in _by_name(fields, "factors")}
            constants = {name: _kind(part, Constant) for name, part in _by_name(fields, "constants")}
            kinds = {name: _feature(part) for name, part in _by_name(fields, "conditions")}
            chart = Chart.from_config(fields["chart"]) if "chart" in fields else Chart()
            optional = fields.get("optional", False)
            check(isinstance(optional, bool), "optional", optional, "true or false")
            return cls(parts, constants, kinds, containers.from_config(container), chart, optional)
        except InputError as error:
            raise InputError(f"The schema of the model is damaged: {error}.") from error

    def _in_words(self, factor: Factor, column: str, words: str) -> str:
        """The range of a column of dates, times or decimals, or how its numbers are written, beside their words."""
        ends = factor.seen(column) if column in factor.columns else None
        word = None if ends is None or column in self.chart.by_target else self.word(column, ends[1])
        names = ", ".join(self.container.words(column))
        beside = f", beside the words {names}" * bool(names)
        if seen := self.seen(factor, column):
            return seen + beside
        return words if word is None else f"{words}, written as {word}{beside}"

    def measured(self, gap: Gap) -> str:
        """What is modelled in place of a column, and in what."""
        steps = self.container.steps(gap.target)
        return gap.measured if steps is None else f"{gap.measured} in {steps}"

    @property
    def _valued(self) -> dict[str, Factor]:
        """All factors but the flags and the ties."""
        return {name: factor for name, factor in self.factors.items() if factor.of_values}

    @property
    def _beside(self) -> tuple[str, ...]:
        """The names of the others."""
        return tuple(name for name, factor in self.factors.items() if not factor.of_values)

    @property
    def _flags(self) -> dict[str, MissingFactor]:
        """The factor of flags by its name, if there is one."""
        return {name: factor for name, factor in self.factors.items() if isinstance(factor, MissingFactor)}

    def _joined(self, parts: dict[str, Any]) -> Any:
        return next(iter(parts.values())) if len(parts) == 1 else parts

    def _modelled(self, names: Iterable[str], flagged: bool = False) -> tuple[str, ...]:
        """These names, all of columns of the state; or, `flagged`, of ones that may be missing."""
        asked = (names,) if isinstance(names, str) else tuple(names)
        known = self.columns_of_state + (self.missing if flagged else ())
        for name in asked:
            if name in self.conditions:
                raise InputError(f"got '{name}', which is a condition and not modelled; expected a modelled column.")
            if name in self.constants and name not in known:
                raise InputError(f"got '{name}', which {self.constants[name].why}; leave it out.")
            if name in self.chart.computed:
                step = self.chart.by_target[name]
                raise InputError(f"got '{name}', which follows from others ({step}) and is not modelled; name these.")
            if name not in known:
                raise unknown_column(name, self.columns_of_state)
        return tuple(dict.fromkeys(asked))


def unknown_column(name: object, known: Collection[str]) -> InputError:
    """The sentence about a column that there is not."""
    listed = ", ".join(list(known)[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
    small = {one.lower(): one for one in known}
    near = difflib.get_close_matches(str(name).strip().lower(), small, 1, _NEAR)
    guess = f"did you mean {small[near[0]]!r}? Its" if near else "its"
    return InputError(f"The model has no column {name!r:.100}; {guess} columns are {listed}.")


def _rows(factor: Factor) -> list[tuple[str, tuple[str, ...], str]]:
    """What stands first, the columns it is about, and words."""
    if isinstance(factor, ResolvedFactor):
        return [(name, (name,), str(one)) for name, one in zip(factor.columns, factor.resolutions, strict=True)]
    if isinstance(factor, NumberFactor):
        return [(name, (name,), str(kind)) for name, kind in zip(factor.columns, factor.coordinates, strict=True)]
    shown = ",".join(factor.columns[:6]) + (",..." if len(factor.columns) > 6 else "")
    return [(shown, factor.columns, str(factor))]


def _by_name(fields: Mapping[str, Any], what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    configs = entries(fields.get(what), what)
    names = [config.get("name") for config in configs]
    check(all(isinstance(name, str) for name in names), f"names of {what}", names, "texts")
    check(len(set(names)) == len(names), f"names of {what}", names, "all different")
    for config in configs:
        yield config["name"], {key: value for key, value in config.items() if key != "name"}


def _feature(config: dict[str, Any]) -> Feature:
    kind = features.CLASSES.get(str(config.get("kind")))
    if kind is None:
        found: Feature = _kind(config, Feature)
        return found
    return kind.from_fields({name: part for name, part in config.items() if name != "kind"})


def _kind(config: dict[str, Any], base: type[Any]) -> Any:
    kind = registry.from_config(config)
    check(isinstance(kind, base), "kind", kind.name, f"a {base.__name__.lower()}")
    return kind
