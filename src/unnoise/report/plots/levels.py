"""Figures of frequencies of levels and of tokens, real beside the model's."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise.report.plots._style import (
    MODEL,
    QUIET,
    WIDTH,
    as_numbers,
    new_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LEVELS = 12  # bars of one column
MOST_TOKENS = 64  # rows of a picture of tokens
MOST_PLACES = 400  # columns of a picture of tokens


@styled
def token_frequencies(real: Any, samples: Any, states: int, letters: str = "") -> Figure:
    """The shares of tokens at each place, in two pictures, and those of the samples against the real ones.

    Args:
        real: tokens as whole numbers from 0 on, (n, places); at most 400 places and 64 tokens are drawn.
        samples: those of the model, (m, places).
        states: how many tokens there are.
        letters: one for each token, written at the axis if there are 32 at most.

    >>> rows = np.array([[0, 1, 2], [0, 2, 2]])
    >>> figure = token_frequencies(rows, rows, 3, "abc")
    >>> figure.axes[0].images[0].get_array()[:, 1]  # at the second place b and c half each
    masked_array(data=[0. , 0.5, 0.5], mask=False, fill_value=1e+20)
    """
    shares = [_shares(as_numbers(tokens).astype(int)[:, :MOST_PLACES], states) for tokens in (real, samples)]
    figure = new_figure(WIDTH, 4.6)
    grid = figure.subplot_mosaic([["real", "agree"], ["model", "agree"]], width_ratios=[2.2, 1])
    for name, share, colors in (("real", shares[0], "Oranges"), ("model", shares[1], "Blues")):
        axes = grid[name]
        axes.imshow(share[:, :MOST_TOKENS].T, aspect="auto", cmap=colors, vmin=0.0, vmax=1.0, interpolation="nearest")
        axes.set_title(name, color=QUIET)
        axes.set_ylabel("token")
        if letters and len(letters) <= 32:
            axes.set_yticks(range(len(letters)), list(letters))
    grid["model"].set_xlabel("place")
    axes = grid["agree"]
    axes.plot([0, 1], [0, 1], color=QUIET, linewidth=0.8)
    axes.scatter(shares[0].reshape(-1), shares[1].reshape(-1), s=8, color=MODEL, alpha=0.5, linewidths=0)
    axes.set_xlabel("share, real")
    axes.set_ylabel("share, model")
    axes.set_aspect("equal")
    return figure


def _shares(tokens: NDArray[np.int64], states: int) -> NDArray[np.float64]:
    """(places, states)."""
    places = tokens.shape[1]
    flat = tokens + states * np.arange(places)
    counts = np.bincount(flat.reshape(-1), minlength=places * states)
    return np.asarray(counts.reshape(places, states) / len(tokens))


def most_frequent(*columns: list[Any]) -> list[Any]:
    """The levels that are drawn, the most frequent first."""
    return [level for level, _ in sum(map(Counter, columns), Counter()).most_common(MOST_LEVELS)]
