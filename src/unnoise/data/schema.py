"""The schema says what the columns of the data are, and turns rows into states and back.

The factors of a state are groups of columns, each a point of one space. A state is a tensor if there is one factor,
else a dict of tensors. With x the state and u the data in its own units

    log p(u) = log p(x) + log_volume    (nats per row).

It is a density of numbers and angles, a probability of levels and tokens, a lower bound for dequantised integers.

Where the data have holes, a cell of the state is unknown, and whether it is missing is modelled by a flag beside it.
Where a column is often exactly another one, whether it is so is a cell of its own (`factors.TieFactor`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import _relations, conditions, containers, filling, frames, holes, inference, questions
from unnoise.data._numerics import Values
from unnoise.data.encoded import Encoded
from unnoise.data.factors.numbers import representable
from unnoise.data.features import is_block
from unnoise.data.holes import Mask, Present
from unnoise.data.parts import Parts
from unnoise.data.questions import Given


@dataclass(frozen=True)
class Schema(Parts):
    """Data <-> states.

    Args:
        factors: the parts of the state by name.
        constants: the columns with a single value, by name.
        conditions: the kinds of the conditions, by name.
        container: the form of the data.
        chart: what must hold between the columns, and how they are modelled for it.

    >>> schema = Schema.infer(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> schema.encode(np.array([[3.0, 10.0]])).x
    tensor([[ 1., -1.]])
    >>> schema.decode(torch.zeros(1, 2))
    array([[ 2., 20.]])
    >>> round(schema.log_volume, 4)  # -log 1 - log 10
    -2.3026
    """

    @classmethod
    def infer(
        cls,
        data: Any,
        y: Any = None,
        *,
        kinds: Mapping[str, str] | None = None,
        condition: Sequence[str] | str = (),
        constraints: Sequence[str] | str | None = None,
        optional: bool | None = False,
    ) -> Self:
        """Fit a schema to data (n, d), (n, *event), a list of rows or a DataFrame, which may have holes.

        `kinds` and `condition` name columns; `y` holds conditions that are no columns of the data: a dict or a frame of
        them, one of which each row has an array, or those that `condition` names; `constraints` say what holds in every
        row, such as "low <= high", "total = a + b", "price > 0" or "code -> place"; `optional` leaves room for rows
        that say nothing of the conditions, None where some are no columns of the data.
        """
        asked_as = partial(inference.declared_as, kinds)
        container = containers.container_of(data, asked_as(inference.OF_TEXT), asked_as(inference.KINDS))
        wanted = conditions.names_of(condition) or conditions.named(y)
        columns, given, present = _read(container.split(data), y, wanted)
        if (n := len(next(iter(columns.values())))) < 2:
            raise InputError(f"got {n} sample (n_samples = {n}); at least 2 are needed to fit a density.")
        declared = inference.declarations({} if kinds is None else kinds, {**columns, **given}, present)
        said = {name for one in declared for name in one.columns}
        holes.check_not_empty({name: mask for name, mask in present.items() if constraints or name in said})
        asked = inference.kinds_of(declared, given)
        levels = container.categorical
        asked = dict.fromkeys(levels, "category") | asked
        features = {
            name: inference.condition(values, name, asked.get(name), labels=name not in columns)
            for name, values in given.items()
        }
        left = {name: values for name, values in columns.items() if name not in given}
        inference.check_modelled(asked, left)
        declared = [d for d in declared if not set(d.columns) & set(given)]
        units = {name: container.unit(name) for name in left}
        chart = _relations.chart_of(constraints, left, present, list(given), units)
        left, present = chart.forward(left, present)
        declared = inference.with_chart(declared, chart, left)
        orders = {name: order for name in left if (order := container.categories(name)) is not None}
        resolve = isinstance(container, containers.Table)
        words = {name: container.words(name).values() for name in left}
        parts, constants = inference.modelled(left, present, declared, levels, resolve, orders, words)
        spoken = {name for name in left if container.words(name)} | chart.touched
        parts |= inference.tied(parts, left, present, units, spoken)
        beside = any(name not in columns for name in given)
        may_be_unknown = bool(features) and (beside if optional is None else optional)
        return cls(parts, constants, features, container, chart, may_be_unknown)

    def encode(self, data: Any, y: Any = None) -> Encoded:
        """States and conditions of data of the fitted form; `y` as in `infer`. A hole is a cell that is not known."""
        columns, given, present = _read(self.container.split(data), y, list(self.conditions))
        columns, present = self.chart.forward(columns, present)
        n = len(next(iter(columns.values())))
        known = self._joined({name: factor.known(present, n) for name, factor in self.factors.items()})
        x, cond = self._states(columns, present), self._features(given)
        detail = self._joined({name: factor.log_detail(columns, present) for name, factor in self.factors.items()})
        return Encoded(x, self.jitter, cond, known if present else None, detail)

    def whole(self, n: int) -> Any:
        """`Encoded.known` of n rows without holes: a tree like a state of (n, *cells) bool, all true."""
        return self._joined({name: factor.known({}, n) for name, factor in self.factors.items()})

    @property
    def jitter(self) -> Any:
        """The cell widths of integers in a state, as in `Encoded`; None without any."""
        jitter = self._joined({name: factor.jitter() for name, factor in self.factors.items()})
        return None if all(part is None for _, part in _tree.leaves(jitter)) else jitter

    def decode(self, x: Any, given: Any = None, rng: torch.Generator | None = None) -> Any:
        """Data of the fitted form from states (n, *event_shape); tensors are on the CPU.

        Condition columns hold the values `given`, as in `encode_condition`. A cell whose flag says so is a hole. `rng`
        as in `values`.
        """
        columns = self.values(x, rng)
        inside = {name: kind for name, kind in self.conditions.items() if name in self.container.columns}
        if inside:
            values = conditions.given_columns(self._told(given), _tree.length(x), self.conditions)
            columns |= {name: kind.restore(values[name], name) for name, kind in inside.items()}
        return self.container.join(columns, self._missing(x))

    def values(
        self,
        x: Any,
        rng: torch.Generator | None = None,
        told: Mapping[str, tuple[Values, Mask]] | None = None,
    ) -> dict[str, Values]:
        """The columns that are no conditions, in their own types and units, also where a flag says missing.

        Where a state stands for several values they are drawn with `rng`, or are in the middle; what must hold between
        columns holds beside values that are `told`, in these rows.
        """
        held = self._parts(x)
        columns = {name: kind.values(_tree.length(x)) for name, kind in self.constants.items()}
        for name, factor in self._valued.items():
            part = held[name].detach().cpu()
            columns |= factor.decode(part) if rng is None else factor.draw(part, rng)
        columns = self._tied(columns, held, told or {})
        return self.chart.back(columns, told) if self.chart else columns

    def round_trip(self, x: Any) -> Any:
        """States after decoding and encoding: an integer is at the lower edge of its cell."""
        x_0 = self._states(*self.chart.forward(self.values(x), {}))
        return {**x_0, **{name: x[name] for name in self._beside}} if self._beside else x_0

    def encode_condition(self, given: Any, n: int) -> Tensor | None:
        """The features (n, c) of conditions; None if the model has no conditions.

        Args:
            given: one value or n values for each name, such as {"class": 3, "age": [30, 40]}, or a DataFrame. None for
                conditions that may be unknown, and are no columns of the data.
            n: the number of rows.
        """
        if given is None and not self.conditions:
            return None
        if given is None and self.may_be_unknown and not set(self.conditions) & set(self.container.columns):
            return self.unknown_condition.expand(n, -1)
        return self._features(conditions.given_columns(self._told(given), n, self.conditions))

    def given(self, values: Any, n: int, y: Any = None) -> Given:
        """What is said of n rows, as states.

        Args:
            values: a dict from names of columns to one value, n values, a range (low, high) with its ends, of which
                None is open, a set of values, or None for rows where the column is missing; or a DataFrame of one row
                or n. A hole in a list or a frame says nothing. Conditions stand among them.
            n: the number of rows.
            y: conditions that are no columns of the data, one for all rows or one for each, besides.

        Raises:
            InputError: a column or level that there is not, a value or a range that the column cannot have, another
                number of rows, a part of one thing.
        """
        told, context = questions.read(self, values, n)
        if y is not None:
            context |= conditions.told(y, [name for name in self.conditions if name not in context])
        return questions.given(self, told, context, n, self.encode_condition(context or None, n))

    def beside(self, data: Any, column: str, y: Any = None) -> Given:
        """What data say of all columns but one, which need not be there; their other holes are known to be holes."""
        frame = frames.opened(data)
        held = self.container.split(data) if frame is None else self.container.columns_of(frame)
        n = len(next(iter(held.values())))
        known = {*self.columns_of_state, *self.constants, *self.conditions} - {column}
        outside = [name for name in self.conditions if name not in held]
        told = {name: held[name] for name in known & held.keys()} | conditions.beside(y, outside, list(held))
        said = self.given(told, n)
        for key, factor in self._flags.items():
            for place, name in enumerate(factor.columns):
                if name in told or name == column:
                    nothing = np.zeros(n, dtype=bool)
                    gone = nothing if name == column else ~said.columns.get(name, (None, nothing))[1]
                    said.x[key][:, place], said.known[key][:, place] = torch.from_numpy(gone), True
        return said

    def written(self, x: Any, given: Given, rng: torch.Generator | None = None) -> Any:
        """As `decode`, with what was given as it was given."""
        columns, middle = self.values(x, rng, given.columns), self.values(x, told=given.columns)
        for name, one in given.within.items():
            inside = one.holds(columns[name])
            for other in self.chart.connected(name) & columns.keys():
                columns[other] = np.where(inside, columns[other], middle[other])
        for name, (values, present) in given.columns.items():
            columns[name] = np.where(present, values, columns[name]) if name in columns else values
        flags = {name: torch.where(given.known[name], given.x[name], x[name].cpu()) for name in self._flags}
        return self.container.join(columns, self._missing({**x, **flags} if flags else x))

    def selected(self, data: Any) -> Any:
        """A frame with the model's columns alone, in their order; other data as they are."""
        return filling.selected(data, self.container)

    def holes(self, data: Any) -> dict[str, Mask]:
        """Where each column but the conditions has holes, in the shape of its values; unknown ones are passed over."""
        columns, present = holes.split(self.container.split(self.selected(data)))
        names = [name for name in self.container.columns if name not in {*self.conditions, *self.empty}]
        whole = {name: np.zeros(columns[name].shape, dtype=bool) for name in names}
        return {name: ~present[name] if name in present else empty for name, empty in whole.items()}

    def filled(self, data: Any, x: Any, rng: torch.Generator | None = None) -> Any:
        """The data with its holes filled from as many states, and all else as it was: columns, types, index.

        Raises:
            InputError: another number of states than of rows.
        """
        columns, present = holes.split(self.container.split(self.selected(data)))
        whole = np.ones(len(next(iter(columns.values()))), dtype=bool)
        values = self.values(x, rng, {name: (part, present.get(name, whole)) for name, part in columns.items()})
        gaps = {name: ~mask for name, mask in present.items() if name in values and name not in self.empty}
        return filling.filled(data, self.container, {name: values[name] for name in gaps}, gaps)

    def _told(self, given: Any) -> Any:
        """Values of conditions as they are modelled."""
        if isinstance(given, Mapping):
            return self.container.told(given)
        frame = None if given is None else frames.opened(given)
        if frame is None:
            return given
        return {name: held for name, held in self.container.columns_of(frame).items() if name in self.conditions}

    def _missing(self, x: Any) -> dict[str, Mask]:
        """Where the flags of states say that a column is missing."""
        found = self._said_missing(self._parts(x))
        everywhere = np.ones(_tree.length(x), dtype=bool)
        return self.chart.missing(found) | dict.fromkeys(self.empty, everywhere)

    def _said_missing(self, parts: Mapping[str, Tensor]) -> dict[str, Mask]:
        found: dict[str, Mask] = {}
        for name, factor in self._flags.items():
            found |= factor.decode(parts[name].detach().cpu())
        return found

    def _tied(
        self, columns: dict[str, Values], parts: Mapping[str, Tensor], told: Mapping[str, tuple[Values, Mask]]
    ) -> dict[str, Values]:
        """The columns with ties between them, of which those that are told stay as they are."""
        if self.ties is None:
            return columns
        held = {name: told[name] for name in self.ties.columns if name in told}
        for name, (values, there) in held.items():
            columns[name] = np.where(there, values, columns[name]).astype(columns[name].dtype)
        (x,) = (parts[name] for name, factor in self.factors.items() if factor is self.ties)
        masks = {name: there for name, (_, there) in held.items()}
        return self.ties.put(columns, x.detach().cpu(), masks, self._said_missing(parts))

    def _states(self, columns: Mapping[str, Values], present: Present) -> Any:
        for name, kind in self.constants.items():
            mask = present.get(name)
            kind.check(columns[name] if mask is None else holes.filled(columns[name], mask, kind.value), name)
        return self._joined({name: factor.encode_known(columns, present) for name, factor in self.factors.items()})

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
        for name, kind in self.conditions_in_order:
            with np.errstate(over="ignore"):
                x = kind.features(given[name], name).astype(np.float32)
            parts.append(representable(x, given[name], name))
        if not parts:
            return None
        parts = conditions.alike(parts, [kind for _, kind in self.conditions_in_order])
        return torch.cat([*parts, parts[0].new_zeros(len(parts[0]), 1)] if self.may_be_unknown else parts, dim=1)

    def holding(self, y: Any) -> Self:
        """The same, with room for the largest sets of y, of which `infer` saw a part."""
        outside = [name for name in self.conditions if name not in self.container.columns]
        said = conditions.told(y, outside) if outside and y is not None else {}
        kinds = {name: kind.holding(said[name]) if name in said else kind for name, kind in self.conditions.items()}
        return replace(self, conditions=kinds)


def _read(
    columns: Mapping[str, Values], y: Any, names: Sequence[str]
) -> tuple[dict[str, Values], dict[str, Values], dict[str, Mask]]:
    """The columns, the conditions in them and in y, and where columns are present."""
    if not names:
        conditions.check_none(y)
    outside = conditions.beside(y, [name for name in names if name not in columns], list(columns))
    n = len(next(iter(columns.values())))
    for name, values in outside.items():
        if len(values) != n:
            raise InputError(f"X has {n} rows, but the condition '{name}' has {len(values)}.")
    blocks = {name: values for name, values in outside.items() if is_block(values)}  # which check themselves
    plain, present = holes.split({**columns, **{name: outside[name] for name in outside.keys() - blocks.keys()}})
    holes.check_finite(plain)
    holes.check_whole({name: present[name] for name in names if name in present})
    plain_given = {name: plain.pop(name) if name in outside else plain[name] for name in names if name not in blocks}
    return plain, {name: blocks[name] if name in blocks else plain_given[name] for name in names}, present
