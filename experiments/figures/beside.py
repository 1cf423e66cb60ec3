"""Clouds of points above those that they should look like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.figures.clouds import _box, _points
from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, MODEL, QUIET, REAL, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def beside(columns: Sequence[tuple[str, Any, Any]], names: tuple[str, str] = ("reference", "model")) -> Figure:
    """A column for each title, reference and draws, (n, 2): both on the axes of the reference, which is on top.

    A point beyond the axes is drawn at the edge, so that none is lost.
    """
    if not columns:
        raise InputError("got no clouds to draw; expected at least one title with a reference and draws")
    size = WIDTH / len(columns)
    figure = new_figure(WIDTH, 2 * (size + 0.2))
    every = figure.subplots(2, len(columns), squeeze=False)
    for (title, *pair), place in zip(columns, every.T, strict=True):
        shown = [_points(points) for points in pair]
        centre, reach = _box(shown[0])
        for axes, points, color in zip(place, shown, (REAL, MODEL), strict=True):
            inside = np.clip(points, centre - reach, centre + reach)
            axes.scatter(*inside.T, s=2, color=color, alpha=0.3, linewidths=0, rasterized=True)
            axes.set(xlim=(centre[0] - reach, centre[0] + reach), ylim=(centre[1] - reach, centre[1] + reach))
            axes.set_aspect("equal")
            axes.locator_params(nbins=4)
            axes.grid(color=FAINT, linewidth=0.5)
            axes.tick_params(length=0, labelsize=6)
            axes.spines[:].set_visible(False)
        place[0].set_title(title, color=QUIET, size=8)
    for axes, name in zip(every[:, 0], names, strict=True):
        axes.set_ylabel(name, color=QUIET, size=8)
    return figure
