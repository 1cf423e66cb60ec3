"""Pictures for each class of factors; `@figures.register(MyFactor)` and `@plane.register(MyFactor)` add others."""

from __future__ import annotations

from functools import partial, singledispatch
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from unnoise.data._numerics import Values
from unnoise.data.factors import (
    AngleFactor,
    CategoryFactor,
    CountFactor,
    Factor,
    MissingFactor,
    NumberFactor,
    PlaceFactor,
    ResolvedFactor,
    RotationFactor,
    SequenceFactor,
    TieFactor,
)
from unnoise.data.factors.base import Columns
from unnoise.data.factors.sequences import END
from unnoise.report import charts, plots
from unnoise.report.charts import Panel
from unnoise.report.plots.columns import Words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pictures = list[tuple["Figure | list[Panel]", str]]
MOST_PANELS = 24  # columns of one factor
EMPTY = "(empty)"  # in place of a level


def plainly(column: str, number: float) -> None:
    """The words of numbers that all stand for themselves: None of each.

    >>> plainly("length", 3.0)
    """


def word(words: Words, column: str, number: float) -> str:
    """A number of a column as a chart says it: its word, else its digits.

    >>> word(plainly, "length", 3.0), word(lambda column, number: "1 May", "day", 3.0)
    ('3', '1 May')
    """
    return words(column, number) or charts.plain(number)


@singledispatch
def figures(factor: Factor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    """Pictures of held-out columns beside samples, with captions; by default a chart of each of the first 24.

    `@figures.register(MyFactor)` draws a class of factors of your own.

    Args:
        factor: whose columns they are.
        real: its columns of held-out rows, (n, ...), by name.
        samples: those of the model.
        words: (column, number) -> how it is written, or None where the number stands for itself.

    Returns:
        Pairs of a figure, or of charts, and a caption.
    """
    shown = factor.columns[:MOST_PANELS]
    panels = [
        charts.column(name, charts.flat(real[name]), charts.flat(samples[name]), partial(word, words, name))
        for name in shown
    ]
    more = len(factor.columns) - len(panels)
    rest = f" {more:,} more columns are not drawn." if more else ""
    return [(panels, f"Each column: held-out rows and as many samples.{rest}")]


@figures.register(NumberFactor)
@figures.register(ResolvedFactor)
def _number_figures(factor: Factor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    found = figures.dispatch(Factor)(factor, real, samples, words)
    if len(factor.columns) > 1:
        found.append((plots.pairs(real, samples, factor.columns, words), "The first columns against each other."))
    return found


@figures.register(AngleFactor)
def _angle_figures(factor: AngleFactor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    found = figures.dispatch(Factor)(factor, real, samples, words)
    if len(factor.columns) > 1:
        picture = plots.angle_pairs(real, samples, factor.columns[:2], factor.turn, factor.starts[:2])
        found.insert(0, (picture, "The first two angles: where held-out rows lie, and where samples do."))
    return found


@figures.register(MissingFactor)
def _missing_figures(factor: MissingFactor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    names = factor.columns[:MOST_PANELS]
    shares = [[float(np.mean(held[name])) for name in names] for held in (real, samples)]
    return [([charts.shares("empty cells", names, *shares)], "How often each column is empty.")]


@figures.register(TieFactor)
def _tie_figures(factor: TieFactor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    names = list(real)[:MOST_PANELS]
    shares = [[float(np.nanmean(held[name])) for name in names] for held in (real, samples)]
    return [([charts.shares("columns that are others", names, *shares)], "How often each is the other, exactly.")]


@figures.register(SequenceFactor)
def _sequence_figures(factor: SequenceFactor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    first, second = (factor.encode(held).flatten(1).numpy() for held in (real, samples))
    picture = plots.token_frequencies(first, second, factor.states, factor.letters.replace(END, "-"))
    return [(picture, "How often each token stands at each place: held-out rows and as many samples.")]


@figures.register(PlaceFactor)
def _place_figures(factor: PlaceFactor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    first, second = ([held[name] for name in factor.columns] for held in (real, samples))
    picture = plots.world_map((first[0], first[1]), (second[0], second[1]))
    return [(picture, "On the globe: held-out rows and as many samples.")]


@figures.register(RotationFactor)
def _rotation_figures(factor: RotationFactor, real: Columns, samples: Columns, words: Words = plainly) -> Pictures:
    picture = plots.rotation_map([("rotations", factor.encode(real), factor.encode(samples))])
    return [(picture, "Where each rotation takes the north pole; the colour is its turn around that point.")]


@singledispatch
def seen(factor: Factor, x: Tensor, known: Tensor) -> dict[str, Values]:
    """The columns of points where they are known, by name; by default of points that are known in all cells.

    Args:
        factor: whose points they are.
        x: (n, *event).
        known: which cells are, (n, *cells) bool.
    """
    return factor.decode(x[known.flatten(1).all(1) if known.ndim > 1 else known])


@seen.register(MissingFactor)
def _all_seen(factor: MissingFactor, x: Tensor, known: Tensor) -> dict[str, Values]:
    return factor.decode(x)


@seen.register(TieFactor)
def _ties_seen(factor: TieFactor, x: Tensor, known: Tensor) -> dict[str, Values]:
    sure = [known[:, place] for place, tie in enumerate(factor.ties) for _ in tie.bases]
    pairs = zip(factor.each(x), sure, strict=True)
    return {f"{of} = {base}": np.where(there, rows.numpy(), np.nan) for (of, base, rows), there in pairs}


@seen.register(AngleFactor)
@seen.register(CountFactor)
@seen.register(NumberFactor)
def _numbers_seen(factor: Factor, x: Tensor, known: Tensor) -> dict[str, Values]:
    masks = [known.numpy()] if factor.block else known.numpy().T
    columns = zip(factor.decode(x).items(), masks, strict=True)
    return {name: np.where(mask, values, np.nan) for (name, values), mask in columns}


@seen.register(ResolvedFactor)
def _resolved_seen(factor: ResolvedFactor, x: Tensor, known: Tensor) -> dict[str, Values]:
    masks = {name: known[:, factor.cells_of([name])].all(1).numpy() for name in factor.columns}
    return {name: np.where(masks[name], values, np.nan) for name, values in factor.decode(x).items()}


@seen.register(CategoryFactor)
def _levels_seen(factor: CategoryFactor, x: Tensor, known: Tensor) -> dict[str, Values]:
    columns = zip(factor.decode(x).items(), known.numpy().T, strict=True)
    return {name: np.where(mask, values.astype(object), EMPTY) for (name, values), mask in columns}


@singledispatch
def plane(factor: Factor, x: Tensor) -> list[Values]:
    """Two coordinates, (n,) each, to draw points (n, *event) with; by default none, and then nothing is drawn.

    `@plane.register(MyFactor)` gives them for a class of factors of your own.
    """
    return []


@plane.register(NumberFactor)
def _number_plane(factor: NumberFactor, x: Tensor) -> list[Values]:
    return _two(list(x.flatten(1).T[:2].numpy()))


@plane.register(AngleFactor)
def _angle_plane(factor: AngleFactor, x: Tensor) -> list[Values]:
    return _two(list(factor.decode(x).values()))


@plane.register(PlaceFactor)
def _place_plane(factor: PlaceFactor, x: Tensor) -> list[Values]:
    return list(factor.decode(x).values())[::-1]


def _two(coordinates: list[Values]) -> list[Values]:
    return coordinates[:2] if len(coordinates) > 1 else []
