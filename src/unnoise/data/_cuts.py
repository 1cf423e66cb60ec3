"""Where the cells of a column of numbers begin and end: atoms, quantiles, and the gaps that no cell reaches over."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unnoise.data._numerics import Floats, Values

MOST_CELLS = 1024
COARSE, FINE = 32, 64  # about how many states the first digit has, and at most the second
ROWS_PER_CELL = 8
REPEATS = 2.0  # rows per value, from which the values are the cells
FEWEST = 3  # rows that share an atom of real numbers, or lie beyond a gap in which no value is drawn
GAP = 3.0  # times what the rows of a cell span on either side

Mask = NDArray[np.bool_]


def cells(seen: Values, counts: NDArray[np.intp], real: bool) -> tuple[NDArray[np.intp], Mask, Values, Values]:
    """The first value of each cell by its number, whether a cell holds several values, and its first and last value.

    Args:
        seen: the values that occur, rising: floats, or steps of a grid.
        counts: how many rows hold each.
        real: whether they are on no grid.
    """
    n = int(counts.sum())
    if len(counts) <= MOST_CELLS and n >= REPEATS * len(counts):
        return np.arange(len(seen)), np.zeros(len(seen), dtype=bool), seen, seen
    number = int(np.clip(n // ROWS_PER_CELL, 4, MOST_CELLS))
    atom = (counts >= 1.5 * n / number) & (counts >= FEWEST)
    gap = _gaps(seen, counts, max(n // number, FEWEST))
    middle = (counts.cumsum() - counts / 2) / n
    group = np.floor(middle * number)
    new = np.ones(len(seen), dtype=bool)
    new[1:] = (group[1:] != group[:-1]) | atom[1:] | atom[:-1] | gap
    firsts = np.flatnonzero(new)
    alone = np.append(firsts[1:], len(seen)) == firsts + 1
    wide = ~alone | (real & (counts[firsts] < FEWEST))  # one real number of many that differ is no atom
    gap, before = gap[firsts[1:] - 1], counts.cumsum()[firsts[1:] - 1]
    if real or n >= FEWEST * number:  # few whole numbers stay exact
        below, above = gap & (before < FEWEST), gap & (n - before < FEWEST)
    else:
        below = above = np.zeros(len(gap), dtype=bool)
    hole = gap & ~below & ~above
    if real:  # a value that cannot reach to the next joins the cell before
        joins = np.append(hole, True)[1:] & wide[1:] & alone[1:] & wide[:-1] & ~gap
        kept = ~joins
        firsts, wide = firsts[np.append(True, kept)], wide[np.append(True, kept)]
        hole, below, above = hole[kept], below[kept], above[kept]
    wide[:-1] |= below
    wide[1:] |= above & ~below
    up = wide[:-1] & ~hole & (below | ~above)
    down = (~wide[:-1] & wide[1:] & ~hole) | (above & ~below)
    starts, ends = seen[firsts].copy(), seen[np.append(firsts[1:], len(seen)) - 1].copy()
    starts[1:][down] = np.nextafter(ends[:-1][down], np.inf) if real else ends[:-1][down] + np.uint64(1)
    ends[:-1][up] = np.nextafter(starts[1:][up], -np.inf) if real else starts[1:][up] - np.uint64(1)
    return firsts, wide, starts, ends


def _gaps(seen: Values, counts: NDArray[np.intp], rows: int) -> Mask:
    """After which values there is a gap, some times as wide as what so many rows span before and behind it."""
    upto = counts.cumsum()
    n, below = int(upto[-1]), upto[:-1]
    first = np.searchsorted(upto, np.maximum(below - rows, 0), "right")
    last = np.searchsorted(upto, np.minimum(below + rows - 1, n - 1), "right")
    span = np.maximum(seen[:-1] - seen[first], seen[last] - seen[1:]).astype(np.float64)
    width = np.diff(seen).astype(np.float64)
    return np.asarray((width > GAP * span) & (width > (1.0 if seen.dtype.kind == "u" else 0.0)))


def coarse(shares: Floats) -> tuple[int, ...]:
    """The first cells of groups of about equal share; a cell of that share stands alone."""
    firsts, held, count = [0], 0.0, 0
    for cell, share in enumerate(shares.tolist()):
        large = share >= 1 / COARSE
        if cell and (large or held + share / 2 >= 1 / COARSE or count >= FINE):
            firsts.append(cell)
            held, count = 0.0, 0
        held, count = held + share, count + 1
    return tuple(firsts)
