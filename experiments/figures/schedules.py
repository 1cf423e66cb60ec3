"""Noise schedules side by side: where they go, what they see on the way, and how noisy their estimates are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLORS = ("#cc79a7", REAL, "#009e73", MODEL, INK)
HEIGHT = 2.3  # inches per row


@dataclass(frozen=True)
class ScheduleCurve:
    """What is known of one schedule.

    Attributes:
        log_snr: at even times from 0 to 1.
        price: the mean loss in even bins of time.
        mean: of the one-sample estimate of the loss, and its standard error.
        variance: of that estimate, and its standard error.
    """

    log_snr: Any
    price: Any
    mean: tuple[float, float]
    variance: tuple[float, float]


@styled
def schedules(cases: Mapping[str, Mapping[str, ScheduleCurve]], unit: str = "nats") -> Figure:
    """A row for every case: log SNR against time, the loss density along time, and variances as bars.

    Under every curve of the loss density lies the same area: the mean does not depend on the schedule.
    """
    figure = new_figure(WIDTH, 0.35 + HEIGHT * len(cases))
    panels = figure.subplots(len(cases), 3, squeeze=False)
    for (case, curves), row in zip(cases.items(), panels, strict=True):
        for (name, curve), color in zip(curves.items(), COLORS, strict=False):
            row[0].plot(np.linspace(0, 1, len(curve.log_snr)), curve.log_snr, color=color, label=name)
            middles = (np.arange(len(curve.price)) + 0.5) / len(curve.price)
            row[1].plot(middles, curve.price, color=color)
        row[0].set_title(case, loc="left")
        row[0].set_ylabel("log SNR")
        row[1].set_ylabel(f"loss, {unit} per unit time")
        row[1].set_yscale("log")
        _plain(row[1].yaxis)
        typical = np.mean([curve.mean[0] for curve in curves.values()])
        row[1].set_ylim(bottom=typical / 100)
        for axes in row[:2]:
            axes.set_xlabel("time")
            axes.set_xlim(0, 1)
        _bars(row[2], curves, unit)
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(COLORS), labelcolor=QUIET
    )
    return figure


def _bars(axes: Axes, curves: Mapping[str, ScheduleCurve], unit: str) -> None:
    """Variances on a logarithmic axis, with the means, which agree, written beside their names."""
    values, errors = zip(*(curve.variance for curve in curves.values()), strict=True)
    places = np.arange(len(values))[::-1]
    axes.barh(places, values, xerr=errors, color=COLORS[: len(values)], height=0.62, error_kw={"ecolor": INK})
    axes.set_xscale("log")
    _plain(axes.xaxis)
    axes.set_xlim(min(values) / 3, max(values) * 2)
    axes.set_yticks(places, [f"{curve.mean[0]:.2f} ± {curve.mean[1]:.2f}" for curve in curves.values()])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT)
    axes.set_title(f"mean, {unit}", loc="right", x=-0.04, color=QUIET)
    axes.set_xlabel(f"variance of one draw, {unit}²")


def _plain(axis: Axis) -> None:
    """Powers of ten on a logarithmic axis, written out."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(10))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    """1k for 1,000 and 1M for 1,000,000."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
