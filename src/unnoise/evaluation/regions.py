"""In which regions of a table are samples too many or too few? A tree finds them, other rows count them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise.evaluation._mixed import Flags, categorical_mask, codes_of, names_of
from unnoise.evaluation._rows import SIDES, Array, as_pair, subsample

MOST_LEVELS = 30  # of one column that a region may ask for
LEAST_SHARE = 0.02  # of the rows in a region
LEAST_ROWS = 10


@dataclass(frozen=True)
class RegionCondition:
    """What a region says of one column: values above `low` and up to `high`, one level or not one, missing or not.

    Attributes:
        name: of the column.
        low: the number that values exceed; None for no bound.
        high: the number that they do not exceed.
        level: the code of a level, NaN for missing; None where numbers are bounded.
        is_level: whether it is this level, or none but this one.
    """

    name: str
    low: float | None = None
    high: float | None = None
    level: float | None = None
    is_level: bool = True


@dataclass(frozen=True)
class TableRegion:
    """A region of a table and how many rows are in it.

    Attributes:
        conditions: which together say what it is.
        share: of the data.
        share_of_samples: of the samples.
        chance: the mean difference of two samples of one law.
        p_value: of no more than chance, among all regions.
    """

    conditions: tuple[RegionCondition, ...]
    share: float
    share_of_samples: float
    chance: float
    p_value: float


def differing_regions(
    reference: Any,
    samples: Any,
    *,
    categorical: Any = (),
    names: Sequence[str] | None = None,
    seed: int = 0,
    regions: int = 12,
    max_rows: int = 10_000,
) -> tuple[TableRegion, ...]:
    r"""The regions of a table in which samples are too many or too few, the one that differs most above chance first.

    A decision tree is fitted on half of both sides, and its leaves are counted on the other halves. For equal laws all
    counted rows are exchangeable, so Fisher's exact test holds, times the number of leaves.

    Args:
        reference: rows (n, d) of numbers and of codes of levels; NaN is missing.
        samples: rows (m, d).
        categorical: the places of the columns that hold codes.
        names: of the columns; by default their places.
        seed: of the choice of rows.
        regions: leaves of the tree at most.
        max_rows: the most rows of each side.

    Raises:
        InputError: fewer than 20 rows a side, rows of different widths, infinity, or a place that there is not.

    >>> rng = np.random.default_rng(0)
    >>> data, samples = rng.uniform(size=(400, 1)), rng.uniform(0.0, 0.7, size=(400, 1))
    >>> worst = differing_regions(data, samples, names=["x"])[0]
    >>> round(worst.conditions[0].low, 1), worst.share_of_samples, worst.p_value < 1e-6
    (0.7, 0.0, True)
    """
    whole(seed=seed)
    whole(least=2, most=1_000, regions=regions)
    whole(least=2 * LEAST_ROWS, max_rows=max_rows)
    x, y = as_pair(reference, samples, SIDES, least=2 * LEAST_ROWS, holes=True)
    if not x.shape[1]:
        raise InputError("got rows without a column; expected at least one column")
    rng = np.random.default_rng(seed)
    x, y = (part[rng.permutation(len(part))] for part in (subsample(x, max_rows, rng), subsample(y, max_rows, rng)))
    mask, titles = categorical_mask(categorical, x.shape[1]), names_of(names, x.shape[1])
    features, meanings = _features(np.concatenate([x, y]), mask, titles)
    first, second = features[: len(x)], features[len(x) :]
    n, m = len(x) // 2, len(y) // 2
    tree = _fitted(first[:n], second[:m], regions, seed % 2**32)
    held, drawn = (tree.apply(part) for part in (first[n:], second[m:]))
    paths = _paths(tree.tree_, meanings)
    found = [
        _region(path, int((held == leaf).sum()), len(held), int((drawn == leaf).sum()), len(drawn), len(paths))
        for leaf, path in paths.items()
        if path
    ]
    return tuple(sorted(found, key=lambda one: one.chance - abs(one.share_of_samples - one.share)))


def _features(rows: Array, mask: Flags, names: list[str]) -> tuple[Array, list[RegionCondition]]:
    """Numbers with the median where missing, and an indicator of each frequent level and of what is missing."""
    columns, meanings = [], []
    for name, values, levels in zip(names, rows.T, mask, strict=True):
        gone = np.isnan(values)
        if levels:
            distinct, codes = codes_of(values[~gone])
            often = distinct[np.argsort(-np.bincount(codes), kind="stable")[:MOST_LEVELS]]
            columns += [values == level for level in often]
            meanings += [RegionCondition(name, level=float(level)) for level in often]
        elif not gone.all():
            columns.append(np.where(gone, np.median(values[~gone]), values))
            meanings.append(RegionCondition(name))
        if gone.any():
            columns.append(gone)
            meanings.append(RegionCondition(name, level=math.nan))
    return np.stack(columns, axis=1).astype(np.float64), meanings


def _fitted(reference: Array, samples: Array, regions: int, seed: int) -> Any:
    from sklearn.tree import DecisionTreeClassifier

    labels = np.repeat([0, 1], [len(reference), len(samples)])
    least = max(LEAST_ROWS, int(LEAST_SHARE * len(labels)))
    tree = DecisionTreeClassifier(
        max_leaf_nodes=regions, min_samples_leaf=least, class_weight="balanced", random_state=seed
    )
    return tree.fit(np.concatenate([reference, samples]), labels)


def _paths(tree: Any, meanings: list[RegionCondition]) -> dict[int, tuple[RegionCondition, ...]]:
    """The conditions of each leaf, one for each number that is bounded and each level that is asked for."""
    found: dict[int, tuple[RegionCondition, ...]] = {}
    waiting: list[tuple[int, dict[tuple[int, bool], RegionCondition]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        if tree.children_left[node] == tree.children_right[node]:
            found[node] = _plain(path.values())
            continue
        feature, cut = int(tree.feature[node]), float(tree.threshold[node])
        for child, above in ((tree.children_left[node], False), (tree.children_right[node], True)):
            meaning = meanings[feature]
            if meaning.level is not None:
                more = {(feature, True): RegionCondition(meaning.name, level=meaning.level, is_level=above)}
            else:
                old = path.get((feature, False), meaning)
                low, high = (cut, old.high) if above else (old.low, cut)
                more = {(feature, False): RegionCondition(meaning.name, low, high)}
            waiting.append((int(child), path | more))
    return found


def _plain(path: Any) -> tuple[RegionCondition, ...]:
    """Without what follows: a column that is one level is none of the others."""
    fixed = {one.name for one in path if one.level is not None and one.is_level}
    return tuple(one for one in path if one.name not in fixed or (one.level is not None and one.is_level))


def _region(path: tuple[RegionCondition, ...], k: int, n: int, j: int, m: int, regions: int) -> TableRegion:
    """Fisher's exact test, two-sided by twice the smaller side."""
    from scipy.stats import hypergeom

    law = hypergeom(n + m, k + j, n)
    p_value = 2.0 * regions * min(float(law.cdf(k)), float(law.sf(k - 1)))
    mean = (k + j) / (n + m)
    chance = math.sqrt(2.0 / math.pi * mean * (1.0 - mean) * (1.0 / n + 1.0 / m))
    return TableRegion(path, k / n, j / m, chance, min(p_value, 1.0))
