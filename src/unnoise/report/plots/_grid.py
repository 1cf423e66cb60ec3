"""Many small pictures as one: the cells of a table in a single pair of axes, quick to lay out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import as_numbers, bare

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Images = NDArray[np.float64]
Range = tuple[float, float]
OUTLIERS = 0.2  # per cent at either end that the automatic range leaves out


def as_images(values: Any) -> Images:
    """(n, h, w), (n, 1, h, w), (n, 3, h, w), (n, h, w, 1) or (n, h, w, 3) as (n, h, w, channels)."""
    images = as_numbers(values)
    if images.size == 0:
        raise InputError("there is no image to show; give at least one.")
    if images.ndim == 3:
        return images[..., None]
    if images.ndim == 4 and images.shape[1] in (1, 3):
        return np.moveaxis(images, 1, -1)
    if images.ndim == 4 and images.shape[-1] in (1, 3):
        return images
    raise InputError(
        f"the images have shape {images.shape}; expected (n, height, width), or 1 or 3 channels "
        "besides, after n or at the end."
    )


def common_range(*groups: Images) -> Range:
    """The range of all finite values without their outliers."""
    values = np.concatenate([group.reshape(-1) for group in groups])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, [OUTLIERS, 100 - OUTLIERS])
    return float(low), float(high)


def to_unit(images: Images, value_range: Range) -> Images:
    """Scale the range to [0, 1] and clip; what is not finite is shown as the low end."""
    low, high = value_range
    finite = np.nan_to_num(images, nan=low, posinf=high, neginf=low)
    return np.clip((finite - low) / (high - low if high > low else 1.0), 0.0, 1.0)


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
        return column * self.width * (1 + self.gap)

    def top(self, row: int) -> float:
        extra = (row // self.group) * self.group_gap if self.group else 0.0
        return row * (self.height + self.gap * self.width) + extra * self.height

    @property
    def size(self) -> tuple[float, float]:
        """(width, height) of all in pixels."""
        return self.left(self.columns - 1) + self.width, self.top(self.rows - 1) + self.height


def draw_cells(axes: Axes, layout: Layout, cells: dict[tuple[int, int], Images]) -> None:
    """Draw unit-range images at (row, column); an image is (h, w, 1) or (h, w, 3)."""
    for (row, column), image in cells.items():
        left, top = layout.left(column), layout.top(row)
        axes.imshow(
            np.broadcast_to(image, (*image.shape[:2], 3)),
            extent=(left, left + layout.width, top + layout.height, top),
            interpolation="nearest",
        )
    width, height = layout.size
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    bare(axes)
