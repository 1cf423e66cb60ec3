"""The figure of Markov chains: paths, histograms and autocorrelations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import FAINT, MODEL, QUIET, REAL, WIDTH, as_numbers, new_figure, shorten, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

MOST_COORDINATES = 5
COLORS = (MODEL, REAL, "#009e73", "#cc79a7", "#56b4e9")  # of Okabe and Ito: per chain or coordinate
MOST_CHAINS = len(COLORS)
MOST_MOMENTS = 2_000  # of one chain in one panel
BINS = 40
LEAST_SHARE = 0.5  # of the chains' length: longer lags have few pairs


@styled
def mixing(kept: Any, *, every: int = 1, names: Sequence[str] | None = None) -> Figure:
    r"""Paths of a few chains, the histogram and the autocorrelation of all, for the first coordinates.

    The n chains were kept at m moments, `every` steps apart, (m, n, *event). The autocorrelation is $\rho(l) =
    \mathrm{cov}(x_t, x_{t + l})/\mathrm{var}(x_t)$ around the common mean, so it stays above zero if chains do not
    leave their modes.
    """
    columns = _columns(kept, names)
    figure = new_figure(WIDTH, 0.6 + 1.15 * len(columns))
    panels = figure.subplots(len(columns), 3, squeeze=False, sharex="col", width_ratios=[6, 1, 3])
    for (name, values), (paths, histogram, memory) in zip(columns, panels, strict=True):
        _paths(paths, name, values, every)
        histogram.sharey(paths)
        _histogram(histogram, values)
        _autocorrelation(memory, values, every)
        memory.yaxis.tick_right()
        memory.spines[["left", "right"]].set_visible(False)
    panels[0, 2].set_title("autocorrelation", color=QUIET)
    chains = columns[0][1].shape[1]
    panels[0, 0].set_title(f"{min(MOST_CHAINS, chains)} of {chains:,} chains", color=QUIET)
    panels[-1, 0].set_xlabel("step")
    panels[-1, 2].set_xlabel("steps between")
    return figure


def autocorrelations(values: Numbers) -> Numbers:
    """At the lags 0, ..., m - 1, of one coordinate (m, n)."""
    m = len(values)
    centred = values - values.mean()
    power = np.abs(np.fft.rfft(centred, 2 * m, axis=0)) ** 2  # zeros after the end: no wrapping
    products: Numbers = np.fft.irfft(power.mean(1))[:m] / np.arange(m, 0, -1)
    return products / products[0] if products[0] > 0 else np.ones(m)


def _columns(kept: Any, names: Sequence[str] | None) -> list[tuple[str, Numbers]]:
    positions = as_numbers(kept)
    if positions.ndim < 2 or len(positions) < 2 or positions.size == 0:
        raise InputError(
            f"got positions of shape {positions.shape}; expected (m, n, *event) with at least 2 moments of a chain, as "
            "chains.run(..., keep=1).kept"
        )
    if not np.isfinite(positions).all():
        raise InputError("the positions are not all finite; show the part of the chain before it diverged.")
    rows = positions.reshape(*positions.shape[:2], -1)
    shown = min(rows.shape[2], MOST_COORDINATES)
    called = list(names or _numbered(positions.shape[2:]))[:shown]
    if len(called) < shown:
        raise InputError(f"got the names {called} for {rows.shape[2]} coordinates; expected one for each.")
    return [(shorten(name, 16), rows[:, :, i]) for i, name in enumerate(called)]


def _numbered(event: tuple[int, ...]) -> list[str]:
    """As x of numbers, x0, x1 ... of vectors, x[0, 0] ... of arrays."""
    if len(event) < 2:
        return [f"x{i}" for i in range(event[0])] if event else ["x"]
    return [f"x{list(map(int, np.unravel_index(i, event)))}" for i in range(min(math.prod(event), MOST_COORDINATES))]


def _paths(axes: Axes, name: str, values: Numbers, every: int) -> None:
    moments = np.unique(np.linspace(0, len(values) - 1, MOST_MOMENTS).astype(int))
    for path, color in zip(values[moments].T, COLORS, strict=False):
        axes.plot(every * (moments + 1), path, color=color, linewidth=0.8, alpha=0.8)
    axes.set_ylabel(name, rotation=0, ha="right", va="center")
    axes.margins(x=0.01)
    axes.locator_params(axis="y", nbins=4)


def _histogram(axes: Axes, values: Numbers) -> None:
    axes.stairs(*np.histogram(values, BINS), orientation="horizontal", fill=True, color=QUIET, alpha=0.5)
    axes.set_xticks([])
    axes.tick_params(axis="y", left=False, labelleft=False)
    axes.spines[["left", "bottom"]].set_visible(False)


def _autocorrelation(axes: Axes, values: Numbers, every: int) -> None:
    rho = autocorrelations(values)[: max(2, int(LEAST_SHARE * len(values)) + 1)]
    axes.axhline(0, color=FAINT, linewidth=0.8)
    marker = "o" if len(rho) <= 10 else None
    axes.plot(every * np.arange(len(rho)), rho, color=MODEL, marker=marker, markersize=3)
    axes.set_ylim(min(-0.1, rho.min() - 0.05), 1.05)
    axes.margins(x=0.01)
    axes.grid(axis="y")
