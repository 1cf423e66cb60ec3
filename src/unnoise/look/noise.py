"""Rows, the same under noise, and what the model makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.data._numerics import Values
from unnoise.data.charts import Gap
from unnoise.data.conditions import taken
from unnoise.data.factors import CategoryFactor, Factor, MissingFactor, ResolvedFactor, SequenceFactor, TieFactor
from unnoise.look.answers import Answers, ByColumn, read
from unnoise.look.subjects import plain_words
from unnoise.model.sampling import sampled
from unnoise.processes import HasKernel, Process
from unnoise.samplers.grids import Grid

Words = Callable[[str, Values], list[str]]

HIDDEN = "▒"  # in place of what noise has hidden
HIDDEN_LETTER = "·"


@dataclass(frozen=True)
class From(Grid):
    """The times of another grid from t on, for states that stand at t.

    >>> from unnoise.samplers.grids import UniformGrid
    >>> From(UniformGrid(), 0.6)(None, 3).tolist()
    [0.6, 0.5, 0.0]
    """

    grid: Grid
    t: float

    def __call__(self, process: Process[Any], count: int) -> Tensor:
        """The start, and the later times."""
        times = self.grid(process, count)
        return torch.cat([times.new_tensor([self.t]), times[times < self.t]])


@dataclass(frozen=True)
class Journey:
    """There and back.

    Attributes:
        before: the rows.
        noisy: the noised states by column: texts, or arrays of images.
        back: the rows that the reverse makes of the noised ones.
    """

    before: ByColumn
    noisy: dict[str, list[str] | Values]
    back: ByColumn


def journey(answers: Answers, first: int, count: int, t: float, seed: int) -> Journey:
    """Rows of the data from `first` on, or draws where there are none, noised up to t and taken back.

    Raises:
        InputError: noise of which only the generator is known.
    """
    model, schema = answers.model, answers.schema
    process = model.denoiser_.process
    if not isinstance(process, HasKernel):
        raise InputError("The noise of this model has no kernel, so rows cannot be noised in one step.")
    rng = generator(seed)
    rows, x, cond = _states(answers, first, count, rng)
    if t <= 0:
        return Journey(rows, texts_of(answers, x), rows)
    with torch.no_grad():
        time = torch.full((_tree.length(x),), t)
        x_t = process.marginal(x, time).sample(rng)
        machine = model.sampler_(model.denoiser_.to(_tree.first(x).device))
        machine.grid = From(machine.grid, t)
        x_0 = machine.run(x_t, rng, cond)
    given = None if cond is None else _conditions(answers, rows)
    return Journey(rows, texts_of(answers, x_t), read(schema, schema.decode(x_0, given, rng)))


def texts_of(answers: Answers, x: Any) -> dict[str, list[str] | Values]:
    """Noised states by column, as a person reads them."""
    schema = answers.schema
    parts = x if isinstance(x, dict) else dict.fromkeys(schema.factors, x)
    found: dict[str, list[str] | Values] = {}

    def words(name: str, values: Values) -> list[str]:
        step = schema.chart.by_target.get(name)
        if not isinstance(step, Gap):
            return answers.words(name, values)
        return [f"{step.base} {'+' if step.above else '-'} {one}" for one in plain_words(values)]

    for name, factor in schema.factors.items():
        found |= shown(factor, parts[name].detach().cpu(), words)
    return {name: found[name] for name in schema.columns_of_state if name in found}


@singledispatch
def shown(factor: Factor, x: Tensor, words: Words) -> dict[str, list[str] | Values]:
    """Noised points of a factor by column; by default as points of data."""
    columns = factor.decode(x)
    return {name: values if factor.block else words(name, values) for name, values in columns.items()}


@shown.register(MissingFactor)
@shown.register(TieFactor)
def _nothing_shown(factor: Factor, x: Tensor, words: Words) -> dict[str, list[str] | Values]:
    return {}


@shown.register
def _levels_shown(factor: CategoryFactor, x: Tensor, words: Words) -> dict[str, list[str] | Values]:
    columns = zip(factor.columns, factor.levels, x.numpy().T.tolist(), strict=True)
    return {name: [str(levels[i]) if i < len(levels) else HIDDEN for i in row] for name, levels, row in columns}


@shown.register
def _numbers_shown(factor: ResolvedFactor, x: Tensor, words: Words) -> dict[str, list[str] | Values]:
    sizes = torch.tensor([size for one in factor.resolutions for size in one.sizes])
    masked = x >= sizes
    columns = factor.decode(torch.where(masked, 0, x))
    found: dict[str, list[str] | Values] = {}
    for name, values in columns.items():
        own = masked[:, factor.cells_of([name])]
        found[name] = [
            HIDDEN if rough else f"about {word}" if fine else word
            for word, rough, fine in zip(words(name, values), own[:, 0].tolist(), own.any(1).tolist(), strict=True)
        ]
    return found


@shown.register
def _letters_shown(factor: SequenceFactor, x: Tensor, words: Words) -> dict[str, list[str] | Values]:
    tokens = x.flatten(1).tolist()
    letters = [*(factor.letters.replace("\x00", " ") or map(str, range(factor.states))), HIDDEN_LETTER]
    if len(factor.columns) > 1:
        return {name: [letters[row[i]] for row in tokens] for i, name in enumerate(factor.columns)}
    between = "" if factor.letters else " "
    return {factor.columns[0]: [between.join(letters[token] for token in row) for row in tokens]}


def _states(answers: Answers, first: int, count: int, rng: torch.Generator) -> tuple[ByColumn, Any, Any]:
    """Rows, their states and their conditions."""
    schema, data = answers.schema, answers.data
    outside = [name for name in schema.conditions if name not in schema.container.columns]
    if data is not None and (not outside or answers.y is not None):
        index = np.arange(first, first + count) % len(data)
        rows = data.rows[index] if not hasattr(data.rows, "iloc") else data.rows.iloc[index]
        x, cond = schema.encode(rows, taken(answers.y, index)).all(rng)
        return data.at(index), x, cond
    x, known = sampled(schema, schema.given(answers.examples, count), answers.model.asker(rng), rng)
    return read(schema, schema.written(x, known, rng)), x, known.cond


def _conditions(answers: Answers, rows: ByColumn) -> dict[str, Values] | None:
    inside = [name for name in answers.schema.conditions if name in rows.columns]
    return {name: rows.columns[name] for name in inside} or None
