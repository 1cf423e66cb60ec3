"""Pictures of one column: a histogram of numbers, bars of levels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

from unnoise.data._numerics import Values
from unnoise.look.drawing import (
    ALIKE,
    BOTTOM,
    DATA,
    HEIGHT,
    LEFT,
    MODEL,
    RIGHT,
    TOP,
    WIDTH,
    Numbers,
    Plate,
    Side,
    Word,
    axis,
    percent,
    scaled,
    steps,
    svg,
)
from unnoise.report.plots.columns import bins_of, finite

MOST_LEVELS = 12  # bars that are seen at once


def histogram(name: str, sides: Sequence[Side], word: Word, ends: tuple[float, float] | None = None) -> Plate:
    """Shares of rows in bins: the data filled, the model as a line, rows alike dashed.

    Args:
        name: of the column.
        sides: what is drawn, the model among them.
        word: how a number is written.
        ends: the range of the axis, as of an angle; by default that of nearly all values.
    """
    held = {side.look: finite(side.values[0]) for side in sides}
    first = held[MODEL]
    bins = bins_of(held.get(DATA, first), first) if ends is None else np.linspace(*ends, 37)
    shares = {look: _shares(values, bins) for look, values in held.items()}
    highest = max((share.max() for share in shares.values() if share.size), default=1.0) or 1.0
    bottom, edges = HEIGHT - BOTTOM, scaled(bins, bins[0], bins[-1], LEFT, WIDTH - RIGHT)
    drawn = [
        steps(scaled(shares[look], 0, highest, bottom, TOP), edges, bottom, look, closed=look == DATA)
        for look in (DATA, ALIKE, MODEL)
        if look in shares and held[look].size
    ]
    words = "; ".join(f"{side.label}: {spread(held[side.look], word)}" for side in reversed(sides))
    drawing = svg(
        WIDTH,
        HEIGHT,
        f"Histogram of {name}. {words}",
        *drawn,
        axis(bins[0], bins[-1], word, LEFT, WIDTH - RIGHT, bottom),
    )
    rows = [
        (f"{word(low)} to {word(high)}", *(percent(float(shares[side.look][i])) for side in sides))
        for i, (low, high) in enumerate(zip(bins[:-1].tolist(), bins[1:].tolist(), strict=True))
    ]
    return Plate(name, drawing, words, (name, *(side.label for side in sides)), tuple(rows))


def spread(values: Numbers, word: Word) -> str:
    """The middle value, and between which nine of ten lie.

    >>> spread(np.arange(101.0), lambda value: f"{value:g}")
    'middle 50, nine of ten from 5 to 95'
    """
    if not values.size:
        return "no values"
    low, middle, high = map(word, np.percentile(values, [5, 50, 95], method="nearest").tolist())
    return f"nearly always {middle}" if low == high else f"middle {middle}, nine of ten from {low} to {high}"


def _shares(values: Numbers, bins: Numbers) -> Numbers:
    return np.asarray(np.histogram(values, bins)[0] / max(len(values), 1))


def bars(name: str, sides: Sequence[Side], levels: Sequence[str], exact: Values | None = None) -> Plate:
    """A line of the table for each level: its name, a bar for each side, the numbers.

    Args:
        name: of the column.
        sides: what is drawn, the model among them, texts of levels.
        levels: all of them.
        exact: the model's probability of each level, where it is known; else the share of its rows.
    """
    shares = {side.look: _frequencies(side.values[0], levels) for side in sides}
    if exact is not None:
        shares[MODEL] = np.asarray(exact, dtype=np.float64)
    order = np.argsort(-np.max([*shares.values()], axis=0), kind="stable").tolist()
    highest = max(float(share.max()) for share in shares.values() if share.size) or 1.0
    lines = [_bar(levels[i], [(side.look, float(shares[side.look][i])) for side in sides], highest) for i in order]
    head = "".join(f'<th scope="col" class="number">{escape(side.label)}</th>' for side in sides)
    head = f'<tr><th scope="col">{escape(name)}</th><td></td>{head}</tr>'
    table = '<div class="scroll"><table class="bars">{}<thead>{}</thead><tbody>{}</tbody></table></div>'
    caption = f'<caption class="aside">Levels of {escape(name)}, the most frequent first</caption>'
    drawing = table.format(caption, head, "".join(lines[:MOST_LEVELS]))
    if len(lines) > MOST_LEVELS:
        more = table.format("", head, "".join(lines[MOST_LEVELS:]))
        drawing += f"<details><summary>{len(lines) - MOST_LEVELS} more levels</summary>{more}</details>"
    top = levels[int(shares[MODEL].argmax())] if levels else "nothing"
    how = "its probabilities" if exact is not None else "shares of its rows"
    words = f"The model most often says {top}; its numbers are {how}."
    return Plate(name, Markup(drawing), words)


def _frequencies(values: Values, levels: Sequence[str]) -> Numbers:
    counts = Counter(map(str, values.tolist()))
    return np.array([counts[level] for level in levels], dtype=np.float64) / max(len(values), 1)


def _bar(level: str, shares: Sequence[tuple[str, float]], highest: float) -> str:
    height = 8 * len(shares)
    drawn = "".join(
        f'<rect y="{8 * i + 1}" width="{100 * share / highest:.2f}" height="6" class="bar {look}"/>'
        for i, (look, share) in enumerate(shares)
    )
    picture = f'<svg aria-hidden="true" viewBox="0 0 100 {height}" preserveAspectRatio="none" class="bar">{drawn}</svg>'
    numbers = "".join(f'<td class="number">{percent(share)}</td>' for _, share in shares)
    return f'<tr><th scope="row">{escape(level)}</th><td class="bar">{picture}</td>{numbers}</tr>'
