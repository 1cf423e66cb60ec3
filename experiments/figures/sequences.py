"""Figures of aligned sequences: logos, observed above made, and rows of letters such as the steps of a chain."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.report.plots._style import MODEL, QUIET, REAL, WIDTH, as_numbers, bare, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, a group of letters each; orange and blue are left to what is observed and made
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#4d5966", "#cc79a7", "#b8860b", "#56b4e9", "#1f2933")
PER_LINE = 50  # columns of a logo
LOWEST = 0.02  # bits: letters that are smaller are left out
Box = tuple[float, float, float, float]  # left, bottom, width, height


@styled
def logos(real: Any, samples: Any, letters: str, groups: Sequence[str]) -> Figure:
    r"""Sequence logos, a line of columns of what was observed above the same line of what was made.

    A stack is $\log_2 S - H$ bits high, H the entropy of its column, and its letters share the height by how often
    they are there (Schneider and Stephens 1990). Gaps count, and are not drawn.

    Args:
        real: rows of numbers of letters, (n, columns), 0 for a gap.
        samples: the same of the model.
        letters: the alphabet, the gap first.
        groups: letters that share a colour.
    """
    shares = [_shares(as_numbers(rows).astype(int), len(letters)) for rows in (real, samples)]
    if shares[0].shape != shares[1].shape:
        raise InputError(
            f"there are {len(shares[0])} columns of what was observed and {len(shares[1])} of what was made; expected "
            "the same columns"
        )
    columns = len(shares[0])
    lines = -(-columns // PER_LINE)
    figure = new_figure(1.6 * WIDTH, 0.3 + 1.75 * lines)
    grid = figure.subplots(2 * lines, 1, squeeze=False, gridspec_kw={"hspace": 0.05})[:, 0]
    for line in range(lines):
        first = line * PER_LINE
        for axes, share, name, colour in zip(
            grid[2 * line : 2 * line + 2], shares, ("real", "model"), (REAL, MODEL), strict=True
        ):
            _logo(axes, share[first : first + PER_LINE], first, letters, groups)
            axes.set_ylabel(name, color=colour, fontweight="bold")
    for axes in grid[::2]:
        axes.tick_params(axis="x", labelbottom=False)
    grid[-1].set_xlabel("column of the alignment (height in bits)")
    return figure


@styled
def letter_rows(rows: Any, letters: str, groups: Sequence[str], names: Sequence[str], label: str = "") -> Figure:
    """Every row as a line of coloured letters; a letter that differs from the one above it is strong, others pale.

    Args:
        rows: numbers of letters, (rows, columns), 0 for a gap.
        letters: the alphabet, the gap first.
        groups: letters that share a colour.
        names: of the rows.
        label: what the names are.
    """
    numbers = as_numbers(rows).astype(int)
    if len(names) != len(numbers):
        raise InputError(f"there are {len(names)} names for {len(numbers)} rows; expected one each.")
    count, columns = numbers.shape
    figure = new_figure(0.1 * columns + 0.8, 0.17 * count + 0.5)
    axes = figure.add_subplot()
    changed = np.ones_like(numbers, dtype=bool)
    changed[1:] = numbers[1:] != numbers[:-1]
    for strong in (False, True):
        boxes, shown = [], []
        for row, column in zip(*np.nonzero((changed == strong) & (numbers > 0)), strict=True):
            boxes.append((column + 0.1, count - row - 0.88, 0.8, 0.76))
            shown.append(letters[numbers[row, column]])
        _draw(axes, boxes, shown, groups, alpha=1.0 if strong else 0.38)
    axes.set_xlim(0, columns)
    axes.set_ylim(0, count)
    bare(axes)
    axes.set_yticks(count - np.arange(count) - 0.5, names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel(label)
    return figure


def _shares(rows: NDArray[np.int64], states: int) -> NDArray[np.float64]:
    """(columns, letters)."""
    return np.stack([(rows == state).mean(0) for state in range(states)], 1)


def _logo(axes: Axes, shares: NDArray[np.float64], first: int, letters: str, groups: Sequence[str]) -> None:
    logs = np.log2(np.where(shares > 0, shares, 1.0))
    heights = shares * (np.log2(shares.shape[1]) + (shares * logs).sum(1, keepdims=True))
    boxes, shown = [], []
    for column, stack in enumerate(heights):
        bottom = 0.0
        for state in np.argsort(stack):
            if state and stack[state] > LOWEST:
                boxes.append((first + column + 0.55, bottom, 0.9, float(stack[state])))
                shown.append(letters[state])
                bottom += float(stack[state])
    _draw(axes, boxes, shown, groups)
    axes.set_xlim(first + 0.4, first + PER_LINE + 0.6)
    axes.set_ylim(0, np.log2(shares.shape[1]))
    last = first + len(shares)
    axes.set_xticks(range(first + 1, last + 1, 7))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_bounds(first + 0.5, last + 0.5)


def _draw(axes: Axes, boxes: list[Box], letters: list[str], groups: Sequence[str], alpha: float = 1.0) -> None:
    """Letters stretched to fill their boxes."""
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path

    colours = dict(_coloured(tuple(groups)))
    paths = []
    for (left, bottom, width, height), letter in zip(boxes, letters, strict=True):
        outline, codes = _glyph(letter)
        paths.append(Path(outline * (width, height) + (left, bottom), codes))
    faces = [colours.get(letter, QUIET) for letter in letters]
    axes.add_collection(PathCollection(paths, facecolors=faces, edgecolors="none", alpha=alpha))


def _coloured(groups: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(letter, colour) for group, colour in zip(groups, itertools.cycle(COLOURS)) for letter in group]


@cache
def _glyph(letter: str) -> tuple[NDArray[np.float64], Any]:
    """The outline of a letter in the unit square, and its codes; I keeps its slimness."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    drawn = TextPath((0, 0), letter, size=1, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    outline = np.asarray(drawn.vertices, dtype=np.float64)
    low = outline.min(0)
    size = outline.max(0) - low
    slim = min(1.0, float(size[0]) / 0.55)  # of the width of other letters
    return (outline - low) / size * (slim, 1.0) + (0.5 * (1 - slim), 0.0), drawn.codes
