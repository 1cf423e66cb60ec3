"""How far from the truth solvers end, against what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = (MODEL, REAL, "#009e73", "#cc79a7", "#d55e00", "#56b4e9", INK)  # Okabe and Ito's
HEIGHT = 2.7  # inches per row


@dataclass(frozen=True)
class ErrorCurve:
    """One solver.

    Attributes:
        name: of the solver; solvers of one name have one colour, and one place in the legend.
        evaluations: of the network, per sample.
        errors: at each.
        quiet: drawn thin and grey, behind the others.
        dashed: drawn broken.
    """

    name: str
    evaluations: Sequence[int]
    errors: Sequence[float]
    quiet: bool = False
    dashed: bool = False


@styled
def error_curves(panels: Mapping[str, Sequence[ErrorCurve]], columns: int = 3) -> Figure:
    """A panel for every problem: error against network evaluations, both axes logarithmic.

    What is not finite is left out.
    """
    rows = math.ceil(len(panels) / columns)
    figure = new_figure(WIDTH, 0.5 + HEIGHT * rows)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    loud = [curve.name for curves in panels.values() for curve in curves if not curve.quiet]
    colors = dict(zip(dict.fromkeys(loud), COLORS, strict=False))
    for axes, (title, curves) in zip(places, panels.items(), strict=False):
        for curve in curves:
            _draw(axes, curve, colors)
        _dress(axes, title, curves)
    for axes in places[len(panels) :]:
        axes.set_visible(False)
    handles = {
        label: handle for axes in places for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=3, labelcolor=INK)
    return figure


def _draw(axes: Axes, curve: ErrorCurve, colors: Mapping[str, str]) -> None:
    known = [point for point in zip(curve.evaluations, curve.errors, strict=True) if math.isfinite(point[1])]
    places, errors = [n for n, _ in known], [error for _, error in known]
    if curve.quiet:
        axes.plot(places, errors, color=QUIET, alpha=0.35, linewidth=0.7, label=curve.name)
        return
    style = "--" if curve.dashed else "-"
    axes.plot(places, errors, style, color=colors[curve.name], marker="o", markersize=3.5, label=curve.name)


def _dress(axes: Axes, title: str, curves: Sequence[ErrorCurve]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")
    axes.set_title(title)
    counts = sorted({n for curve in curves for n in curve.evaluations})
    while len(counts) > 7:
        counts = counts[::2]
    axes.set_xticks(counts, [f"{n}" for n in counts])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("network evaluations")
    axes.grid(color=FAINT)
    loud = [e for curve in curves if not curve.quiet for e in curve.errors if math.isfinite(e) and e > 0]
    if loud:
        axes.set_ylim(min(loud) / 2, max(loud) * 8)
