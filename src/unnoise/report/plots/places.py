"""Figures of curved spaces: the globe, pairs of angles, rotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]
Places = tuple[Any, Any]

MOST_POINTS = 3_000  # of each kind in one panel
MOST_ROTATIONS = 1_500
BINS = 60  # of a circle
EDGE = 0.42  # height of a map in widths


@styled
def world_map(real: Places, samples: Places) -> Figure:
    """Places (latitude, longitude) in degrees: real ones above, the model's below.

    Mollweide's projection keeps areas, and so densities.
    """
    figure = new_figure(WIDTH, 2 * EDGE * WIDTH)
    panels = figure.subplots(2, 1, subplot_kw={"projection": "mollweide"})
    for axes, places, color, name in zip(panels, (real, samples), (REAL, MODEL), ("real", "model"), strict=True):
        latitude, longitude = thinned(*(as_numbers(part) for part in places))
        x = np.radians(np.mod(longitude + 180.0, 360.0) - 180.0)
        axes.scatter(x, np.radians(latitude), s=2.5, color=color, alpha=0.5, linewidths=0)
        axes.grid(color=FAINT, linewidth=0.5)
        axes.set_xticklabels([])
        axes.tick_params(labelsize=7)
        axes.set_title(name, color=QUIET)
    return figure


@styled
def rotation_map(rows: Sequence[tuple[str, Any, Any]]) -> Figure:
    """Rotations as points of the globe, the images of the north pole, coloured by the turn around them.

    Each row is a name, real matrices (n, 3, 3) and the model's.
    """
    figure = new_figure(WIDTH, 2.0 * len(rows) + 0.2)
    panels = figure.subplots(len(rows), 2, subplot_kw={"projection": "mollweide"}, squeeze=False)
    for (name, real, samples), line in zip(rows, panels, strict=True):
        for axes, matrices, label in zip(line, (real, samples), ("real", "model"), strict=True):
            _rotations(axes, as_numbers(matrices)[:MOST_ROTATIONS])
            axes.set_title(f"{name}, {label}", color=QUIET)
    return figure


@styled
def angle_pairs(real: Any, samples: Any, names: Sequence[str], turn: float, starts: Sequence[float]) -> Figure:
    """A Ramachandran plot: shares of rows in the cells of a torus; a whole `turn` is 360 or 2 pi."""
    from matplotlib.colors import LinearSegmentedColormap

    edges = [np.linspace(start, start + turn, BINS + 1) for start in starts]
    figure = new_figure(WIDTH, WIDTH / 2 + 0.2)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    shares = [_shares(held, names, edges) for held in (real, samples)]
    top = float(np.sqrt(max(share.max() for share in shares)))
    for axes, share, name, color in zip(panels, shares, ("real", "model"), (REAL, MODEL), strict=True):
        fading = LinearSegmentedColormap.from_list("fading", ["white", color, INK])
        axes.pcolormesh(*edges, np.sqrt(share).T, cmap=fading, vmin=0.0, vmax=top, rasterized=True)
        axes.set_title(name, color=QUIET)
        axes.set_xlabel(shorten(names[0], 24))
        axes.set_aspect("equal")
        for axis, start in zip((axes.xaxis, axes.yaxis), starts, strict=True):
            ticks = start + turn * np.arange(5) / 4
            axis.set_ticks(ticks, [f"{tick:.4g}" for tick in ticks])
    panels[0].set_ylabel(shorten(names[1], 24))
    return figure


def thinned(latitude: Numbers, longitude: Numbers) -> tuple[Numbers, Numbers]:
    """At most `MOST_POINTS` random places, to be visible."""
    if len(latitude) <= MOST_POINTS:
        return latitude, longitude
    chosen = np.random.default_rng(0).choice(len(latitude), MOST_POINTS, replace=False)
    return latitude[chosen], longitude[chosen]


def _shares(held: Any, names: Sequence[str], edges: Sequence[Numbers]) -> Numbers:
    x, y = (as_numbers(held[name]).reshape(-1) for name in names)
    counts, _, _ = np.histogram2d(x, y, bins=list(edges))
    return np.asarray(counts / max(len(x), 1))


def _rotations(axes: Axes, matrices: Any) -> None:
    """The third column is the image of the pole; turns are from the rotation without twist."""
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
