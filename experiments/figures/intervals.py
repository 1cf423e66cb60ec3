"""Numbers with their uncertainty, by several methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots._style import (
    FAINT,
    INK,
    MODEL,
    QUIET,
    REAL,
    WIDTH,
    as_numbers,
    new_figure,
    shorten,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLORS = (INK, MODEL, REAL, "#009e73", "#cc79a7")
ROW = 0.2  # inches


@styled
def intervals(names: Sequence[str], methods: Mapping[str, Any], unit: str = "") -> Figure:
    """A line for every name, largest first method on top, and on it a point and an interval for every method.

    Args:
        names: of the numbers.
        methods: by name, the low end, the middle and the high end of every number, (3, names).
        unit: of all numbers, for the axis.

    Raises:
        InputError: as many intervals as names are expected of every method, and at least one method.
    """
    ends = {method: as_numbers(values) for method, values in methods.items()}
    if not ends or any(values.shape != (3, len(names)) for values in ends.values()):
        shapes = {method: values.shape for method, values in ends.items()}
        raise InputError(f"got intervals of the shapes {shapes}; expected (3, {len(names)}) of at least one method")
    figure = new_figure(WIDTH, 0.7 + ROW * len(names))
    axes = figure.add_subplot()
    order = np.argsort(next(iter(ends.values()))[1])
    apart = 0.7 / len(ends)
    for k, (method, (low, middle, high)) in enumerate(ends.items()):
        height = np.arange(len(names)) + apart * (0.5 * (len(ends) - 1) - k)
        error = np.stack([middle - low, high - middle])[:, order]
        color = COLORS[k % len(COLORS)]
        look: dict[str, Any] = {"fmt": "o", "markersize": 2.2, "elinewidth": 1.1, "color": color, "ecolor": color}
        axes.errorbar(middle[order], height, xerr=error, label=method, **look)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_yticks(range(len(names)), [shorten(names[i], 30) for i in order])
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.grid(axis="y", color=FAINT)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit)
    figure.legend(loc="outside upper right", ncols=len(ends), labelcolor=QUIET)
    return figure
