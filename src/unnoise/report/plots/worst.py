"""Figures of the columns and pairs in which samples differ most from data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import MODEL, QUIET, REAL, WIDTH, legend, named_panels, new_figure, shorten, styled
from unnoise.report.plots.columns import finite
from unnoise.report.plots.levels import bars, most_frequent

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Column = NDArray[Any]  # numbers, or texts of levels

ATOM = 0.02  # share of the rows from which a number that repeats gets a bar
MOST_ATOMS = 6
MOST_POINTS = 800
MOST_CELLS = 12  # rows and columns of a table
OTHERS, MISSING = "others", "(missing)"


@styled
def worst_margins(columns: Sequence[tuple[str, Column, Column]]) -> Figure:
    """A panel per column, name, data and samples: bars of levels and atoms, distribution functions of numbers."""
    titles = [f"{name}{' ' * place}" for place, (name, _, _) in enumerate(columns)]  # a name may stand twice
    figure, panels = named_panels(titles, 2, 1.9, 0.4)
    for axes, (_, real, samples) in zip(panels.values(), columns, strict=True):
        atoms = [] if real.dtype == object else atoms_of(real)
        if real.dtype == object:
            bars(axes, real.tolist(), samples.tolist())
        elif atoms:
            held, drawn = (barred(values, atoms) for values in (real, samples))
            bars(axes, held, drawn, most_frequent(held, drawn))
        else:
            _distribution_functions(axes, real, samples)
    figure.supylabel("share of rows", size=8, color=QUIET)
    legend(figure)
    return figure


@styled
def worst_pairs(columns: Sequence[tuple[tuple[str, str], tuple[Column, Column], tuple[Column, Column]]]) -> Figure:
    """Two panels per pair of columns, data and samples: points of numbers, tables of shares of all else."""
    lines = -(-len(columns) // 2)
    figure = new_figure(WIDTH, 0.4 + 2.1 * lines)
    panels = figure.subplots(lines, 4, squeeze=False).reshape(-1, 2)
    for pair in panels[len(columns) :]:
        for axes in pair:
            axes.set_visible(False)
    for pair, (names, real, samples) in zip(panels.tolist(), columns, strict=False):
        draw = _tables if any(part.dtype == object for part in real) else _points
        draw(pair, real, samples)
        for axes, side, color in zip(pair, ("real", "model"), (REAL, MODEL), strict=True):
            axes.set_title(side, color=color, pad=3)
            axes.set_xlabel(shorten(names[0], 18))
            axes.tick_params(labelsize=6)
        pair[0].set_ylabel(shorten(names[1], 18))
    return figure


def atoms_of(values: Column) -> list[float]:
    """Numbers that many rows share, the most frequent first."""
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_ATOMS]
    return [float(distinct[place]) for place in order if counts[place] > max(1, ATOM * len(values))]


def barred(values: Column, atoms: Sequence[float]) -> list[str]:
    """Each number as the word of its bar: an atom, missing, or one of the others."""
    words = np.array([*(f"{atom:.5g}" for atom in atoms), OTHERS, MISSING], dtype=object)
    same = values[:, None] == np.array(atoms)
    places = np.where(same.any(axis=1), same.argmax(axis=1), len(atoms) + np.isnan(values))
    found: list[str] = words[places].tolist()
    return found


def _distribution_functions(axes: Axes, real: Column, samples: Column) -> None:
    """Shares of rows up to each number, of all rows: missing ones never come."""
    for values, color in ((real, REAL), (samples, MODEL)):
        seen = np.sort(finite(values))
        axes.step(seen, np.arange(1, len(seen) + 1) / max(len(values), 1), where="post", color=color)
    both = finite(np.concatenate([real, samples]))
    low, high = np.percentile(both, [0.5, 99.5]) if both.size else (0.0, 1.0)
    axes.set_xlim(low - 0.02 * (high - low) - 1e-12, high + 0.02 * (high - low) + 1e-12)
    axes.set_ylim(0.0, 1.02)
    axes.locator_params(nbins=4)


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


def _tables(pair: Sequence[Axes], real: tuple[Column, ...], samples: tuple[Column, ...]) -> None:
    (x_real, x_samples, across), (y_real, y_samples, up) = (
        _cells(one, other) for one, other in zip(real, samples, strict=True)
    )
    tables = [np.zeros((len(up), len(across))) for _ in pair]
    for table, x, y in zip(tables, (x_real, x_samples), (y_real, y_samples), strict=True):
        np.add.at(table, (y, x), 1.0 / max(len(x), 1))
    top = max(float(table.max()) for table in tables) or 1.0
    for axes, table, colors in zip(pair, tables, ("Oranges", "Blues"), strict=True):
        axes.imshow(table, aspect="auto", origin="lower", cmap=colors, vmin=0.0, vmax=top, interpolation="nearest")
        axes.set_xticks(range(len(across)), [shorten(name, 8) for name in across], rotation=60)
        axes.set_yticks(range(len(up)), [shorten(name, 8) for name in up])


def _cells(real: Column, samples: Column) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
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
        names = ["least", *(f"{edge:.3g}" for edge in edges)]
    names += [MISSING if real.dtype != object else OTHERS] * (int(cells.max(initial=0)) + 1 - len(names))
    return cells[: len(real)], cells[len(real) :], names
