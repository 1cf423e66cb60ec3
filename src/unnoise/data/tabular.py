"""States as rows of a table, which trees and margins judge.

`@levels_of.register(MyFactor)` says what a kind has.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unnoise.data.base import Level
from unnoise.data.factors import (
    CategoryFactor,
    Factor,
    MissingFactor,
    ResolvedFactor,
    SequenceFactor,
    TieFactor,
)
from unnoise.data.holes import split
from unnoise.data.kinds import Category
from unnoise.data.schema import Schema

Floats = NDArray[np.float64]
Levels = tuple[Level, ...] | None


@singledispatch
def levels_of(factor: Factor) -> dict[str, Levels]:
    """The columns of a factor that a table has, with the levels of each; by default numbers, which have none."""
    return {} if factor.block else dict.fromkeys(factor.columns)


@levels_of.register(CategoryFactor)
def _levels(factor: CategoryFactor) -> dict[str, Levels]:
    return dict(zip(factor.columns, factor.levels, strict=True))


@levels_of.register(MissingFactor)
@levels_of.register(SequenceFactor)
@levels_of.register(TieFactor)
def _no_columns(factor: Factor) -> dict[str, Levels]:
    return {}


@dataclass(frozen=True)
class JudgedColumns:
    """The columns of a table: those of the state in their order, then the conditions, which samples share with data.

    Attributes:
        schema: of the model.
        levels: name -> the levels, of which rows hold the places; None for a column of numbers.
    """

    schema: Schema
    levels: Mapping[str, Levels]

    @classmethod
    def of(cls, schema: Schema) -> JudgedColumns | None:
        """The columns of a schema; None where the state has none, as of images and sequences."""
        held = {name: levels for factor in schema.factors.values() for name, levels in levels_of(factor).items()}
        if not held:
            return None
        ordered = {name: held[name] for name in schema.columns_of_state if name in held}
        return cls(schema, ordered | {name: levels for name, levels, _ in _conditions(schema)})

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.levels)

    @property
    def categorical(self) -> list[int]:
        """The places of the columns of levels."""
        return [place for place, levels in enumerate(self.levels.values()) if levels is not None]

    @property
    def periods(self) -> dict[str, float]:
        """The columns that come round again, as angles do, and after how much."""
        turns = {name: one.turn_of(name) for one in self.schema.factors.values() for name in one.columns}
        return {name: turn for name, turn in turns.items() if turn is not None and name in self.levels}

    def rows(self, x: Any, known: Any, cond: Tensor | None, values: Mapping[str, Any] | None = None) -> Floats:
        """Rows (n, d) of numbers and places of levels, NaN where not known.

        Args:
            x: states.
            known: which of their cells are known; None if all are.
            cond: the features of the conditions.
            values: the columns of numbers, where they are not those that states stand for.
        """
        values = self.schema.values(x) | dict(values or {})
        columns: dict[str, Floats] = {}
        for key, factor in self.schema.factors.items():
            state, mask = (tree[key] if isinstance(tree, dict) else tree for tree in (x, known))
            for name, levels in levels_of(factor).items():
                place = factor.columns.index(name)
                numbers = (state[:, place].numpy() if levels is not None else values[name]).astype(np.float64)
                columns[name] = numbers if mask is None else np.where(_known(mask, name, factor), numbers, np.nan)
        for name, levels, where in _conditions(self.schema):
            features = np.asarray(cond)[:, where].astype(np.float64)
            columns[name] = features[:, 0] if levels is None else features.argmax(axis=1).astype(np.float64)
        return np.stack([columns[name] for name in self.levels], axis=1)

    def written(self, data: Any) -> dict[str, Any]:
        """The columns of data as they are written, where states stand for several values."""
        fine = [name for factor in self.schema.factors.values() if _is_coarse(factor) for name in factor.columns]
        if not fine:
            return {}
        columns, _ = split(self.schema.container.split(self.schema.selected(data)))
        return {name: columns[name] for name in fine}

    def shown(self, name: str, values: Floats) -> NDArray[Any]:
        """Values of a column to be read: levels as texts, and what is missing as such."""
        levels = self.levels[name]
        if levels is None:
            return values
        words = np.array([*map(str, levels), "(missing)"], dtype=object)
        return words[np.where(np.isnan(values), len(levels), values).astype(np.int64)]

    def words(self, name: str, value: float) -> str:
        """A value in words, as `gain = 0`."""
        if np.isnan(value):
            return f"{name} missing"
        levels = self.levels[name]
        return f"{name} = {self.number(name, value) if levels is None else levels[int(value)]}"

    def number(self, name: str, value: float) -> str:
        """A number of a column as the data write it, or in four digits; between two days it is the first of them."""
        inside = name in self.schema.container.columns and self.schema.container.unit(name) is not None
        return self.schema.word(name, math.floor(value) if inside else value) or f"{value:.4g}"


def _known(mask: Tensor, name: str, factor: Factor) -> NDArray[np.bool_]:
    """Where a column is known: all of its own cells, or the one of the thing that it is a part of."""
    cells = mask.flatten(1) if mask.ndim > 1 else mask[:, None]
    own = cells if factor.joint else cells[:, factor.cells_of([name]).flatten()]
    known: NDArray[np.bool_] = own.all(1).numpy()
    return known


def _is_coarse(factor: Factor) -> bool:
    """Whether a state stands for several values of a column."""
    return isinstance(factor, ResolvedFactor)


def _conditions(schema: Schema) -> Iterator[tuple[str, Levels, slice]]:
    """The conditions that are one column each, and where their features stand."""
    start = 0
    for name, kind in schema.conditions_in_order:
        if isinstance(kind, Category):
            yield name, kind.levels, slice(start, start + kind.width)
        elif kind.width == 1 and not kind.ragged:
            yield name, None, slice(start, start + 1)
        start += kind.width
