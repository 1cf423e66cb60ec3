"""Figures of numbers: the loss while training, log-likelihoods side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, INK, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 60  # points of the smoothed curve
FEWEST_FOR_LOG = 50  # steps
MOST_RAW = 4_000  # points of the raw curve that are drawn


@styled
def loss_curve(losses: Any, *, unit: str = "nats per example", looks: Any = (), kept: float | None = None) -> Figure:
    """The loss against the step: raw losses faint, their mean in growing bins.

    The axis is logarithmic unless there are few steps. A smaller panel has the loss of rows held out.

    Args:
        losses: of each step.
        unit: of the losses.
        looks: at rows held out, (looks, 2): after which step, and the loss.
        kept: the step of the look whose weights are kept.
    """
    values = as_numbers(losses).reshape(-1)
    steps = np.arange(1, len(values) + 1)
    steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
    if not len(values):
        raise InputError("got no finite loss to draw; give the loss of at least one step.")
    centres, means = _log_bins(steps, values)
    looked = as_numbers(looks).reshape(-1, 2)
    looked = looked[np.isfinite(looked).all(1)]

    figure = new_figure(WIDTH, 2.7)
    widths = [3, 2] if len(looked) else [1]
    axes, *beside = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
    shown = np.unique(np.geomspace(1, len(values), MOST_RAW).astype(int)) - 1
    axes.plot(steps[shown], values[shown], color=MODEL, alpha=0.22, linewidth=0.7, label="each step")
    marker = "o" if len(means) < 5 else None
    axes.plot(centres, means, color=MODEL, linewidth=1.8, marker=marker, label="mean of nearby steps")
    if len(values) >= FEWEST_FOR_LOG:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.xaxis.set_minor_formatter("")
    elif len(values) > 1:
        axes.locator_params(axis="x", integer=True)
    axes.margins(x=0.01)
    axes.set_ylim(*_limits(values, means))
    axes.set_xlabel("training step")
    axes.set_ylabel(f"loss ({unit})")
    axes.grid(axis="y")
    axes.legend(loc="upper right")
    for panel in beside:
        _draw_looks(panel, looked, kept, centres, means)
    return figure


def _draw_looks(
    axes: Axes,
    looks: NDArray[np.float64],
    kept: float | None,
    centres: NDArray[np.float64],
    means: NDArray[np.float64],
) -> None:
    """The curve of rows held out from the first look on, beside the mean loss, and a ring around the kept look."""
    later = centres >= looks[0, 0]
    axes.plot(centres[later], means[later], color=MODEL, linewidth=1.8)
    axes.plot(*looks.T, color=REAL, marker="o", markersize=2.5, linewidth=1.4, label="rows held out")
    for step, loss in looks[looks[:, 0] == kept]:
        ring: Any = dict(color=INK, marker="o", markersize=8, markerfacecolor="none", linestyle="")
        axes.plot([step], [loss], **ring, label=f"kept: step {step:,.0f}")
    axes.locator_params(axis="x", integer=True, nbins=4)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(*_limits(looks[:, 1], np.concatenate([means[later], [looks[:, 1].min()]])))
    axes.set_xlabel("training step")
    axes.grid(axis="y")
    axes.legend(loc="upper right")


def _log_bins(steps: NDArray[np.int64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    edges = np.unique(np.geomspace(steps[0], steps[-1] + 1, BINS + 1).astype(int))
    starts = np.unique(np.searchsorted(steps, edges[:-1]))
    counts = np.diff([*starts, len(steps)])
    return np.add.reduceat(steps.astype(float), starts) / counts, np.add.reduceat(values, starts) / counts


def _limits(values: NDArray[np.float64], means: NDArray[np.float64]) -> tuple[float, float]:
    """A few spikes are cut."""
    low = min(means.min(), np.percentile(values, 0.5))
    high = max(means.max(), np.percentile(values, 99))
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


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
