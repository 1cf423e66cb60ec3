"""Hidden cells of a census filled by a model that was trained for any question.

A fifth of the known cells of the first 3000 test rows are hidden at random, and each method fills them from what is
left of the row. The model and its rivals know all training rows. Draws are judged by the energy score, which only
draws from the true law make least; points by the error of numbers and the share of right levels.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments import figures
from experiments.adult import CATEGORIES, COLUMNS, NUMBERS, UNSAID, Adults, Columns, Floats, Mask, Table
from experiments.base import Experiment, Outcome, Setting
from experiments.chained import Forest, Scales, filled, hot_decks, ridge, started
from experiments.imputing import energy_scores, mean_and_error
from unnoise import DenoisingMarkovModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS, SHARE, DRAWS = 3000, 0.2, 5
TREES, FOREST_ROWS, ROUNDS = 50, 20_000, 5
TRIES = 10  # of draws that say "?"
ORDER = (*NUMBERS, *CATEGORIES)  # of the cells of a `Table`


@dataclass(frozen=True)
class Filling:
    """What a method makes of hidden cells: draws, and one point."""

    draws: list[Table]
    point: Table


def run(setting: Setting) -> Outcome:
    """Hide, fill by all methods, score."""
    adults = Adults.read(setting)
    known = {name: values[:ROWS] for name, values in adults.test.items()}
    truth, hidden = adults.table(known), hide(known, setting.seed)
    deviations = truth.numbers.std(0, ddof=1)
    ways, seconds = _rivals(setting, adults, truth, hidden)
    start = time.monotonic()
    setting.tell(0.4, "training the model")
    model = fitted(setting, adults.train)
    seconds["model, training"], start = time.monotonic() - start, time.monotonic()
    setting.tell(0.9, "filling by the model")
    ways["model"] = by_model(model, adults, known, hidden, setting.seed)
    seconds["model, filling"] = time.monotonic() - start
    measured: dict[str, Any] = {}
    for name, way in ways.items():
        energy = energy_scores(truth, way.draws, hidden, lambda a, b: a.squares(b, deviations))
        measured[f"{name}: energy"], measured[f"{name}: energy_se"] = mean_and_error(energy)
        measured[f"{name}: rmse"] = float(rmse(truth, way.point, hidden, deviations).mean())
        measured[f"{name}: accuracy"] = float(accuracy(truth, way.point, hidden).mean())
    columns = {
        name: dict(
            zip(ORDER, [*rmse(truth, way.point, hidden, deviations), *accuracy(truth, way.point, hidden)], strict=True)
        )
        for name, way in ways.items()
    }
    measured |= {"cells": int(hidden.sum()), "columns": columns, "seconds": seconds}
    notes = (
        f"the model has nothing but defaults; {model.ended_}",
        f"{SHARE:.0%} of the known cells of the first {len(truth)} test rows are hidden, completely at random; '?' is "
        "a level of training rows, and cells that were known are filled anew where a draw is '?'",
        f"energy: {DRAWS} draws, Euclidean over the hidden cells of a row, numbers in standard deviations of the "
        "scored rows, 1 for a wrong level; rmse: in the same deviations, mean of six columns; accuracy: mean of nine",
        "points: means and likeliest levels; of drawn forests and nearest rows the mean and the majority of the draws",
        f"forests: {TREES} trees on {FOREST_ROWS} rows, chained for {ROUNDS} rounds; ridge and nearest rows know all",
    )
    return Outcome(measured, {}, {"": _figure(measured, columns)}, notes)


def hide(known: Columns, seed: int) -> Mask:
    """Which cells are hidden, (n, 15) in the order of a `Table`; what is not known is not asked."""
    n = len(known["age"])
    hidden = dict(zip(COLUMNS, (np.random.default_rng(seed).random((n, len(COLUMNS))) < SHARE).T, strict=True))
    return np.stack([hidden[name] & (known[name] != UNSAID) for name in ORDER], 1)


def fitted(setting: Setting, train: Columns) -> DenoisingMarkovModel:
    """The model of all rows, for any question."""
    import polars as pl

    table = pl.DataFrame({name: list(values) for name, values in train.items()})
    steps = 20 if setting.quick else None
    return DenoisingMarkovModel(steps=steps, random_state=setting.seed, progress=False).fit(table)


def by_model(model: DenoisingMarkovModel, adults: Adults, known: Columns, hidden: Mask, seed: int) -> Filling:
    """Draws; and means of numbers, likeliest levels. A draw that says "?" of what was known is made anew."""
    import polars as pl

    masked = pl.DataFrame(
        {
            name: pl.Series(list(known[name]), dtype=pl.Int64 if name in NUMBERS else pl.String).set(
                pl.Series(mask), None
            )
            for name, mask in zip(ORDER, hidden.T, strict=True)
        }
    ).select(COLUMNS)
    point = adults.table(model.impute(masked, point="mean", seed=seed))
    draws = [adults.table(frame) for frame in model.impute(masked, draws=DRAWS, seed=seed)]
    seeds = itertools.count(seed + 1)
    for draw in draws:
        rows = adults.unsaid(draw, hidden)
        for _ in range(TRIES):
            if len(rows):
                anew = adults.table(model.impute(masked[rows], seed=next(seeds)))
                draw.numbers[rows], draw.levels[rows] = anew.numbers, anew.levels
                rows = adults.unsaid(draw, hidden)
    return Filling(draws, point)


def rmse(truth: Table, found: Table, hidden: Mask, deviations: Floats) -> Floats:
    """Of the hidden cells of each number, in its deviations."""
    return _mean_of_hidden(truth.squares(found, deviations), hidden)[: len(NUMBERS)] ** 0.5


def accuracy(truth: Table, found: Table, hidden: Mask) -> Floats:
    """The share of right levels among the hidden cells of each category."""
    return 1 - _mean_of_hidden(truth.squares(found, np.ones(len(NUMBERS))), hidden)[len(NUMBERS) :]


def middle(draws: list[Table]) -> Table:
    """The mean of numbers and the level that most draws have, the first of several."""
    levels = np.stack([draw.levels for draw in draws])
    best = (levels[:, None] == levels).sum(1).argmax(0)
    return Table(np.mean([draw.numbers for draw in draws], axis=0), np.take_along_axis(levels, best[None], 0)[0])


def _mean_of_hidden(values: Floats, hidden: Mask) -> Floats:
    return np.asarray(np.where(hidden, values, 0.0).sum(0) / hidden.sum(0).clip(1))


def _rivals(
    setting: Setting, adults: Adults, truth: Table, hidden: Mask
) -> tuple[dict[str, Filling], dict[str, float]]:
    """What other methods make of it, and their seconds."""
    train, rng = adults.table(adults.train), np.random.default_rng(setting.seed)
    scales, start = Scales.of(train, adults.sizes), started(truth, hidden, train)
    trees, columns = 5 if setting.quick else TREES, range(len(ORDER))
    some = train.at(rng.permutation(len(train))[:FOREST_ROWS])

    def points(table: Table) -> Filling:
        return Filling([table] * DRAWS, table)

    def drawn(tables: list[Table]) -> Filling:
        return Filling(tables, middle(tables))

    found, seconds = {"mean or mode": points(start)}, {}

    def timed(name: str, way: Callable[[], Filling]) -> None:
        setting.tell(0.08 * len(found), name)
        begin = time.monotonic()
        found[name] = way()
        seconds[name] = time.monotonic() - begin

    forests: list[Forest] = []

    def by_forests() -> Filling:
        forests.extend(Forest.fit(some, column, setting.seed, trees) for column in columns)
        return points(filled(start, hidden, [forest.predict for forest in forests], ROUNDS))

    def by_draws() -> Filling:
        ways = [partial(forest.draw, rng=rng) for forest in forests]
        return drawn([filled(start, hidden, ways, ROUNDS) for _ in range(DRAWS)])

    timed("ridge", lambda: points(filled(start, hidden, [ridge(train, scales, j) for j in columns], ROUNDS)))
    timed("nearest rows", lambda: drawn(hot_decks(truth, hidden, train, scales, DRAWS, rng)))
    timed("forests", by_forests)
    timed("forests, drawn", by_draws)
    return found, seconds


def _figure(measured: dict[str, Any], columns: dict[str, dict[str, float]]) -> Figure:
    columns = {way: columns[way] for way in reversed(columns)}  # the model first

    def panel(title: str, names: Sequence[str], measure: str) -> figures.Panel:
        shown = {
            way: [*(cells[name] for name in names), measured[f"{way}: {measure}"]] for way, cells in columns.items()
        }
        return figures.Panel(title, [*names, "mean of all"], shown)

    energy = {way: [measured[f"{way}: energy"]] for way in columns}
    return figures.dots(
        [
            panel("right levels (more is better)", CATEGORIES, "accuracy"),
            panel("error in deviations (less is better)", NUMBERS, "rmse"),
            figures.Panel("energy score (less is better)", ["a row"], energy),
        ]
    )


EXPERIMENT = Experiment("imputation-adult", "a census with hidden cells, filled by a model of any question", run)
