"""Figures of one column given another, real beside the model's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise.report.plots._style import QUIET, legend, named_panels, shorten, styled
from unnoise.report.plots.columns import bins_of, finite, histograms
from unnoise.report.plots.levels import bars, most_frequent

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def conditionals(groups: Mapping[str, tuple[Any, Any]], name: str) -> Figure:
    """A panel per group of rows: the column in real rows and in the model's draws for the same group.

    Numbers are drawn as histograms, texts and truth values as bars; all panels share their axes.

    Args:
        groups: words for the group -> the values of real rows, and draws.
        name: of the column.
    """
    real, draws = (np.concatenate([np.asarray(pair[i]) for pair in groups.values()]) for i in (0, 1))
    figure, panels = named_panels(list(groups), len(groups), 1.9, 0.5)
    if real.dtype.kind in "iuf":
        bins = bins_of(finite(real), finite(draws))
        for words, axes in panels.items():
            histograms(axes, finite(groups[words][0]), finite(groups[words][1]), bins)
    else:
        levels = most_frequent(real.tolist(), draws.tolist())
        for words, axes in panels.items():
            first, second = (np.asarray(part).tolist() for part in groups[words])
            bars(axes, first, second, levels)
    highest = max(axes.get_ylim()[1] for axes in panels.values())
    for axes in panels.values():
        axes.set_ylim(0, highest)
    figure.supxlabel(shorten(name, 60), size=8, color=QUIET)
    figure.supylabel("share of rows", size=8, color=QUIET)
    legend(figure)
    return figure
