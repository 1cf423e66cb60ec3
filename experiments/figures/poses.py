"""Rotations that explain a picture, beside the true ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import FAINT, QUIET, WIDTH, as_numbers, bare, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

HEIGHT = 0.84  # inches of a row
AXIS = (0.2, 0.55, 0.81)  # of the solid, whose images are shown: no symmetry keeps it
FEW = 100  # rotations that are drawn large
TICKS = (0.0, 0.5, 1.0)


@styled
def pose_maps(rows: Sequence[tuple[str, Sequence[Any], Sequence[Any]]], titles: Sequence[str]) -> Figure:
    """A line of panels per view: its pictures, then a map for each set of rotations.

    A rotation is a point of the globe, where it takes a fixed axis of the solid; its colour is the turn about that axis
    (Murphy et al. 2021).

    Args:
        rows: name; pictures (height, width) in [0, 1]; sets of rotations (n, 3, 3).
        titles: of the sets.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    seen = max(len(pictures) for _, pictures, _ in rows)
    figure = new_figure(WIDTH, HEIGHT * len(rows) + 0.5)
    figure.get_layout_engine().set(h_pad=0.01, w_pad=0.02, hspace=0.0, wspace=0.0)  # type: ignore[union-attr,call-arg]
    widths = [1.0] * seen + [2.0] * len(titles)
    grid = figure.add_gridspec(len(rows), len(widths), width_ratios=widths)
    maps = []
    for line, (name, pictures, sets) in enumerate(rows):
        for column in range(seen):
            axes = figure.add_subplot(grid[line, column])
            bare(axes)
            if column < len(pictures):
                axes.imshow(as_numbers(pictures[column]), cmap="gray", vmin=0, vmax=1)
        figure.axes[-seen].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
        for column, (title, rotations) in enumerate(zip(titles, sets, strict=True), seen):
            axes = figure.add_subplot(grid[line, column], projection="mollweide")
            _dots(axes, as_numbers(rotations))
            maps.append(axes)
            if line == 0:
                axes.set_title(title, color=QUIET)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), "hsv"), ax=maps, location="bottom", shrink=0.4, aspect=40, pad=0.01
    )
    bar.set_ticks(list(TICKS), labels=["0", "1/2", "1"])
    bar.set_label("turn about the axis", size=8)
    bar.outline.set_visible(False)
    return figure


@styled
def picture_table(rows: Sequence[tuple[str, Any]]) -> Figure:
    """A line of pictures, (n, height, width) in [0, 1], for each name."""
    most = max(len(pictures) for _, pictures in rows)
    figure = new_figure(WIDTH, 0.62 * len(rows))
    panels = figure.subplots(len(rows), most, squeeze=False)
    for (name, pictures), line in zip(rows, panels, strict=True):
        for axes in line:
            bare(axes)
        for axes, picture in zip(line, as_numbers(pictures), strict=False):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    return figure


def on_the_globe(rotations: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Longitude and latitude of the images of `AXIS`, in radians, and the share of a turn about them."""
    beside = np.cross(AXIS, (0.0, 0.0, 1.0))
    pole, first = (rotations @ (np.asarray(axis) / np.linalg.norm(axis)) for axis in (AXIS, beside))
    longitude, latitude = np.arctan2(pole[:, 1], pole[:, 0]), np.arcsin(np.clip(pole[:, 2], -1, 1))
    east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros_like(longitude)], 1)
    north = np.cross(pole, east)
    turn = np.arctan2((first * north).sum(1), (first * east).sum(1)) / (2 * np.pi)
    return longitude, latitude, np.mod(turn, 1.0)


def _dots(axes: Axes, rotations: Numbers) -> None:
    longitude, latitude, turn = on_the_globe(rotations)
    size = 14 if len(rotations) <= FEW else 2.5
    axes.scatter(longitude, latitude, s=size, c=turn, cmap="hsv", vmin=0, vmax=1, linewidths=0, alpha=0.9)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_xticklabels([])
    axes.set_yticklabels([])
