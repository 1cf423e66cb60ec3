"""Figures of walks: ranks of populations, pairs of coordinates, integrals, and the way to the target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import (
    FAINT,
    INK,
    MODEL,
    QUIET,
    WIDTH,
    as_numbers,
    named_panels,
    new_figure,
    shorten,
    styled,
)
from unnoise.report.plots.chains import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

BINS = 20  # of ranks
BARS = 40  # of a histogram
MOST_POINTS = 2_000  # in one panel
OUTLIERS = 0.25  # per cent at either end, outside the axes
SURE = 2.0  # standard errors of a bin


@styled
def ranks(chains: Any, names: Sequence[str]) -> Figure:
    r"""How the draws of every population rank among all, a panel for each coordinate; level where they agree.

    Args:
        chains: (populations, m, d).
        names: of the d coordinates.

    Ties are broken at random. The grey band is $\pm 2$ standard errors of the height of a bin of independent draws
    (Vehtari et al. 2021, arXiv 1903.08008).
    """
    values = _checked(chains, names, axes=3)
    populations, count = values.shape[:2]
    figure, panels = named_panels(_places(names), 3, 1.7, 0.5)
    error = np.sqrt((1 - 1 / BINS) * BINS / count)
    for place, axes in panels.items():
        column = int(place)
        axes.set_title("")
        axes.set_ylabel(shorten(names[column], 16))
        axes.axhspan(1 - SURE * error, 1 + SURE * error, color=FAINT, alpha=0.6, linewidth=0)
        rank = ranked(values[:, :, column].reshape(-1)).reshape(populations, count)
        edges = np.linspace(0, populations * count, BINS + 1)
        for number, row in enumerate(rank):
            height = np.histogram(row, edges)[0] * BINS / count
            axes.stairs(height, edges / edges[-1], color=COLORS[number % len(COLORS)], linewidth=1.2, baseline=None)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(2.0, axes.get_ylim()[1]))
        axes.locator_params(nbins=4)
    figure.supxlabel("rank among all draws", size=8, color=QUIET)
    return figure


def ranked(values: Any) -> NDArray[np.int64]:
    """The rank of every number, from 0; ties in random order.

    >>> ranked([3.0, 1.0, 2.0])
    array([2, 0, 1])
    """
    numbers = as_numbers(values)
    order = np.lexsort((np.random.default_rng(0).random(len(numbers)), numbers))
    found = np.empty(len(numbers), dtype=np.int64)
    found[order] = np.arange(len(numbers))
    return found


@styled
def scatter_matrix(points: Any, names: Sequence[str], labels: Any = None) -> Figure:
    """Coordinates against each other, and the histogram of each on the diagonal.

    Args:
        points: (n, d).
        names: of the d coordinates.
        labels: a whole number for each point, which has a colour, (n,).
    """
    values = _checked(points, names, axes=2)
    if not len(values):
        raise InputError("got no points to draw; give one at least.")
    kinds = np.zeros(len(values), dtype=int) if labels is None else as_numbers(labels).astype(int)
    some = np.random.default_rng(0).permutation(len(values))[:MOST_POINTS]
    side = len(names)
    size = 2.4 if side == 1 else min(2.4, WIDTH / side)
    figure = new_figure(size * side + 0.4, size * side + 0.4)
    panels = figure.subplots(side, side, squeeze=False, sharex="col")
    limits = [_limits(column) for column in values.T]
    colors = np.array(COLORS)[kinds[some] % len(COLORS)]
    for (row, column), axes in np.ndenumerate(panels):
        if column > row:
            axes.set_visible(False)
            continue
        if column == row:
            _histogram(axes, values[:, row], limits[row])
        else:
            axes.scatter(values[some, column], values[some, row], s=4, c=list(colors), alpha=0.5, linewidths=0)
            axes.set_ylim(*limits[row])
        axes.set_xlim(*limits[column])
        axes.locator_params(nbins=3)
        if column > 0 and row != column:
            axes.tick_params(labelleft=False)
    for i, name in enumerate(names):
        panels[-1, i].set_xlabel(shorten(name, 16))
        if i:
            panels[i, 0].set_ylabel(shorten(name, 16))
    return figure


@styled
def integrals(log_z: Any, combined: tuple[float, float], bridge: tuple[float, float] | None) -> Figure:
    r"""$\log Z$ in nats: of all populations, by a bridge, each with a standard error, and of every population alone.

    Args:
        log_z: of every population, (k,).
        combined: the estimate of all of them and its standard error.
        bridge: that of a bridge between populations, or None.

    >>> figure = integrals([1.82, 1.85], combined=(1.84, 0.01), bridge=(1.838, 0.004))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['all populations', 'bridge', 'population 1', 'population 2']
    """
    each = as_numbers(log_z).reshape(-1)
    told = [("all populations", *combined, MODEL)]
    told += [] if bridge is None else [("bridge", *bridge, MODEL)]
    told += [(f"population {number}", value, 0.0, QUIET) for number, value in enumerate(each, 1)]
    places = np.arange(len(told))[::-1]
    figure = new_figure(WIDTH, 0.75 + 0.3 * len(told))
    axes = figure.add_subplot()
    axes.hlines(places, 0, 1, transform=axes.get_yaxis_transform(), color=FAINT, linewidth=0.6)
    for place, (_, value, error, color) in zip(places, told, strict=True):
        axes.errorbar(value, place, xerr=error or None, color=color, marker="o", markersize=5, capsize=3)
        words = f"{value:.3f}" + (f" ± {error:.2g}" if error else "")
        axes.text(1.02, place, words, transform=axes.get_yaxis_transform(), va="center", size=8, color=INK)
    axes.set_yticks(places, [name for name, *_ in told])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, len(told) - 0.4)
    axes.margins(x=0.1)
    axes.set_xlabel("log Z (nats; ± one standard error)")
    return figure


@styled
def annealing_path(betas: Any, effective: Any, acceptances: Any) -> Figure:
    r"""The exponents $\beta$, what was left effective at each rise, and how often moves were accepted then.

    Args:
        betas: (rises + 1,), of which the first is the first guess.
        effective: particles, (rises,).
        acceptances: of each kernel, (rises, kernels).
    """
    risen, left, taken = as_numbers(betas)[1:], as_numbers(effective), as_numbers(acceptances)
    if not len(risen) == len(left) == len(taken) or not len(risen):
        raise InputError(f"got {len(risen)} rises, {len(left)} sizes and {len(taken)} acceptances; expected one each.")
    figure = new_figure(WIDTH, 2.0)
    panels = figure.subplots(1, 3)
    steps = np.arange(1, len(risen) + 1)
    marked: Any = dict(marker="o", markersize=3.5)
    panels[0].plot(steps, risen, color=MODEL, **marked)
    panels[0].set_title("exponent β")
    if risen.min() < 0.01:
        panels[0].set_yscale("log")
    else:
        panels[0].set_ylim(0, 1.05)
    panels[1].plot(steps, left, color=MODEL, **marked)
    panels[1].set_title("effective particles")
    panels[1].set_ylim(0, 1.1 * left.max())
    for color, column in zip(COLORS, taken.reshape(len(taken), -1).T, strict=False):
        panels[2].plot(steps, column, color=color, **marked)
    panels[2].set_title("moves accepted")
    panels[2].set_ylim(0, 1.05)
    for axes in panels:
        axes.grid(axis="y")
        axes.set_xlabel("rise")
        axes.set_xlim(0.5, len(risen) + 0.5)
        axes.locator_params(axis="x", integer=True, nbins=6)
    return figure


def _checked(values: Any, names: Sequence[str], axes: int) -> Numbers:
    numbers = as_numbers(values)
    if numbers.ndim != axes or numbers.shape[-1] != len(names) or not len(names):
        raise InputError(f"got numbers of shape {numbers.shape} and {len(names)} names; expected one for each column.")
    return numbers


def _places(names: Sequence[str]) -> list[str]:
    return [str(place) for place in range(len(names))]


def _histogram(axes: Axes, values: Numbers, limits: tuple[float, float]) -> None:
    axes.stairs(*np.histogram(values, BARS, range=limits), fill=True, color=MODEL, alpha=0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _limits(values: Numbers) -> tuple[float, float]:
    low, high = np.percentile(values, [OUTLIERS, 100 - OUTLIERS])
    margin = 0.06 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
