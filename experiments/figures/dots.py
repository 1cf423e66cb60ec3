"""One number of several things by several methods, panel by panel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW = 0.24  # inches
COLORS = (MODEL, REAL, "#009e73", "#cc79a7", INK, QUIET)
MARKERS = "oD^vsP"


@dataclass(frozen=True)
class Panel:
    """What one panel shows.

    Attributes:
        title: what is measured, and which way is better.
        names: of the things.
        methods: by name, a number for each thing.
    """

    title: str
    names: Sequence[str]
    methods: Mapping[str, Any]


@styled
def dots(panels: Sequence[Panel]) -> Figure:
    """Panels side by side, a line for each thing, the first on top, and on it a mark for every method.

    A method has one colour and mark in all panels; the first, in the colour of models, is drawn last.

    Raises:
        InputError: no panel, or other numbers of things and values.
    """
    if not panels:
        raise InputError("got no panels to draw; expected at least one")
    order = list(dict.fromkeys(method for panel in panels for method in panel.methods))
    figure = new_figure(WIDTH, 0.9 + ROW * max(len(panel.names) for panel in panels))
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    seen = {}
    for axes, panel in zip(every, panels, strict=True):
        height = -np.arange(len(panel.names))
        for k, method in reversed(list(enumerate(order))):
            if method not in panel.methods:
                continue
            numbers = as_numbers(panel.methods[method])
            if numbers.shape != height.shape:
                raise InputError(f"got {numbers.shape} values of {method!r} for {len(height)} names; expected as many")
            look: dict[str, Any] = {"color": COLORS[k % len(COLORS)], "marker": MARKERS[k % len(MARKERS)]}
            seen[method] = axes.plot(numbers, height, markersize=4.2, linewidth=0, alpha=0.85, **look)[0]
        axes.set_yticks(height, [shorten(name, 22) for name in panel.names])
        axes.set_ylim(0.6 - len(panel.names), 0.6)
        axes.set_title(panel.title, color=QUIET, size=8)
        axes.grid(axis="both", color=FAINT)
        axes.tick_params(axis="y", length=0)
    handles = [seen[method] for method in order]
    figure.legend(handles, order, loc="outside lower center", ncols=min(len(order), 5), labelcolor=QUIET)
    return figure
