"""Figures of samples from several modes: what share each has, and how wide it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

Pair = tuple[float, float]
Numbers = NDArray[np.float64]

LEAST_ERROR = 3e-4  # smaller ones are drawn there
ROOM = 4.5  # standard deviations to either side of a mode
BINS = 36  # of one mode
GOOD = "#e8f3ec"


@styled
def weights_and_widths(
    names: Sequence[str],
    panels: Sequence[tuple[str, Sequence[Pair], Sequence[Pair]]],
    *,
    bar: float,
    own: int = 1,
    tolerance: float = 0.05,
) -> Figure:
    """Errors of mode weights above, variances within modes below: a line per method, a panel per target.

    Args:
        names: of the methods.
        panels: title; error of the weight with its standard error for every method; variance within modes, in units of
            the target's, with its standard error.
        bar: the error that is good enough.
        own: how many methods, the first ones, are shown in colour.
        tolerance: of the variance.
    """
    figure = new_figure(WIDTH, 1.3 + 0.34 * len(names))
    above, below = figure.subfigures(2, 1, squeeze=False).flat
    colors = [MODEL] * own + [QUIET] * (len(names) - own)
    errors = [(title, [_shown(pair) for pair in found]) for title, found, _ in panels]
    for axes in _lines(above, names, errors, colors):
        axes.axvspan(LEAST_ERROR / 2, bar, color=GOOD, linewidth=0)
        axes.set_xscale("log")
        axes.set_xlim(LEAST_ERROR / 2, 1.0)
        axes.set_xticks([1e-3, 1e-2, 1e-1], [".001", ".01", ".1"])
        axes.minorticks_off()
    above.supxlabel(f"error of the mode weight (shaded: up to {bar:g})", size=9)
    widths = [("", [(value, error, error) for value, error in found]) for _, _, found in panels]
    for axes in _lines(below, names, widths, colors):
        axes.axvspan(1 - tolerance, 1 + tolerance, color=GOOD, linewidth=0)
        axes.set_xlim(0, 1.25)
    below.supxlabel(f"variance within modes, target 1 (shaded: within {tolerance:.0%})", size=9)
    return figure


def _lines(
    figure: SubFigure,
    names: Sequence[str],
    panels: Sequence[tuple[str, Sequence[tuple[float, float, float]]]],
    colors: Sequence[str],
) -> list[Axes]:
    """A panel per target with a line per method: points that reach to the left and to the right."""
    places = np.arange(len(names), dtype=float)[::-1]
    row = list(figure.subplots(1, len(panels), sharey=True, squeeze=False)[0])
    for axes, (title, values) in zip(row, panels, strict=True):
        axes.set_title(title, color=QUIET)
        axes.hlines(places, 0, 1, transform=axes.get_yaxis_transform(), color=FAINT, linewidth=0.6)
        for place, (value, left, right), color in zip(places, values, colors, strict=True):
            axes.errorbar(value, place, xerr=[[left], [right]], color=color, marker="o", markersize=4, elinewidth=1.2)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    row[0].set_ylim(-0.6, len(names) - 0.4)
    row[0].set_yticks(places, names)
    for label, color in zip(row[0].get_yticklabels(), colors, strict=True):
        if color == MODEL:
            label.set(color=MODEL, fontweight="bold")
    return row


def _shown(pair: Pair) -> tuple[float, float, float]:
    """An error on a logarithmic axis, and how far its bar reaches to either side."""
    error, deviation = pair
    low = max(error - deviation, LEAST_ERROR / 2)
    place = max(error, LEAST_ERROR)
    return place, max(place - low, 0.0), max(error + deviation - place, 0.0)


@styled
def two_modes(
    panels: Sequence[tuple[str, Any, Any, Any]], *, weights: Pair, names: tuple[str, str], scale: float = 1.0
) -> Figure:
    """Histograms of two kinds of samples on the line through two modes, beside the target; the gap is cut out.

    Args:
        panels: title, the places of the two modes on the line, and samples of both kinds, (n,).
        weights: of the two modes.
        names: of the two kinds; the first is filled.
        scale: standard deviation of both modes.
    """
    figure = new_figure(WIDTH, 0.4 + 1.35 * math.ceil(len(panels) / 2))
    grid = figure.subplots(math.ceil(len(panels) / 2), 2, squeeze=False, sharey=True).flat
    for axes, (title, centres, filled, line) in zip(grid, panels, strict=False):
        _broken(axes, as_numbers(centres), weights, as_numbers(filled), as_numbers(line), names, scale)
        axes.set_title(title, color=QUIET)
    grid[0].legend(loc="upper left")
    figure.supxlabel("place on the line through both modes, without the empty stretch between them", size=8)
    return figure


def _broken(
    axes: Axes,
    centres: Numbers,
    weights: Pair,
    filled: Numbers,
    line: Numbers,
    names: tuple[str, str],
    scale: float,
) -> None:
    """Both modes side by side, each with its own zero."""
    edges = np.linspace(-ROOM, ROOM, BINS + 1)
    offsets = np.linspace(-ROOM, ROOM, 200)
    bell = np.exp(-0.5 * offsets**2) / math.sqrt(2 * math.pi)
    ticks, labels = [], []
    for i, k in enumerate(np.argsort(centres)):
        middle = (2 * i - 1) * (ROOM + 0.5)
        shares = [_density((values - centres[k]) / scale, edges) for values in (filled, line)]
        last = i == 1
        axes.stairs(shares[0], middle + edges, fill=True, color=MODEL, alpha=0.45, label=names[0] if last else None)
        axes.stairs(shares[1], middle + edges, color=QUIET, linewidth=1.1, label=names[1] if last else None)
        axes.plot(middle + offsets, weights[k] * bell, color=REAL, label="target" if last else None)
        ticks.append(middle)
        labels.append(f"{centres[k]:.3g}")
    axes.set_xticks(ticks, labels)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color=INK, linewidth=0.6, linestyle=(0, (2, 3)))


def _density(offsets: Numbers, edges: Numbers) -> Numbers:
    """Of one mode among all samples."""
    counts, _ = np.histogram(offsets, edges)
    return np.asarray(counts / len(offsets) / (edges[1] - edges[0]))
