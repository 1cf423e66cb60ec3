"""Figures of rotations: where an axis points, and the turn around it as a colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise.report.plots._style import FAINT, QUIET, WIDTH, as_numbers, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 1500


@styled
def rotation_map(rows: Sequence[tuple[str, Any, Any]]) -> Figure:
    """Rotations as points of the globe with a colour: where each takes the north pole, and how it turns around it.

    Args:
        rows: name, observed matrices (n, 3, 3), made matrices; one line of two maps each.
    """
    figure = new_figure(WIDTH, 2.0 * len(rows) + 0.2)
    panels = figure.subplots(len(rows), 2, subplot_kw={"projection": "mollweide"}, squeeze=False)
    for (name, real, samples), line in zip(rows, panels, strict=True):
        for axes, matrices, label in zip(line, (real, samples), ("real", "model"), strict=True):
            _points(axes, as_numbers(matrices)[:MOST_POINTS])
            axes.set_title(f"{name}, {label}", color=QUIET)
    return figure


def _points(axes: Axes, matrices: Any) -> None:
    """The third column is where the pole goes; the turn is measured from the way that needs no twist."""
    pole = matrices[:, :, 2]
    longitude, latitude = np.arctan2(pole[:, 1], pole[:, 0]), np.arcsin(np.clip(pole[:, 2], -1, 1))
    east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros_like(longitude)], 1)
    north = np.cross(pole, east)
    first = matrices[:, :, 0]
    turn = np.arctan2((first * north).sum(1), (first * east).sum(1))
    axes.scatter(longitude, latitude, s=3, c=turn, cmap="twilight", vmin=-np.pi, vmax=np.pi, linewidths=0)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_xticklabels([])
    axes.set_yticklabels([])
