"""Figures of numbers: log-likelihoods side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, WIDTH, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def likelihood_bars(
    names: Sequence[str],
    values: Sequence[float],
    errors: Sequence[float],
    unit: str,
    *,
    higher_is_better: bool = True,
) -> Figure:
    """Held-out log-likelihoods with standard errors: the model, then baselines.

    Points, since only differences of log densities have a meaning.

    Args:
        names: of the model, which comes first, and of baselines.
        values: one for each, in `unit`.
        errors: their standard errors.
        unit: such as "nats per row" or "bits per dimension".
        higher_is_better: whether the axis says so; false for bits per dimension.

    Raises:
        InputError: not one value and one error for each name.

    >>> figure = likelihood_bars(["model", "mixture"], [-3.1, -3.6], [0.05, 0.04], "nats per row")
    >>> figure.axes[0].get_xlabel()
    'nats per row  (further right is better; ± one standard error)'
    """
    if not len(names) == len(values) == len(errors) or len(names) == 0:
        raise InputError(f"got {len(names)} names, {len(values)} values and {len(errors)} errors; expected one each.")
    places = np.arange(len(names))[::-1]
    figure = new_figure(WIDTH, 0.75 + 0.34 * len(names))
    axes = figure.add_subplot()
    axes.hlines(places, 0, 1, transform=axes.get_yaxis_transform(), color=FAINT, linewidth=0.6)
    for place, value, error, color in zip(places, values, errors, [MODEL] + [QUIET] * len(names), strict=False):
        axes.errorbar(value, place, xerr=error, color=color, marker="o", markersize=6, elinewidth=1.6, capsize=3)
        label = f"{value:.3f} ± {error:.3f}"
        axes.text(1.02, place, label, transform=axes.get_yaxis_transform(), va="center", size=8, color=INK)
    axes.set_yticks(places, [shorten(str(name), 32) for name in names])
    axes.get_yticklabels()[0].set_fontweight("bold")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.margins(x=0.08)
    better = "right" if higher_is_better else "left"
    axes.set_xlabel(f"{unit}  (further {better} is better; ± one standard error)")
    return figure
