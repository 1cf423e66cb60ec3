"""Samples of text, by several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unnoise.report.plots._style import INK, WIDTH, bare, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE = 0.16  # inches


@styled
def texts(groups: Mapping[str, Sequence[str]]) -> Figure:
    """For every title its texts, each on a line of letters of equal width; a line break shows as an arrow."""
    lines = sum(len(rows) + 2 for rows in groups.values())
    figure = new_figure(WIDTH, LINE * lines)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(lines, 0))
    bare(axes)
    place = 0.5
    for title, rows in groups.items():
        axes.text(0, place, title, color=INK, va="center", fontsize=8, fontweight="bold")
        for k, row in enumerate(rows, 1):
            shown = row.replace("\n", "\N{RETURN SYMBOL}").replace("$", r"\$")
            axes.text(0, place + k, shown, color=INK, va="center", fontsize=7, family="monospace")
        place += len(rows) + 2
    return figure
