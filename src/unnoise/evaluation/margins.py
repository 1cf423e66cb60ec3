"""Which columns of samples differ from the data, by how much, beside what chance alone gives; the same for pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise.evaluation._mixed import (
    Codes,
    Flags,
    by_chance,
    categorical_mask,
    codes_of,
    cumulative,
    frequent,
    names_of,
    splits_of,
)
from unnoise.evaluation._rows import SIDES, Array, as_pair, subsample

SPLITS = 199  # random ones, so that 0.005 is the least p-value
REPEATED = 0.01  # share of the rows from which a repeated number is an atom
MOST_LEVELS = 20  # of a column in a table of two; rarer ones share a row
DECILES = np.linspace(0.1, 0.9, 9)
LEAST_COMMON = 3  # rows that a correlation needs


@dataclass(frozen=True)
class MarginDistance:
    """How much one column of samples differs from the data.

    Attributes:
        name: of the column.
        categorical: whether it holds codes of levels.
        distance: Kolmogorov-Smirnov of numbers, total variation of levels, from 0 to 1.
        chance: the mean distance of random splits of the same rows.
        p_value: of no more than chance, among all columns.
        value: the number or the code whose share differs most, NaN for missing; None if no number repeats.
        share: of that value in the data.
        share_of_samples: of that value in the samples.
    """

    name: str
    categorical: bool
    distance: float
    chance: float
    p_value: float
    value: float | None
    share: float
    share_of_samples: float


@dataclass(frozen=True)
class PairDistance:
    """How much the dependence of two columns differs from the data.

    Attributes:
        first: the name of a column.
        second: the name of the other.
        correlations: Pearson's, of the data and of the samples, for two columns of numbers; else None.
        distance: between the correlations; else the total variation between the contingency tables.
        chance: the mean distance of random splits of the same rows.
        p_value: of no more than chance, among all pairs.
    """

    first: str
    second: str
    correlations: tuple[float, float] | None
    distance: float
    chance: float
    p_value: float


def margin_distances(
    reference: Any,
    samples: Any,
    *,
    categorical: Any = (),
    names: Sequence[str] | None = None,
    seed: int = 0,
    splits: int = SPLITS,
    max_rows: int = 10_000,
) -> tuple[MarginDistance, ...]:
    r"""The distance of every column, the one that is furthest above chance first.

    Of numbers it is $\sup_x |F(x) - G(x)|$ (Kolmogorov-Smirnov), where a missing one counts as $+\infty$; of levels it
    is $\frac12\sum_k |p_k - q_k|$ (total variation), where missing is a level. Chance and p-values come from random
    splits of all rows, as `_mixed.by_chance` says.

    Args:
        reference: rows (n, d) of numbers and of codes of levels; NaN is missing.
        samples: rows (m, d).
        categorical: the places of the columns that hold codes.
        names: of the columns; by default their places.
        seed: of the splits.
        splits: how many.
        max_rows: the most rows of each side.

    Raises:
        InputError: rows of different widths, infinity, or a place that there is not.

    >>> (found,) = margin_distances([[0.0], [0.0], [0.0], [1.0]], [[0.0], [1.0], [1.0], [1.0]])
    >>> found.distance, found.value, found.share, found.share_of_samples
    (0.5, 0.0, 0.75, 0.25)
    """
    rows, first, mask, titles = _prepared(reference, samples, categorical, names, seed, splits, max_rows)
    columns = [_margin(values, levels, first) for values, levels in zip(rows.T, mask, strict=True)]
    chance, p_values = by_chance(np.stack([distances for distances, _ in columns], axis=1))
    found = [
        MarginDistance(title, bool(levels), float(distances[0]), float(usual), float(p_value), *worst)
        for title, levels, (distances, worst), usual, p_value in zip(
            titles, mask, columns, chance, p_values, strict=True
        )
    ]
    return tuple(sorted(found, key=lambda one: one.chance - one.distance))


def pair_distances(
    reference: Any,
    samples: Any,
    *,
    categorical: Any = (),
    names: Sequence[str] | None = None,
    seed: int = 0,
    splits: int = SPLITS,
    max_rows: int = 5_000,
) -> tuple[PairDistance, ...]:
    r"""The distance of every pair of columns, the one that is furthest above chance first; arguments as of the margins.

    Of two columns of numbers it is the difference of Pearson's correlation over rows that have both (0 where one does
    not vary). Of other pairs it is the total variation between the contingency tables, where numbers are cut at the
    deciles of all rows, missing is a level, and levels beyond the 20 most frequent ones are one.

    >>> x = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> (found,) = pair_distances(x, x * [1.0, -1.0])
    >>> found.distance, found.correlations
    (2.0, (1.0, -1.0))
    """
    rows, first, mask, titles = _prepared(reference, samples, categorical, names, seed, splits, max_rows)
    if len(titles) < 2:
        return ()
    places = list(combinations(range(len(titles)), 2))
    measured = dict(_correlation_gaps(rows, first, np.flatnonzero(~mask)))
    correlations = {pair: (float(ours[0]), float(theirs[0])) for pair, (ours, theirs) in measured.items()}
    gaps = {pair: np.abs(ours - theirs) for pair, (ours, theirs) in measured.items()}
    codes = [_table_codes(values, levels) for values, levels in zip(rows.T, mask, strict=True)]
    for i, j in places:
        if (i, j) not in gaps:
            gaps[i, j] = _total_variation(first, codes_of(codes[i] * (codes[j].max() + 1.0) + codes[j])[1])
    chance, p_values = by_chance(np.stack([gaps[pair] for pair in places], axis=1))
    found = [
        PairDistance(titles[i], titles[j], correlations.get((i, j)), float(gaps[i, j][0]), float(usual), float(p_value))
        for (i, j), usual, p_value in zip(places, chance, p_values, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: one.chance - one.distance))


def _prepared(
    reference: Any, samples: Any, categorical: Any, names: Sequence[str] | None, seed: int, splits: int, max_rows: int
) -> tuple[Array, Flags, Flags, list[str]]:
    """All rows, which are reference in each split, which columns are levels, and the names."""
    whole(seed=seed)
    whole(least=1, most=100_000, splits=splits)
    whole(least=2, max_rows=max_rows)
    x, y = as_pair(reference, samples, SIDES, least=2, holes=True)
    if not x.shape[1]:
        raise InputError("got rows without a column; expected at least one column")
    rng = np.random.default_rng(seed)
    x, y = subsample(x, max_rows, rng), subsample(y, max_rows, rng)
    mask, titles = categorical_mask(categorical, x.shape[1]), names_of(names, x.shape[1])
    return np.concatenate([x, y]), splits_of(len(x), len(y), splits, rng), mask, titles


def _margin(values: Array, levels: bool, first: Flags) -> tuple[Array, tuple[float | None, float, float]]:
    """The distances of a column in all splits; the value whose share differs most, and its shares."""
    distinct, codes = codes_of(values)
    ours, theirs = cumulative(first, codes)
    gaps = ours - theirs
    distances = np.abs(gaps[:, :-1]).max(axis=1, initial=0.0) if not levels else _total_variation(first, codes)
    here, there = (np.diff(part[0], prepend=0.0) for part in (ours, theirs))
    often = (np.bincount(codes) > max(1.0, REPEATED * len(values))) | levels
    if not often.any():
        return distances, (None, 0.0, 0.0)
    worst = int(np.argmax(np.where(often, np.abs(here - there), -1.0)))
    return distances, (float(distinct[worst]), float(here[worst]), float(there[worst]))


def _total_variation(first: Flags, codes: Codes) -> Array:
    """Half the sum of the differences of the shares of codes, (1 + splits,)."""
    ours, theirs = cumulative(first, codes)
    return np.asarray(0.5 * np.abs(np.diff(ours - theirs, axis=1, prepend=0.0)).sum(axis=1))


def _table_codes(values: Array, levels: bool) -> Codes:
    """The row of each value in a table: a level, a decile, or missing."""
    if levels:
        return frequent(values, MOST_LEVELS)
    seen = values[~np.isnan(values)]
    edges = np.unique(np.quantile(seen, DECILES)) if len(seen) else np.zeros(0)
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))


def _correlation_gaps(
    rows: Array, first: Flags, columns: Codes
) -> Iterator[tuple[tuple[int, int], tuple[Array, Array]]]:
    """Each pair of columns of numbers, and its correlations in both sets of all splits, each (1 + splits,)."""
    x = rows[:, columns]
    known = ~np.isnan(x)
    count = np.maximum(known.sum(axis=0), 1)
    x = np.where(known, x, 0.0)
    x = np.where(known, x - x.sum(axis=0) / count, 0.0)
    largest = np.abs(x).max(axis=0, initial=0.0)
    x = x / np.where(largest > 0, largest, 1.0)  # so that no square overflows
    spread = np.sqrt((x**2).sum(axis=0) / count)
    x, seen, picked = x / np.where(spread > 0, spread, 1.0), known.astype(float), first.astype(float)
    for i in range(len(columns) - 1):
        one, others = slice(i, i + 1), slice(i + 1, None)
        both = seen[:, one] * seen[:, others]
        a, b = x[:, one] * both, x[:, others] * both
        parts = [both, a, b, a * a, b * b, a * b]
        ours = [picked @ part for part in parts]
        theirs = [part.sum(axis=0) - inside for part, inside in zip(parts, ours, strict=True)]
        pair = (_correlations(*ours), _correlations(*theirs))
        for j in range(len(columns) - 1 - i):
            yield (int(columns[i]), int(columns[i + 1 + j])), (pair[0][:, j], pair[1][:, j])


def _correlations(n: Array, a: Array, b: Array, aa: Array, bb: Array, ab: Array) -> Array:
    """Pearson's correlation from sums; 0 where a column does not vary."""
    n = np.maximum(n, 1.0)
    variances = np.maximum(aa / n - (a / n) ** 2, 0.0), np.maximum(bb / n - (b / n) ** 2, 0.0)
    varies = (variances[0] > 1e-12) & (variances[1] > 1e-12) & (n >= LEAST_COMMON)
    scale = np.sqrt(np.where(varies, variances[0] * variances[1], 1.0))
    return np.where(varies, np.clip((ab / n - a * b / n**2) / scale, -1.0, 1.0), 0.0)
