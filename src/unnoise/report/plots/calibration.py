"""Curves of calibration beside the band that those of a calibrated model lie in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from unnoise.evaluation import CalibrationCurve
from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, WIDTH, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BAD = "#b3261e"  # the red of the page, for what is not to be believed
Curves = Sequence[tuple[str, CalibrationCurve, bool]]  # name, curve, whether it is to be believed


@styled
def calibration_curves(panels: Sequence[tuple[str, str, Curves]]) -> Figure:
    r"""Shares of truths inside regions of each level, a panel for each check; calibrated models lie on the diagonal.

    The grey band is that of chance of the first curve, which is thick; a curve that is not to be believed is red.

    Args:
        panels: of each a title, the name of its levels, and curves: name, `CalibrationCurve`, whether it is believed.

    >>> import numpy as np
    >>> level = np.linspace(0, 1, 5)
    >>> curve = CalibrationCurve(level, level**1.1, level - 0.1, level + 0.1, rate=0.01)
    >>> calibration_curves([("expected coverage", "level of the region", [("all", curve, True)])]).axes[0].get_title()
    'expected coverage\nwithin chance'
    """
    figure = new_figure(WIDTH, 0.5 + WIDTH / max(len(panels), 3))
    axes_of = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (title, level, curves) in zip(axes_of, panels, strict=True):
        good = all(believed for _, _, believed in curves)
        axes.set_title(f"{title}\n{'within chance' if good else 'not to be believed'}", color=INK if good else BAD)
        axes.set_xlabel(level)
        axes.set_aspect("equal")
        _band(axes, curves[0][1])
        for place, (name, curve, believed) in enumerate(curves):
            _curve(axes, name, curve, believed, first=place == 0)
        if len(curves) > 1:
            axes.legend(loc="upper left", fontsize=7, handlelength=1.2, borderaxespad=0.1)
    axes_of[0].set_ylabel("share of truths")
    return figure


def _band(axes: Axes, curve: CalibrationCurve) -> None:
    axes.fill_between(curve.level, curve.lower, curve.upper, color=FAINT, alpha=0.6, linewidth=0)
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8, linestyle=":")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)


def _curve(axes: Axes, name: str, curve: CalibrationCurve, believed: bool, first: bool) -> None:
    color = MODEL if believed else BAD
    look: dict[str, Any] = {"linewidth": 1.6, "zorder": 3} if first else {"linewidth": 0.8, "alpha": 0.6}
    axes.plot(curve.level, curve.share, color=color, label=shorten(name, 16), **look)
    if not believed:
        out = curve.outside
        axes.scatter(curve.level[out], curve.share[out], color=BAD, s=8 if first else 4, zorder=3)
