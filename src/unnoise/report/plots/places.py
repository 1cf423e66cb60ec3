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

    Mollweide's projection keeps areas, and so densities. At most 3,000 of each are drawn.

    Args:
        real: latitudes (n,) and longitudes (n,); longitudes may run to 180 or to 360.
        samples: those of the model.

    >>> quake = np.array([38.3]), np.array([142.4])
    >>> [axes.get_title() for axes in world_map(quake, quake).axes]
    ['real', 'model']
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
    r"""Rotations as points of the globe, the images of the north pole, coloured by the turn around them.

    Turns are from the rotation that takes the pole there without twist, from $-\pi$ to $\pi$ radians. At most 1,500 are
    drawn.

    Args:
        rows: of each line of panels a name, real matrices (n, 3, 3) and the model's.

    >>> still = np.eye(3)[None]
    >>> [axes.get_title() for axes in rotation_map([("cubes", still, still)]).axes]
    ['cubes, real', 'cubes, model']
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
    r"""A Ramachandran plot: the shares of rows in the 60 x 60 cells of a torus, their roots as darkness.

    Args:
        real: angles of each column by its name, (n,).
        samples: those of the model, (m,).
        names: of the two columns.
        turn: a whole one: 360 for degrees, $2\pi$ for radians.
        starts: where the axis of each column begins, such as -180.

    >>> angles = {"phi": np.array([-60.0]), "psi": np.array([-45.0])}
    >>> figure = angle_pairs(angles, angles, ["phi", "psi"], 360.0, [-180.0, -180.0])
    >>> [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    ['-180', '-90', '0', '90', '180']
    """
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
