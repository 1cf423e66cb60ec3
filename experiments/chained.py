"""What a network must beat at filling a table: models of each column given all others, and the nearest rows.

The models are fitted to complete rows. Holes begin at the mean or the commonest level; then the columns are filled in
turn, each given the present filling of all others, for a few rounds (van Buuren and Oudshoorn 1999; with forests
Stekhoven and Buhlmann 2012). With draws instead of predictions it is Gibbs sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.adult import CATEGORIES, NUMBERS, Floats, Mask, Table

Fill = Callable[[Table], Any]  # rows -> the values of one column

DONORS = 10  # among the nearest rows, of which a draw takes one
BLOCK = 500  # rows compared with all others at once
LEAF = 5  # rows of a leaf at least


@dataclass(frozen=True)
class Scales:
    """Means and deviations of the numbers of a table, and how many levels its categories have."""

    means: Floats
    deviations: Floats
    sizes: Sequence[int]

    @classmethod
    def of(cls, table: Table, sizes: Sequence[int]) -> Scales:
        """Of complete rows."""
        return cls(table.numbers.mean(0), table.numbers.std(0), sizes)

    def blocks(self, table: Table) -> list[Floats]:
        """Of every column, the standardised number or the indicators of its levels."""
        numbers = (table.numbers - self.means) / self.deviations
        indicators = [np.eye(size)[table.levels[:, j]] for j, size in enumerate(self.sizes)]
        return [*numbers.T[:, :, None], *indicators]


def values_of(table: Table, column: int) -> Any:
    """One column, (n,)."""
    return table.numbers[:, column] if column < len(NUMBERS) else table.levels[:, column - len(NUMBERS)]


def started(table: Table, hidden: Mask, train: Table) -> Table:
    """With the mean or the commonest level in every hole; hidden is (n, 15)."""
    commonest = np.array([np.bincount(train.levels[:, j]).argmax() for j in range(len(CATEGORIES))])
    numbers, levels = np.split(hidden, [len(NUMBERS)], axis=1)
    return Table(np.where(numbers, train.numbers.mean(0), table.numbers), np.where(levels, commonest, table.levels))


def filled(start: Table, hidden: Mask, fills: Sequence[Fill], rounds: int) -> Table:
    """All columns in turn, a few times."""
    now = Table(start.numbers.copy(), start.levels.copy())
    for _ in range(rounds):
        for column, fill in enumerate(fills):
            rows = np.flatnonzero(hidden[:, column])
            if len(rows):
                values_of(now, column)[rows] = fill(now.at(rows))
    return now


def ridge(train: Table, scales: Scales, column: int) -> Fill:
    """A linear model of a number, or of the indicators of levels, of which the largest wins."""
    from sklearn.linear_model import Ridge

    def others(table: Table) -> Floats:
        return np.concatenate([block for j, block in enumerate(scales.blocks(table)) if j != column], 1)

    number, own = column < len(NUMBERS), scales.blocks(train)[column]
    model = Ridge(1.0).fit(others(train), values_of(train, column) if number else own)
    return lambda rows: model.predict(others(rows)) if number else model.predict(others(rows)).argmax(1)


@dataclass(frozen=True)
class Forest:
    """A random forest of one column. A draw is the value of a training row in the same leaf of a random tree.

    Attributes:
        values: of the training rows.
        keys: the tree and leaf of every training row in every tree, as one number, in order.
        rows: which training row each of them is.
    """

    model: Any
    column: int
    values: Any
    keys: Any
    rows: Any

    @classmethod
    def fit(cls, train: Table, column: int, seed: int, trees: int) -> Forest:
        """Of numbers the mean, of levels the shares."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        kind = RandomForestRegressor if column < len(NUMBERS) else RandomForestClassifier
        values, x = values_of(train, column), _others(train, column)
        model = kind(trees, min_samples_leaf=LEAF, max_features=1 / 3, random_state=seed).fit(x, values)
        keys = _keys(model.apply(x), np.arange(trees)).ravel()
        order = keys.argsort()
        return cls(model, column, values, keys[order], order // trees)

    def predict(self, rows: Table) -> Any:
        """The mean, or the likeliest level."""
        return self.model.predict(_others(rows, self.column))

    def draw(self, rows: Table, rng: np.random.Generator) -> Any:
        """One value for each row."""
        leaves = self.model.apply(_others(rows, self.column))
        tree = rng.integers(leaves.shape[1], size=len(rows))
        key = _keys(leaves[np.arange(len(rows)), tree], tree)
        low, high = (np.searchsorted(self.keys, key, side) for side in ("left", "right"))
        return self.values[self.rows[low + (rng.random(len(rows)) * (high - low)).astype(np.int64)]]


def hot_decks(
    table: Table, hidden: Mask, train: Table, scales: Scales, draws: int, rng: np.random.Generator
) -> list[Table]:
    """Tables whose hidden cells are those of one of the training rows that are nearest in the known cells."""
    donors = np.concatenate([_nearest(table, hidden, train, scales, rows) for rows in _parts(len(table))])
    decks = []
    numbers, levels = np.split(hidden, [len(NUMBERS)], axis=1)
    for _ in range(draws):
        donor = train.at(donors[np.arange(len(table)), rng.integers(donors.shape[1], size=len(table))])
        decks.append(
            Table(np.where(numbers, donor.numbers, table.numbers), np.where(levels, donor.levels, table.levels))
        )
    return decks


def _nearest(table: Table, hidden: Mask, train: Table, scales: Scales, rows: slice) -> Any:
    """The nearest training rows, (rows, DONORS), by the squares of `Table.squares` over known cells."""
    blocks, others = scales.blocks(table.at(rows)), scales.blocks(train)
    apart = np.zeros((len(blocks[0]), len(train)), dtype=np.float32)
    for j, (own, other) in enumerate(zip(blocks, others, strict=True)):
        own, other = (np.sqrt(0.5 if j >= len(NUMBERS) else 1.0) * part.astype(np.float32) for part in (own, other))
        squares = (own**2).sum(1)[:, None] - 2 * own @ other.T + (other**2).sum(1)
        apart += np.where(hidden[rows, j, None], 0, squares)
    return np.argpartition(apart, DONORS, 1)[:, :DONORS]


def _parts(n: int) -> list[slice]:
    return [slice(start, start + BLOCK) for start in range(0, n, BLOCK)]


def _others(table: Table, column: int) -> Floats:
    """Numbers, and indices of levels."""
    return np.delete(np.concatenate([table.numbers, table.levels], 1), column, 1)


def _keys(leaves: Any, trees: Any) -> Any:
    return trees.astype(np.int64) * 2**32 + leaves
