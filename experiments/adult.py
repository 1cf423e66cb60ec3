"""Adults of the census of 1994 (Becker and Kohavi 1996): six numbers and nine categories, "?" as a level.

A `Table` holds the numbers of rows, (n, 6), in the order of `NUMBERS`, and the indices of their levels, (n, 9), in that
of `CATEGORIES`.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.base import Setting

NUMBERS = ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week")
COLUMNS = (  # as the files have them
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
)
CATEGORIES = tuple(name for name in COLUMNS if name not in NUMBERS)
UNSAID = "?"
QUICK_ROWS = 600

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Table:
    """Rows as arrays.

    Attributes:
        numbers: (n, 6) float64.
        levels: (n, 9) int64, indices.
    """

    numbers: Floats
    levels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)

    def at(self, rows: Any) -> Table:
        """Some of the rows."""
        return Table(self.numbers[rows], self.levels[rows])

    def squares(self, other: Table, deviations: Floats) -> Floats:
        """Squared differences of numbers in their deviations, and 1 for two levels: (n, 15)."""
        numbers = (self.numbers - other.numbers) / deviations
        return np.concatenate([numbers**2, self.levels != other.levels], 1)


@dataclass(frozen=True)
class Adults:
    """The split of the original files, as columns by name.

    Attributes:
        levels: of every category, in order.
    """

    train: Columns
    test: Columns
    levels: dict[str, list[str]]

    @classmethod
    def read(cls, setting: Setting) -> Adults:
        """All rows; of a quick run a few, of which some are both, so that all levels are known."""
        train = _columns(setting.file("adult/adult.data.gz"), QUICK_ROWS if setting.quick else None)
        test = _columns(setting.file("adult/adult.test.gz"), None)
        if setting.quick:
            test = {name: values[: QUICK_ROWS // 3] for name, values in train.items()}
        return cls(train, test, {name: sorted({*train[name].tolist(), *test[name].tolist()}) for name in CATEGORIES})

    @property
    def sizes(self) -> Sequence[int]:
        """How many levels every category has."""
        return [len(self.levels[name]) for name in CATEGORIES]

    def unsaid(self, table: Table, hidden: Mask) -> NDArray[np.int64]:
        """The rows where a hidden cell, (n, 15), is "?"."""
        place = [self.levels[name].index(UNSAID) if UNSAID in self.levels[name] else -1 for name in CATEGORIES]
        return np.flatnonzero(((table.levels == place) & hidden[:, len(NUMBERS) :]).any(1))

    def table(self, columns: Any) -> Table:
        """Columns or a data frame as arrays."""
        numbers = [np.asarray(columns[name], dtype=np.float64) for name in NUMBERS]
        places = ({level: index for index, level in enumerate(self.levels[name])} for name in CATEGORIES)
        levels = [[place[level] for level in columns[name]] for name, place in zip(CATEGORIES, places, strict=True)]
        return Table(np.stack(numbers, 1), np.array(levels).T)


def _columns(path: Path, most: int | None) -> Columns:
    """Whole numbers, and texts."""
    with gzip.open(path, "rt", encoding="ascii") as lines:
        rows = [row for row in csv.reader(lines, skipinitialspace=True) if len(row) == len(COLUMNS)][:most]
    texts = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
    texts["income"] = tuple(text.rstrip(".") for text in texts["income"])
    return {name: np.array(held, dtype=np.int64 if name in NUMBERS else object) for name, held in texts.items()}
