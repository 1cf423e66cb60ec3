"""Figures of tables and points: real rows beside the model's, paths from noise to data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import (
    MODEL,
    QUIET,
    REAL,
    WIDTH,
    as_numbers,
    bare,
    check_frames,
    legend,
    named_panels,
    new_figure,
    shorten,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]
Words = Callable[[str, float], str | None]  # of a column and a number; None where that stands for itself

MOST_COLUMNS = 24  # histograms in one figure
MOST_PAIRED = 4  # columns of a scatter matrix
MOST_POINTS = 1_500  # of each kind in one panel
MOST_WHOLE = 30  # distinct whole numbers that get a bar each
WIDEST_SHARED = 5.0  # times the narrowest cloud; beyond it panels have their own axes
FEWEST_BARS, MOST_BARS = 8, 36
OUTLIERS = 0.5  # per cent at either end, outside the axes


@styled
def marginals(real: Mapping[str, Any], samples: Mapping[str, Any]) -> Figure:
    """One histogram per column, as shares of rows: real rows filled, samples as a line; the first 24 columns.

    Args:
        real: numbers of each column by its name, (n,); a DataFrame or a dict. What is not finite is left out.
        samples: the same columns of the model, (m,).

    Raises:
        InputError: no column in common.

    >>> real, samples = np.random.default_rng(0).normal(size=(2, 100))
    >>> figure = marginals({"length": real}, {"length": samples})
    >>> figure.axes[0].get_title()
    'length'
    """
    figure, panels = named_panels(_shared(real, samples)[:MOST_COLUMNS], 4, 1.45, 0.45)
    for name, axes in panels.items():
        histograms(axes, finite(real[name]), finite(samples[name]))
    figure.supylabel("share of rows", size=8, color=QUIET)
    legend(figure)
    return figure


@styled
def pairs(
    real: Mapping[str, Any],
    samples: Mapping[str, Any],
    names: Sequence[str] | None = None,
    words: Words | None = None,
) -> Figure:
    """The first four columns against each other, a panel for each pair: as many real rows as samples, mixed.

    Args:
        real: numbers of each column by its name, (n,).
        samples: the same columns of the model, (m,).
        names: which columns, at least two, else InputError; by default those that both have.
        words: (column, number) -> how an axis writes it, or None where the number stands for itself, as for dates.

    >>> real, samples = np.random.default_rng(0).normal(size=(2, 2, 100))
    >>> figure = pairs(dict(zip("xy", real)), dict(zip("xy", samples)))
    >>> figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()
    ('x', 'y')
    """
    chosen = (list(names) if names else _shared(real, samples))[:MOST_PAIRED]
    if len(chosen) < 2:
        raise InputError(f"got {len(chosen)} column; a scatter plot needs at least 2.")
    first, second = _table(real, chosen), _table(samples, chosen)
    points, colors = _interleave(first, second)
    side = len(chosen) - 1
    panel = {1: 3.2, 2: 2.3}.get(side, 2.0)
    figure = new_figure(panel * side + 0.6, panel * side + 0.6)
    panels = figure.subplots(side, side, squeeze=False, sharex="col", sharey="row")
    for (row, column), axes in np.ndenumerate(panels):
        if column > row:
            axes.set_visible(False)
            continue
        axes.scatter(points[:, column], points[:, row + 1], s=6, c=colors, alpha=0.6, linewidths=0)
        axes.set_xlim(*_limits(first[:, column], second[:, column]))
        axes.set_ylim(*_limits(first[:, row + 1], second[:, row + 1]))
        axes.locator_params(nbins=4)
    for i in range(side):
        written(panels[-1, i].xaxis, chosen[i], words)
        written(panels[i, 0].yaxis, chosen[i + 1], words)
        panels[-1, i].set_xlabel(shorten(chosen[i], 24))
        panels[i, 0].set_ylabel(shorten(chosen[i + 1], 24))
    legend(figure)
    return figure


@styled
def points_filmstrip(frames: Sequence[Any], times: Sequence[float]) -> Figure:
    """The first two coordinates of points at several times.

    Panels share their axes, unless noise is much wider than data; then titles give the widths.

    Args:
        frames: points (n, d) at each time, d at least 2.
        times: one for each frame, else InputError; 1 is noise, 0 data.

    >>> strip = points_filmstrip([np.random.default_rng(0).normal(size=(50, 2))] * 3, [1.0, 0.5, 0.0])
    >>> [axes.get_title() for axes in strip.axes]
    ['t = 1', 't = 0.5', 't = 0']
    """
    check_frames(frames, times)
    clouds = [_table({"x": frame[:, 0], "y": frame[:, 1]}, ("x", "y")) for frame in map(as_numbers, frames)]
    boxes = [_box(cloud) for cloud in clouds]
    widths = [width for _, width in boxes]
    apart = max(widths) > WIDEST_SHARED * min(widths)
    if not apart:
        boxes = [_box(np.concatenate(clouds), max(widths))] * len(clouds)
    rows = -(-len(clouds) // 6)
    columns = -(-len(clouds) // rows)
    size = WIDTH / columns
    figure = new_figure(WIDTH, rows * (size + 0.25))
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    for axes in panels:
        bare(axes)
    for axes, cloud, time, (centre, width) in zip(panels, clouds, times, boxes, strict=False):
        axes.scatter(*cloud[:MOST_POINTS].T, s=3, color=MODEL, alpha=0.5, linewidths=0)
        axes.set_title(f"t = {time:.2g}" + (f"\n{float(f'{width:.2g}'):,g} wide" if apart else ""), size=8, pad=3)
        axes.set_aspect("equal")
        axes.set_xlim(centre[0] - width / 2, centre[0] + width / 2)
        axes.set_ylim(centre[1] - width / 2, centre[1] + width / 2)
    return figure


def written(axis: Axis, column: str, words: Words | None) -> None:
    """Few ticks, as the data write them, where numbers do not stand for themselves."""
    if words is None or words(column, 0.0) is None:
        return
    from matplotlib.ticker import MaxNLocator

    axis.set_major_formatter(lambda value, _: str(words(column, value)))
    axis.set_major_locator(MaxNLocator(3))
    axis.set_tick_params(labelsize=6)


def _shared(real: Mapping[str, Any], samples: Mapping[str, Any]) -> list[str]:
    names = [name for name in real if name in samples]
    if not names:
        raise InputError("the real rows and the samples have no column in common; give both the same names.")
    return names


def finite(values: Any) -> Numbers:
    """The finite numbers of a column."""
    numbers = as_numbers(values).reshape(-1)
    return numbers[np.isfinite(numbers)]


def _table(columns: Mapping[str, Any], names: Sequence[str]) -> Numbers:
    table = np.stack([as_numbers(columns[name]).reshape(-1) for name in names], axis=1)
    return table[np.isfinite(table).all(axis=1)]


def _limits(real: Numbers, samples: Numbers) -> tuple[float, float]:
    ends = [np.percentile(values, [OUTLIERS, 100 - OUTLIERS]) for values in (real, samples) if values.size]
    low, high = (min(end[0] for end in ends), max(end[1] for end in ends)) if ends else (0.0, 1.0)
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _inside(ends: tuple[float, float], values: Numbers) -> tuple[float, float]:
    """The ends of an axis no further than the values, so that it shows no ages below 0."""
    if not values.size or values.min() == values.max():
        return ends
    return max(ends[0], float(values.min())), min(ends[1], float(values.max()))


def _box(cloud: Numbers, least: float = 0.0) -> tuple[Numbers, float]:
    """Centre and side of a square around nearly all points."""
    if not len(cloud):
        return np.zeros(2), max(least, 1.0)
    low, high = np.percentile(cloud, [OUTLIERS, 100 - OUTLIERS], axis=0)
    return (low + high) / 2, max(1.1 * float((high - low).max()), least) or 1.0


def bins_of(real: Numbers, samples: Numbers) -> Numbers:
    """Bars for few whole numbers, else Freedman and Diaconis."""
    low, high = _inside(_limits(real, samples), np.concatenate([real, samples]))
    if real.size and np.all(real == np.round(real)) and high - low <= MOST_WHOLE:
        return np.arange(np.floor(low) - 0.5, np.ceil(high) + 1.0)
    quarter, three_quarters = np.percentile(real, [25, 75]) if real.size else (low, high)
    width = 2 * (three_quarters - quarter) / max(len(real), 1) ** (1 / 3)
    number = np.clip((high - low) / width if width > 0 else MOST_BARS, FEWEST_BARS, MOST_BARS)
    return np.linspace(low, high, int(number) + 1)


def histograms(axes: Axes, real: Numbers, samples: Numbers, bins: Numbers | None = None) -> None:
    """Shares of real rows filled, of samples as a line."""
    bins = bins_of(real, samples) if bins is None else bins
    if real.size:
        axes.stairs(np.histogram(real, bins)[0] / len(real), bins, fill=True, color=REAL, alpha=0.55)
    if samples.size:
        axes.stairs(np.histogram(samples, bins)[0] / len(samples), bins, color=MODEL, linewidth=1.4)
    axes.set_xlim(bins[0], bins[-1])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.margins(y=0.08)
    axes.locator_params(axis="x", nbins=4, integer=bool(np.all(bins % 1 == 0.5)))


def _interleave(real: Numbers, samples: Numbers) -> tuple[Numbers, list[str]]:
    """In random order, so that neither hides the other."""
    rng = np.random.default_rng(0)
    number = min(len(real), len(samples), MOST_POINTS)
    chosen = [table[rng.choice(len(table), number, replace=False)] for table in (real, samples)]
    order = rng.permutation(2 * number)
    colors = [REAL] * number + [MODEL] * number
    return np.concatenate(chosen)[order], [colors[i] for i in order]
