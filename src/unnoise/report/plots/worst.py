"""Figures of the pairs of columns in which samples differ most from data, and the values that many rows share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import MODEL, REAL, WIDTH, new_figure, shorten, styled
from unnoise.report.plots.columns import Words, finite, written
from unnoise.report.plots.levels import most_frequent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Column = NDArray[Any]  # numbers, or texts of levels
Word = Callable[[float], str]  # how a number is written

ATOM = 0.02  # share of the rows from which a number that repeats gets a bar
MOST_ATOMS = 6
MOST_POINTS = 800
MOST_CELLS = 12  # rows and columns of a table
OTHERS, MISSING = "others", "(missing)"


@styled
def pair(
    names: tuple[str, str], real: tuple[Column, Column], samples: tuple[Column, Column], words: Words | None = None
) -> Figure:
    """Two columns in two panels, data and samples: points of two numbers, else tables of shares.

    Args:
        names: of both columns.
        real: the columns, (n,) each: floats, or levels as objects.
        samples: those of the model, (m,).
        words: (column, number) -> how it is written, or None where the number stands for itself, as for dates.

    >>> color, size = np.array(["red", "blue"], dtype=object), np.array([1.0, 2.0])
    >>> [axes.get_title() for axes in pair(("color", "size"), (color, size), (color, size)).axes]
    ['real', 'model']
    """
    figure = new_figure(0.62 * WIDTH, 2.5)
    both = figure.subplots(1, 2)
    if any(part.dtype == object for part in real):
        _tables(both, names, real, samples, words)
    else:
        _points(both, real, samples)
        for axes in both:
            written(axes.xaxis, names[0], words)
            written(axes.yaxis, names[1], words)
    for axes, side, color in zip(both, ("real", "model"), (REAL, MODEL), strict=True):
        axes.set_title(side, color=color, pad=3)
        axes.set_xlabel(shorten(names[0], 22))
        axes.tick_params(labelsize=6)
    both[0].set_ylabel(shorten(names[1], 22))
    return figure


def atoms_of(values: Column) -> list[float]:
    """Numbers that many rows share, the most frequent first."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_ATOMS]
    return [float(distinct[place]) for place in order if counts[place] > max(1, ATOM * len(values))]


def barred(values: Column, atoms: Sequence[float], word: Word = "{:.5g}".format) -> list[str]:
    """Each number as the word of its bar: an atom, missing, or one of the others."""
    words = np.array([*map(word, atoms), OTHERS, MISSING], dtype=object)
    same = values[:, None] == np.array(atoms)
    places = np.where(same.any(axis=1), same.argmax(axis=1), len(atoms) + np.isnan(values))
    found: list[str] = words[places].tolist()
    return found


def _points(pair: Sequence[Axes], real: tuple[Column, ...], samples: tuple[Column, ...]) -> None:
    seen = [finite(np.concatenate(part)) for part in zip(real, samples, strict=True)]
    ends = [np.percentile(both, [0.5, 99.5]) for both in seen if both.size]
    for axes, columns, color in zip(pair, (real, samples), (REAL, MODEL), strict=True):
        axes.scatter(columns[0][:MOST_POINTS], columns[1][:MOST_POINTS], s=4, color=color, alpha=0.5, linewidths=0)
        axes.locator_params(nbins=3)
        if len(ends) == 2:
            rooms = [0.05 * float(high - low) or 0.5 for low, high in ends]
            axes.set_xlim(ends[0][0] - rooms[0], ends[0][1] + rooms[0])
            axes.set_ylim(ends[1][0] - rooms[1], ends[1][1] + rooms[1])


def _tables(
    pair: Sequence[Axes],
    names: tuple[str, str],
    real: tuple[Column, ...],
    samples: tuple[Column, ...],
    words: Words | None,
) -> None:
    (x_real, x_samples, across), (y_real, y_samples, up) = (
        _cells(one, other, lambda value, name=name: (words and words(name, value)) or f"{value:.3g}")  # type: ignore[misc]
        for name, one, other in zip(names, real, samples, strict=True)
    )
    tables = [np.zeros((len(up), len(across))) for _ in pair]
    for table, x, y in zip(tables, (x_real, x_samples), (y_real, y_samples), strict=True):
        np.add.at(table, (y, x), 1.0 / max(len(x), 1))
    top = max(float(table.max()) for table in tables) or 1.0
    for axes, table, colors in zip(pair, tables, ("Oranges", "Blues"), strict=True):
        axes.imshow(table, aspect="auto", origin="lower", cmap=colors, vmin=0.0, vmax=top, interpolation="nearest")
        axes.set_xticks(range(len(across)), [shorten(name, 10) for name in across], rotation=60)
        axes.set_yticks(range(len(up)), [shorten(name, 10) for name in up])


def _cells(
    real: Column, samples: Column, word: Word = "{:.3g}".format
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    """The cell of each value of both sides, and the names of cells: frequent levels, or deciles of numbers."""
    both = np.concatenate([real, samples])
    if real.dtype == object:
        levels = most_frequent(both.tolist())[: MOST_CELLS - 1]
        same = both[:, None] == np.array(levels, dtype=object)
        cells = np.where(same.any(axis=1), same.argmax(axis=1), len(levels))
        names = [str(level) for level in levels]
    else:
        seen = finite(both)
        edges = np.unique(np.quantile(seen, np.linspace(0.1, 0.9, 9))) if seen.size else np.zeros(0)
        cells = np.where(np.isnan(both), len(edges) + 1, np.searchsorted(edges, both, side="right"))
        names = ["least", *map(word, edges)]
    names += [MISSING if real.dtype != object else OTHERS] * (int(cells.max(initial=0)) + 1 - len(names))
    return cells[: len(real)], cells[len(real) :], names
