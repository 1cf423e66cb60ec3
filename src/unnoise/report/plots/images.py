"""Figures of images: grids, filmstrips from noise to data, samples with their neighbours.

Images are (n, h, w), (n, c, h, w) or (n, h, w, c) with one or three channels. `value_range` is by default that of the
values without outliers. A figure is one pair of axes, quick to lay out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import INK, QUIET, WIDTH, as_numbers, bare, check_frames, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Images = NDArray[np.float64]
Range = tuple[float, float]
OUTLIERS = 0.2  # per cent at either end, outside the automatic range
LARGEST_CELL = 0.72  # inches
TITLE_ROOM = 0.16  # of a cell's height


@dataclass(frozen=True)
class Layout:
    """Cells of `height` x `width` pixels, with a gap of `gap` cell widths, wider after every `group` rows."""

    rows: int
    columns: int
    height: int
    width: int
    gap: float = 0.08
    group: int = 0
    group_gap: float = 0.3

    def left(self, column: int) -> float:
        """The left edge of a column, in pixels."""
        return column * self.width * (1 + self.gap)

    def top(self, row: int) -> float:
        """The top edge of a row, in pixels."""
        extra = (row // self.group) * self.group_gap if self.group else 0.0
        return row * (self.height + self.gap * self.width) + extra * self.height

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) of all cells, in pixels."""
        return self.left(self.columns - 1) + self.width, self.top(self.rows - 1) + self.height


@styled
def image_grid(
    images: Any, titles: Sequence[str] | None = None, columns: int = 10, *, value_range: Range | None = None
) -> Figure:
    """Images row by row, with small titles.

    Args:
        images: (n, h, w), (n, c, h, w) or (n, h, w, c), c 1 or 3; none is an InputError.
        titles: one for each, cut to 12 letters.
        columns: in a row.
        value_range: the values drawn as black and as white; by default those of the images, without outliers.

    >>> image_grid(np.zeros((3, 8, 8)), titles=["a", "b", "c"]).axes[0].texts[2].get_text()
    'c'
    """
    (unit,) = _units([images], value_range)
    columns = max(1, min(columns, len(unit)))
    layout = _layout(unit, -(-len(unit) // columns), columns, group=1 if titles else 0, group_gap=2 * TITLE_ROOM)
    figure, axes = _canvas(layout)
    _draw(axes, layout, {divmod(i, columns): image for i, image in enumerate(unit)})
    for i, title in enumerate(titles or ()):
        row, column = divmod(i, columns)
        x, y = layout.left(column) + layout.width / 2, layout.top(row) - 0.04 * layout.height
        axes.text(x, y, shorten(title, 12), ha="center", va="bottom", size=7, color=QUIET)
    return figure


@styled
def class_grid(images_by_class: Mapping[Any, Any], *, value_range: Range | None = None) -> Figure:
    """One row per class, of any length, with its name at the left.

    Args:
        images_by_class: images of each class, laid out as those of `image_grid`; none is an InputError.
        value_range: the values drawn as black and as white.

    >>> class_grid({"seven": np.zeros((2, 8, 8)), "nine": np.ones((3, 8, 8))}).axes[0].texts[1].get_text()
    'nine'
    """
    if not images_by_class:
        raise InputError("got no class to show; give at least one class with its images.")
    unit = _units(list(images_by_class.values()), value_range)
    layout = _layout(unit[0], len(unit), max(len(row) for row in unit))
    figure, axes = _canvas(layout, left=0.6)
    _draw(axes, layout, {(i, j): image for i, row in enumerate(unit) for j, image in enumerate(row)})
    _row_names(axes, layout, {i: str(name) for i, name in enumerate(images_by_class)})
    return figure


@styled
def filmstrip(frames: Sequence[Any], times: Sequence[float], *, value_range: Range | None = None) -> Figure:
    """Rows are examples, columns are times: `frames[k]` holds every example at `times[k]`.

    The frame nearest to time 0, the data, decides the range.

    Args:
        frames: images (n, ...) at each time, laid out as those of `image_grid`.
        times: one for each frame, else InputError; 1 is noise, 0 data.
        value_range: the values drawn as black and as white.

    >>> filmstrip([np.zeros((2, 8, 8))] * 3, [1.0, 0.5, 0.0]).axes[0].texts[0].get_text()
    't = 1'
    """
    check_frames(frames, times)
    clean = frames[int(np.argmin(as_numbers(times)))]
    unit = _units(frames, value_range or common_range(as_images(clean)))
    layout = _layout(unit[0], len(unit[0]), len(unit))
    figure, axes = _canvas(layout, top=0.3)
    _draw(axes, layout, {(i, k): image for k, strip in enumerate(unit) for i, image in enumerate(strip)})
    for k, time in enumerate(times):
        name = f"t = {time:.2g}" if k == 0 else f"{time:.2g}"
        axes.text(layout.left(k) + layout.width / 2, -0.06 * layout.height, name, ha="center", va="bottom", size=8)
    return figure


@styled
def neighbour_grid(samples: Any, neighbours: Any, columns: int = 10, *, value_range: Range | None = None) -> Figure:
    r"""Every sample above its nearest training image, to show copies.

    Args:
        samples: (n, ...), laid out as the images of `image_grid`.
        neighbours: the nearest training image of each, as `evaluation.nearest_training` finds them; else InputError.
        columns: in a row.
        value_range: the values drawn as black and as white.

    >>> figure = neighbour_grid(np.zeros((2, 8, 8)), np.ones((2, 8, 8)))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['sample', 'nearest in\ntraining']
    """
    above, below = _units([samples, neighbours], value_range)
    if len(above) != len(below):
        raise InputError(f"got {len(above)} samples and {len(below)} neighbours; expected one neighbour each.")
    columns = max(1, min(columns, len(above)))
    bands = -(-len(above) // columns)
    layout = _layout(above, 2 * bands, columns, group=2)
    figure, axes = _canvas(layout, left=1.0)
    cells = {(2 * (i // columns), i % columns): image for i, image in enumerate(above)}
    cells |= {(2 * (i // columns) + 1, i % columns): image for i, image in enumerate(below)}
    _draw(axes, layout, cells)
    _row_names(axes, layout, {2 * band: "sample" for band in range(bands)}, INK)
    _row_names(axes, layout, {2 * band + 1: "nearest in\ntraining" for band in range(bands)}, QUIET)
    return figure


def as_images(values: Any) -> Images:
    """Any allowed form as (n, h, w, channels)."""
    images = as_numbers(values)
    if images.size == 0:
        raise InputError("got no image to show; give at least one.")
    if images.ndim == 3:
        return images[..., None]
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return np.moveaxis(images, 1, -1)
    if images.ndim == 4 and images.shape[-1] in (1, 3):
        return images
    raise InputError(
        f"got images of shape {images.shape}; expected (n, height, width), with 1 or 3 channels after n or at the end."
    )


def common_range(*groups: Images) -> Range:
    """The range of all finite values but outliers."""
    values = np.concatenate([group.reshape(-1) for group in groups])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [OUTLIERS, 100 - OUTLIERS])
    return float(low), float(high)


def to_unit(images: Images, value_range: Range) -> Images:
    """The range becomes [0, 1]; NaN becomes the low end."""
    low, high = value_range
    finite = np.nan_to_num(images, nan=low, posinf=high, neginf=low)
    return np.clip((finite - low) / (high - low if high > low else 1.0), 0.0, 1.0)


def _units(groups: Sequence[Any], value_range: Range | None) -> list[Images]:
    images = [as_images(group) for group in groups]
    shared = value_range or common_range(*images)
    return [to_unit(group, shared) for group in images]


def _layout(images: Images, rows: int, columns: int, *, group: int = 0, group_gap: float = 0.3) -> Layout:
    height, width = images.shape[1:3]
    return Layout(rows, columns, height, width, group=group, group_gap=group_gap)


def _canvas(layout: Layout, *, left: float = 0.0, top: float = 0.1) -> tuple[Figure, Axes]:
    """Room in inches."""
    width, height = layout.size
    inches = min(WIDTH - left, LARGEST_CELL * width / layout.width)
    figure = new_figure(inches + left + 0.1, inches * height / width + top + 0.1)
    return figure, figure.add_subplot()


def _draw(axes: Axes, layout: Layout, cells: dict[tuple[int, int], Images]) -> None:
    """At (row, column), unit-range images (h, w, 1) or (h, w, 3)."""
    for (row, column), image in cells.items():
        left, top = layout.left(column), layout.top(row)
        extent = (left, left + layout.width, top + layout.height, top)
        axes.imshow(np.broadcast_to(image, (*image.shape[:2], 3)), extent=extent, interpolation="nearest")
    width, height = layout.size
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    bare(axes)


def _row_names(axes: Axes, layout: Layout, names: dict[int, str], color: str = INK) -> None:
    for row, name in names.items():
        middle = layout.top(row) + layout.height / 2
        axes.text(-0.15 * layout.width, middle, shorten(name, 24), ha="right", va="center", size=8, color=color)
