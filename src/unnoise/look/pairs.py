"""Pictures of two columns: points, shares in the cells of a table or of a torus, places on a map."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.look.drawing import (
    LETTER,
    MODEL,
    SQUARE,
    Numbers,
    Plate,
    Side,
    Word,
    axis,
    beside,
    dots,
    line,
    percent,
    plain,
    scaled,
    svg,
    text,
    ticks,
)
from unnoise.report.plots._style import as_numbers, shorten

MOST_POINTS = 600  # of each side
MOST_CODES = 10  # rows or columns of a table of shares
TURN_CELLS = 36  # of a circle
OUTLIERS = 0.5  # per cent at either end, outside the axes
MAP_WIDTH, MAP_HEIGHT = 720, 350
START, END = 52, SQUARE - 10  # of the axes of a square
Names = tuple[str, str]


def scatter(names: Names, sides: Sequence[Side], word: tuple[Word, Word]) -> Plate:
    """Points, the data below as rings, the model above as dots."""
    held = [(side, as_numbers(side.values[0]), as_numbers(side.values[1])) for side in sides]
    x_range, y_range = _range([x for _, x, _ in held]), _range([y for _, _, y in held])
    start = max(START, 28 + LETTER * max(len(word[1](value)) for value in ticks(*y_range)))
    drawn = []
    for side, x, y in held:
        chosen = _chosen(len(x))
        inside = _within(x[chosen], x_range) & _within(y[chosen], y_range)
        places = scaled(x[chosen][inside], *x_range, start, END), scaled(y[chosen][inside], *y_range, END - 20, 10)
        drawn.append(dots(*places, side.look))
    words = "; ".join(f"{side.label}: correlation {_correlation(x, y)}" for side, x, y in held)
    axes = axis(*x_range, word[0], start, END, END - 20) + _upright(*y_range, word[1], start)
    drawing = svg(
        SQUARE,
        SQUARE + 12,
        f"{names[1]} against {names[0]}. {words}",
        axes,
        _names(names, start, 12),
        *drawn,
        look="square",
    )
    rows = [(side.label, f"{len(x):,}", _correlation(x, y)) for side, x, y in held]
    return Plate(f"{names[0]} and {names[1]}", drawing, words, ("rows of", "how many", "correlation"), tuple(rows))


def shares(names: Names, sides: Sequence[Side], word: tuple[Word, Word]) -> Plate:
    """The shares of rows in the cells of a table, one table for each side: the deeper, the more."""
    codes = [_codes([side.values[i] for side in sides], word[i]) for i in (0, 1)]
    (columns, across), (lines, down) = codes
    tables = [_table(x, y, len(columns), len(lines)) for x, y in zip(across, down, strict=True)]
    highest = max(float(table.max()) for table in tables) or 1.0
    drawn = [
        svg(SQUARE, SQUARE, f"Shares of rows, {side.label}", *_tabled(table / highest, columns, lines, side))
        for side, table in zip(sides, tables, strict=True)
    ]
    model = tables[[side.look for side in sides].index(MODEL)]
    rows = [(line_, *(percent(float(model[i, j])) for i in range(len(columns)))) for j, line_ in enumerate(lines)]
    caption = f"{names[0]} across, {names[1]} down; the deeper a cell, the more rows. The table has the model's shares."
    title = f"{names[0]} and {names[1]}"
    return Plate(title, beside(drawn), caption, (names[1], *columns), tuple(rows), wide=True)


def _tabled(depths: Numbers, columns: Sequence[str], lines: Sequence[str], side: Side) -> list[str]:
    """The parts of one table, of depths from 0 to 1."""
    left, top, bottom = 104, 24, SQUARE - 64
    width, height = (SQUARE - left - 4) / max(len(columns), 1), (bottom - top) / max(len(lines), 1)
    parts = [text((left + SQUARE) / 2, 14, side.label, look="name")]
    for (i, j), depth in np.ndenumerate(depths):
        if depth:
            at = f'x="{left + i * width:.1f}" y="{top + j * height:.1f}" width="{width:.1f}" height="{height:.1f}"'
            parts.append(f'<rect {at} class="cell {side.look}" fill-opacity="{math.sqrt(depth):.2f}"/>')
    for i, label in enumerate(columns):
        x, y = left + (i + 0.5) * width, bottom + 14
        more = f' transform="rotate(-35 {x:.1f} {y:.1f})"' if len(columns) > 3 else ""
        parts.append(text(x, y, shorten(label, 13), "end" if more else "middle", more=more))
    parts += [text(left - 6, top + 4 + (j + 0.5) * height, shorten(one, 15), "end") for j, one in enumerate(lines)]
    return parts


def torus(names: Names, sides: Sequence[Side], turn: float, starts: tuple[float, float]) -> Plate:
    """A Ramachandran plot: shares of rows in the cells of a torus, one for each side."""
    edges = [np.linspace(start, start + turn, TURN_CELLS + 1) for start in starts]
    tables = [_turned(side.values[0], side.values[1], edges) for side in sides]
    highest = max(float(table.max()) for table in tables) or 1.0
    rows = [(side.label, *_peak(table, edges)) for side, table in zip(sides, tables, strict=True)]
    drawn = [
        svg(SQUARE, SQUARE, f"{names[1]} against {names[0]}, {row[0]}", *_wound(table / highest, names, edges, side))
        for side, table, row in zip(sides, tables, rows, strict=True)
    ]
    words = "; ".join(f"{label}: densest near {x}, {y}" for label, x, y, _ in rows)
    header = ("rows of", f"densest {names[0]}", f"densest {names[1]}", "share there")
    return Plate(f"{names[0]} and {names[1]}", beside(drawn), words, header, tuple(rows), wide=True)


def _wound(depths: Numbers, names: Names, edges: Sequence[Numbers], side: Side) -> list[str]:
    """The parts of one torus, of depths from 0 to 1."""
    left, top, size = START, 22, SQUARE - START - 8
    step, bottom = size / TURN_CELLS, top + size - 36
    height = (bottom - top) / TURN_CELLS
    parts = [text(left + size / 2, 14, side.label, look="name")]
    for (i, j), depth in np.ndenumerate(depths):
        if depth:
            at = f'x="{left + i * step:.1f}" y="{bottom - (j + 1) * height:.1f}"'
            opacity = f'fill-opacity="{math.sqrt(depth):.2f}"'
            parts.append(f'<rect {at} width="{step:.2f}" height="{height:.2f}" class="cell {side.look}" {opacity}/>')
    for quarter in range(5):
        x, y, place = left + quarter * size / 4, bottom - quarter * (bottom - top) / 4, quarter * TURN_CELLS // 4
        parts += [line(x, top, x, bottom, "grid"), line(left, y, left + size, y, "grid")]
        parts += [text(x, bottom + 15, plain(float(edges[0][place])), "end" if quarter == 4 else "middle")]
        parts += [text(left - 5, y + 4, plain(float(edges[1][place])), "end")]
    turned = f' transform="rotate(-90 10 {(top + bottom) / 2})"'
    parts.append(text(left + size / 2, bottom + 31, names[0], look="name"))
    return [*parts, text(10, (top + bottom) / 2, names[1], look="name", more=turned)]


def world(names: Names, sides: Sequence[Side]) -> Plate:
    """Places in degrees on a map that keeps areas (Equal Earth, Savric et al. 2018): latitudes, longitudes."""
    parts = [_outline()]
    for north in range(-60, 90, 30):
        x, y = equal_earth(np.full(37, float(north)), np.linspace(-180, 180, 37))
        parts += [_path(x, y), text(float(x[0]) - 4, float(y[0]) + 4, f"{north}°", "end")]
    for east in range(-120, 180, 60):
        x, y = equal_earth(np.linspace(-90, 90, 37), np.full(37, float(east)))
        parts += [_path(x, y), text(float(x[0]), float(y[0]) + 14, f"{east}°")]
    rows = []
    for side in sides:
        latitude, longitude = (as_numbers(values) for values in side.values)
        chosen = _chosen(len(latitude))
        parts.append(dots(*equal_earth(latitude[chosen], np.mod(longitude[chosen] + 180, 360) - 180), side.look))
        share = float((latitude > 0).mean()) if len(latitude) else 0.0
        rows.append((side.label, f"{len(latitude):,}", percent(share)))
    words = "; ".join(f"{label}: {part} north of the equator" for label, _, part in rows)
    drawing = svg(MAP_WIDTH, MAP_HEIGHT + 20, f"A map of {names[0]} and {names[1]}. {words}", *parts, look="map")
    header = ("rows of", "how many", "north of the equator")
    return Plate(f"{names[0]} and {names[1]}", drawing, words, header, tuple(rows), wide=True)


def equal_earth(latitude: Numbers, longitude: Numbers) -> tuple[Numbers, Numbers]:
    r"""Places of the picture, by $\sin\theta = \tfrac{\sqrt3}{2} \sin\phi$ and a polynomial of $\theta$.

    >>> x, y = equal_earth(np.array([0.0]), np.array([0.0]))
    >>> x.tolist(), y.tolist()
    ([360.0], [175.0])
    """
    theta = np.arcsin(math.sqrt(3) / 2 * np.sin(np.radians(latitude)))
    a, b, c, d = 1.340264, -0.081106, 0.000893, 0.003796
    slope = 9 * d * theta**8 + 7 * c * theta**6 + 3 * b * theta**2 + a
    x = 2 * math.sqrt(3) * np.radians(longitude) * np.cos(theta) / (3 * slope)
    y = d * theta**9 + c * theta**7 + b * theta**3 + a * theta
    scale = (MAP_WIDTH - 80) / (2 * 2.7066)
    return MAP_WIDTH / 2 + scale * x, MAP_HEIGHT / 2 - scale * y


def _outline() -> str:
    side = np.linspace(-90, 90, 37)
    (left, up), (right, down) = equal_earth(side, np.full(37, -180.0)), equal_earth(side[::-1], np.full(37, 180.0))
    return _path(np.concatenate([left, right, left[:1]]), np.concatenate([up, down, up[:1]]))


def _path(x: Numbers, y: Numbers) -> str:
    places = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return f'<path class="grid" d="M{places}"/>'


def _turned(x: Values, y: Values, edges: list[Numbers]) -> Numbers:
    return np.asarray(np.histogram2d(as_numbers(x), as_numbers(y), bins=edges)[0] / max(1, len(x)))


def _peak(table: Numbers, edges: Sequence[Numbers]) -> tuple[str, str, str]:
    i, j = np.unravel_index(int(table.argmax()), table.shape)
    middles = [float(edge[k : k + 2].mean()) for edge, k in zip(edges, (i, j), strict=True)]
    return plain(middles[0]), plain(middles[1]), percent(float(table[i, j]))


def _chosen(n: int) -> NDArray[np.intp]:
    return np.arange(n) if n <= MOST_POINTS else np.random.default_rng(0).choice(n, MOST_POINTS, replace=False)


def _range(columns: Sequence[Numbers]) -> tuple[float, float]:
    ends = [np.percentile(values, [OUTLIERS, 100 - OUTLIERS]) for values in columns if values.size]
    low, high = (min(end[0] for end in ends), max(end[1] for end in ends)) if ends else (0.0, 1.0)
    margin = 0.03 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _within(values: Numbers, ends: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((values >= ends[0]) & (values <= ends[1]))


def _correlation(x: Numbers, y: Numbers) -> str:
    if len(x) < 3 or x.std() == 0 or y.std() == 0:
        return "–"
    return f"{np.corrcoef(x, y)[0, 1]:.2f}"


def _upright(low: float, high: float, word: Word, start: float) -> str:
    found = [line(start, 10, start, END - 20, "axis")]
    for value in ticks(low, high):
        y = float(scaled(np.array([value]), low, high, END - 20, 10)[0])
        found += [line(start - 4, y, start, y, "axis"), text(start - 6, y + 4, word(value), "end")]
    return "".join(found)


def _names(names: Names, start: float = START, below: float = 0) -> str:
    across = text((start + END) / 2, SQUARE - 4 + below, names[0], look="name")
    turned = f' transform="rotate(-90 10 {SQUARE / 2})"'
    return across + text(10, SQUARE / 2, names[1], look="name", more=turned)


def _codes(columns: Sequence[Values], word: Word) -> tuple[list[str], list[NDArray[np.int64]]]:
    """Words for the codes, and the codes of each side: the most frequent levels, or parts of a range of numbers."""
    if all(values.dtype.kind in "iuf" for values in columns):
        whole = np.unique(np.concatenate([np.unique(values) for values in columns]))
        edges = np.linspace(*_range([as_numbers(values) for values in columns]), MOST_CODES + 1)[1:-1]
        if len(whole) <= MOST_CODES:
            edges = (whole[1:] + whole[:-1]) / 2
            return [word(float(one)) for one in whole], [np.searchsorted(edges, values) for values in columns]
        labels = [f"< {word(float(edges[0]))}", *(f"from {word(float(edge))}" for edge in edges)]
        return labels, [np.searchsorted(edges, values, side="right") for values in columns]
    texts = [np.array(list(map(str, values.tolist())), dtype=object) for values in columns]
    counts = Counter(one for values in texts for one in values.tolist())
    levels = [level for level, _ in counts.most_common(MOST_CODES)]
    if not levels:
        raise InputError("got no rows with a value in both columns; expected some")
    place = {level: i for i, level in enumerate(levels)}
    labels = [*levels, *["(others)"] * (len(counts) > len(levels))]
    return labels, [np.array([place.get(one, len(levels)) for one in values.tolist()], dtype=int) for values in texts]


def _table(x: NDArray[np.int64], y: NDArray[np.int64], columns: int, lines: int) -> Numbers:
    found = np.zeros((columns, lines))
    np.add.at(found, (x, y), 1 / max(len(x), 1))
    return found
