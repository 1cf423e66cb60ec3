"""Some rows of a large table that tell what its columns are: a random sample, and rows with what a sample may miss.

A schema of these rows knows every level of a column, its least and its greatest value, that it has holes, its decimals
and the step between its whole numbers, as one of all rows does. Means, spreads and quantiles are those of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise.data._numerics import Values
from unnoise.data.scans import BLOCK, Scan, chosen

if TYPE_CHECKING:
    import polars as pl

SAMPLE = 200_000  # rows
MOST_LEVELS = 10_000  # that are looked for, of one column
DECIMALS = range(7)


def witnesses(scan: Scan, seed: int, n: int = SAMPLE, size: int = BLOCK) -> tuple[pl.DataFrame, Values]:
    """The rows, in their order, and their indices; one pass over all rows in blocks."""
    import polars as pl

    seen = {name: _Seen() for name in scan.columns}
    rows, index = [], []
    for start, block, places in scan.among(chosen(len(scan), n, seed), size):
        new = [seen[name].new(block[name]) for name in scan.columns] if len(scan) > n else []
        places = np.unique(np.concatenate([places, *new]).astype(np.int64))
        rows.append(block[places])
        index.append(start + places)
    return pl.concat(rows), np.concatenate(index)


@dataclass
class _Seen:
    """What earlier blocks have shown of a column."""

    low: Any = None
    high: Any = None
    levels: set[Any] = field(default_factory=set)
    decimals: set[int] = field(default_factory=set)
    step: int = 0
    hole: bool = False

    def new(self, values: pl.Series) -> list[int]:
        """Rows of a block that show something else."""
        found = []
        if values.dtype.is_float():
            values = values.fill_nan(None)
        if not self.hole and values.null_count():
            self.hole = True
            found.append(int(values.is_null().arg_max() or 0))
        if values.null_count() == len(values):
            return found
        if not values.dtype.is_numeric():
            return found + self._levels(values)
        low, high = values.min(), values.max()
        if self.low is None or low < self.low:
            self.low = low
            found.append(int(values.arg_min() or 0))
        if self.high is None or high > self.high:
            self.high = high
            found.append(int(values.arg_max() or 0))
        return found + (self._decimals(values) if values.dtype.is_float() else self._step(values))

    def _levels(self, values: pl.Series) -> list[int]:
        first = np.flatnonzero(values.is_first_distinct().to_numpy() & ~values.is_null().to_numpy())
        new = [(row, level) for row, level in zip(first.tolist(), values[first].to_list(), strict=True)]
        new = [(row, level) for row, level in new if level not in self.levels]
        new = new[: MOST_LEVELS - len(self.levels)]
        self.levels.update(level for _, level in new)
        return [row for row, _ in new]

    def _decimals(self, values: pl.Series) -> list[int]:
        """The first value that has more decimals than these."""
        found = []
        for decimals in DECIMALS:
            if decimals in self.decimals:
                continue
            more = (values.round(decimals) != values).fill_null(False)
            if not more.any():
                break
            self.decimals.add(decimals)
            found.append(int(more.arg_max() or 0))
        return found

    def _step(self, values: pl.Series) -> list[int]:
        """A whole number that does not lie on the grid so far."""
        found: list[int] = []
        if self.step == 1 or values.dtype.is_unsigned_integer() or values.dtype.is_decimal():
            return found
        steps = np.abs(values.fill_null(self.low).to_numpy().astype(np.int64) - np.int64(self.low))
        while self.step != 1:
            off = steps % self.step if self.step else steps
            if not off.any():
                break
            row = int(off.argmax())
            found.append(row)
            self.step = int(np.gcd(self.step, steps[row]))
        return found
