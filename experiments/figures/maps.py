"""Densities on the globe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import QUIET, REAL, WIDTH, as_numbers, new_figure, styled
from unnoise.report.plots.places import EDGE, Numbers, Places, thinned

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def density_map(
    grids: Sequence[tuple[str, NDArray[np.float64]]], latitude: Numbers, longitude: Numbers, points: Places
) -> Figure:
    """Log densities on a grid of the globe, one panel each, with points of the data on top.

    Args:
        grids: name and log density (nats), shape (latitudes, longitudes).
        latitude: degrees, increasing.
        longitude: degrees, increasing.
        points: places that were observed.
    """
    figure = new_figure(WIDTH, EDGE * WIDTH * len(grids))
    panels = figure.subplots(len(grids), 1, subplot_kw={"projection": "mollweide"}, squeeze=False)[:, 0]
    lat, lon = thinned(*(as_numbers(part) for part in points))
    for axes, (name, grid) in zip(panels, grids, strict=True):
        top = float(grid.max())
        shown = np.clip(grid, top - 10.0, top)
        axes.pcolormesh(
            np.radians(longitude), np.radians(latitude), shown, cmap="Blues", shading="auto", rasterized=True
        )
        axes.scatter(np.radians(lon), np.radians(lat), s=1.5, color=REAL, linewidths=0)
        axes.set_xticklabels([])
        axes.set_yticklabels([])
        axes.set_title(name, color=QUIET)
    return figure
