"""Points that are noised and brought back, with the drift that does it: the figure of Sohl-Dickstein et al. 2015."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_POINTS = 4_000  # in one panel


@dataclass(frozen=True)
class Cloud:
    """Points (n, 2), observed or made by a model."""

    points: Any
    made: bool = False


@dataclass(frozen=True)
class Field:
    """Arrows (n, 2) at points (n, 2): how far a step of the reverse moves them."""

    points: Any
    arrows: Any


@styled
def forth_and_back(
    rows: Sequence[tuple[str, Sequence[Cloud | Field]]], titles: Sequence[str], reach: float = 2.6
) -> Figure:
    """Named rows of panels on common axes, from -reach to reach; one title per column.

    Arrows are coloured by their length, relative to the longest of their panel.
    """
    if not rows or any(len(panels) != len(titles) for _, panels in rows):
        raise InputError(f"got rows of {[len(panels) for _, panels in rows]} panels for {len(titles)} titles")
    size = (WIDTH - 0.3) / len(titles)
    figure = new_figure(WIDTH, size * len(rows) + 0.3)
    grid = figure.subplots(len(rows), len(titles), squeeze=False)
    for i, (name, panels) in enumerate(rows):
        for axes, panel, title in zip(grid[i], panels, titles, strict=True):
            _cloud(axes, panel) if isinstance(panel, Cloud) else _field(axes, panel)
            axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
            axes.set_aspect("equal")
            axes.spines[:].set(visible=True, color=FAINT)
            if i == 0:
                axes.set_title(title, color=QUIET, size=8)
        grid[i][0].set_ylabel(name, color=INK, size=8)
    return figure


def _cloud(axes: Axes, cloud: Cloud) -> None:
    points = as_numbers(cloud.points)[:MOST_POINTS]
    color = MODEL if cloud.made else REAL
    axes.scatter(points[:, 0], points[:, 1], s=1.5, color=color, alpha=0.5, linewidths=0, rasterized=True)


def _field(axes: Axes, field: Field) -> None:
    points, arrows = as_numbers(field.points), as_numbers(field.arrows)
    length = np.linalg.norm(arrows, axis=1)
    axes.quiver(*points.T, *arrows.T, length, cmap="viridis_r", angles="xy", pivot="mid", width=0.004)
