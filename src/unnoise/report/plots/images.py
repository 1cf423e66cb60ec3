"""Pictures of pictures: samples, samples by class, the way from noise to data, samples by their neighbours.

Images are arrays or tensors (n, h, w), (n, c, h, w) or (n, h, w, c) with one or three channels, in any range:
without `value_range` black and white are the ends of what is shown, a few outliers left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots._grid import (
    Images,
    Layout,
    Range,
    as_images,
    common_range,
    draw_cells,
    to_unit,
)
from unnoise.report.plots._style import INK, QUIET, WIDTH, as_numbers, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_CELL = 0.72  # inches
TITLE_ROOM = 0.16  # of a cell's height


@styled
def image_grid(
    images: Any, titles: Sequence[str] | None = None, columns: int = 10, *, value_range: Range | None = None
) -> Figure:
    """Images row by row, each with a small title if titles are given."""
    raw = as_images(images)
    unit = to_unit(raw, value_range or common_range(raw))
    columns = max(1, min(columns, len(unit)))
    layout = _layout(unit, -(-len(unit) // columns), columns, group=1 if titles else 0, group_gap=2 * TITLE_ROOM)
    figure, axes = _canvas(layout)
    draw_cells(axes, layout, {divmod(i, columns): image for i, image in enumerate(unit)})
    for i, title in enumerate(titles or ()):
        row, column = divmod(i, columns)
        middle = layout.left(column) + layout.width / 2
        axes.text(
            middle,
            layout.top(row) - 0.04 * layout.height,
            shorten(title, 12),
            ha="center",
            va="bottom",
            size=7,
            color=QUIET,
        )
    return figure


@styled
def class_grid(images_by_class: Mapping[Any, Any], *, value_range: Range | None = None) -> Figure:
    """One row per class, named at its left; rows may have different lengths."""
    rows = [as_images(images) for images in images_by_class.values()]
    if not rows:
        raise InputError("there is no class to show; give at least one class with its images.")
    value_range = value_range or common_range(*rows)
    unit = [to_unit(row, value_range) for row in rows]
    layout = _layout(unit[0], len(rows), max(len(row) for row in rows))
    figure, axes = _canvas(layout, left=0.6)
    draw_cells(axes, layout, {(i, j): image for i, row in enumerate(unit) for j, image in enumerate(row)})
    _row_names(axes, layout, {i: str(name) for i, name in enumerate(images_by_class)})
    return figure


@styled
def filmstrip(
    frames: Sequence[Any], times: Sequence[float], title: str = "", *, value_range: Range | None = None
) -> Figure:
    """Rows are examples, columns are times: `frames[k]` holds every example at `times[k]`.

    Without a `value_range` the range is that of the frame nearest to the data, time 0, so that noise does not
    wash it out.
    """
    if len(frames) != len(times) or len(frames) == 0:
        raise InputError(f"there are {len(frames)} frames and {len(times)} times; expected one time for every frame.")
    strips = [as_images(frame) for frame in frames]
    value_range = value_range or common_range(strips[int(np.argmin(as_numbers(times)))])
    unit = [to_unit(strip, value_range) for strip in strips]
    layout = _layout(unit[0], len(unit[0]), len(unit))
    figure, axes = _canvas(layout, top=0.5 if title else 0.3)
    draw_cells(axes, layout, {(i, k): image for k, strip in enumerate(unit) for i, image in enumerate(strip)})
    for k, time in enumerate(times):
        name = f"t = {time:.2g}" if k == 0 else f"{time:.2g}"
        axes.text(layout.left(k) + layout.width / 2, -0.06 * layout.height, name, ha="center", va="bottom", size=8)
    if title:
        axes.set_title(title, loc="left", pad=16, weight="bold")
    return figure


@styled
def neighbour_grid(samples: Any, neighbours: Any, columns: int = 10, *, value_range: Range | None = None) -> Figure:
    """Every sample above its nearest training image, so that a copy would catch the eye."""
    pairs = [as_images(samples), as_images(neighbours)]
    if len(pairs[0]) != len(pairs[1]):
        raise InputError(
            f"there are {len(pairs[0])} samples and {len(pairs[1])} neighbours; expected one neighbour each."
        )
    above, below = (to_unit(pair, value_range or common_range(*pairs)) for pair in pairs)
    columns = max(1, min(columns, len(above)))
    bands = -(-len(above) // columns)
    layout = _layout(above, 2 * bands, columns, group=2)
    figure, axes = _canvas(layout, left=1.0)
    cells = {(2 * (i // columns), i % columns): image for i, image in enumerate(above)}
    cells |= {(2 * (i // columns) + 1, i % columns): image for i, image in enumerate(below)}
    draw_cells(axes, layout, cells)
    _row_names(axes, layout, {2 * band: "sample" for band in range(bands)}, INK)
    _row_names(axes, layout, {2 * band + 1: "nearest in\ntraining" for band in range(bands)}, QUIET)
    return figure


def _layout(images: Images, rows: int, columns: int, *, group: int = 0, group_gap: float = 0.3) -> Layout:
    height, width = images.shape[1:3]
    return Layout(rows, columns, height, width, group=group, group_gap=group_gap)


def _canvas(layout: Layout, *, left: float = 0.0, top: float = 0.1) -> tuple[Figure, Axes]:
    """A figure as large as the cells need, with room for names at the left and at the top (inches)."""
    width, height = layout.size
    inches = min(WIDTH - left, LARGEST_CELL * width / layout.width)
    figure = new_figure(inches + left + 0.1, inches * height / width + top + 0.1)
    return figure, figure.add_subplot()


def _row_names(axes: Axes, layout: Layout, names: dict[int, str], color: str = INK) -> None:
    for row, name in names.items():
        middle = layout.top(row) + layout.height / 2
        axes.text(-0.15 * layout.width, middle, shorten(name, 24), ha="right", va="center", size=8, color=color)
