"""Points in the plane, one cloud per panel, on common axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

MOST_POINTS = 2_500  # in one panel
BEYOND = 0.1  # per cent of the first cloud that may lie outside the axes
MARGIN = 0.12  # around it, in widths


@styled
def clouds(panels: Sequence[tuple[str, Any]], columns: int = 3) -> Figure:
    """Clouds of points, (n, 2), with a title each; the first is the one that the others should look like.

    The axes are the first cloud's; a point beyond them is drawn at the edge, so that none is lost.
    """
    if not panels:
        raise InputError("got no clouds to draw; expected at least one pair of a title and points")
    shown = [(title, _points(points)) for title, points in panels]
    centre, reach = _box(shown[0][1])
    rows = -(-len(shown) // columns)
    size = WIDTH / columns
    figure = new_figure(WIDTH, rows * (size + 0.3))
    every = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).reshape(-1)
    for axes in every[len(shown) :]:
        axes.set_visible(False)
    for i, (axes, (title, points)) in enumerate(zip(every, shown, strict=False)):
        inside = np.clip(points, centre - reach, centre + reach)
        axes.scatter(*inside.T, s=3, color=MODEL if i else REAL, alpha=0.35, linewidths=0, rasterized=True)
        axes.set_title(title, color=QUIET, size=8)
        axes.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach))
        axes.set_aspect("equal")
        axes.locator_params(nbins=5)
        axes.grid(color=FAINT, linewidth=0.5)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def _points(values: Any) -> Numbers:
    points = as_numbers(values)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError(f"got points of shape {points.shape}; expected (n, 2)")
    return points[:MOST_POINTS]


def _box(points: Numbers) -> tuple[Numbers, float]:
    low, high = np.percentile(points, [BEYOND, 100 - BEYOND], axis=0)
    return (low + high) / 2, (0.5 + MARGIN) * float((high - low).max()) or 1.0
