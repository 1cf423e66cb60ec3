"""Rows of a table of numbers and of codes of levels, where NaN is missing; and random splits of two sets of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import refuse, whole
from unnoise._errors import InputError
from unnoise.evaluation._rows import Array

Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]


def categorical_mask(categorical: Any, columns: int) -> Flags:
    """Which of the columns hold codes of levels, (d,), from their places.

    >>> categorical_mask([2], 3)
    array([False, False,  True])
    """
    if isinstance(categorical, str | type) or not hasattr(categorical, "__iter__"):
        refuse("categorical", categorical, f"the places of columns, from 0 to {columns - 1}")
    mask = np.zeros(columns, dtype=bool)
    for place in categorical:
        whole(most=columns - 1, **{"a place of categorical": place})
        mask[int(place)] = True
    return mask


def names_of(names: Sequence[str] | None, columns: int) -> list[str]:
    """The names of the columns, by default their places."""
    if names is None:
        return [str(place) for place in range(columns)]
    if len(names) != columns:
        raise InputError(f"got {len(names)} names for {columns} columns; expected one for each column")
    return [str(name) for name in names]


def codes_of(values: Array) -> tuple[Array, Codes]:
    """The distinct values in order, NaN last, and the place of each value (n,) among them."""
    distinct, codes = np.unique(values, return_inverse=True)
    return distinct, codes.reshape(-1)


def frequent(values: Array, most: int) -> Codes:
    """Codes of values (n,) by how frequent they are; beyond `most` they share one; missing ones have their own."""
    distinct, codes = codes_of(values)
    rank = np.empty(len(distinct), dtype=np.int64)
    rank[np.argsort(-np.bincount(codes), kind="stable")] = np.arange(len(distinct))
    return np.where(np.isnan(values), most + 1, np.minimum(rank[codes], most))


def splits_of(n: int, m: int, splits: int, rng: np.random.Generator) -> Flags:
    """Which of n + m rows form the first set, (1 + splits, n + m): the first n, then as many at random."""
    given = np.arange(n + m) < n
    return np.concatenate([given[None], rng.permuted(np.tile(given, (splits, 1)), axis=1)])


def cumulative(first: Flags, codes: Codes) -> tuple[Array, Array]:
    """The share of codes up to each one from 0, in the first set and in the other, each (splits, codes)."""
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes)) - 1
    inside = np.cumsum(first[:, order], axis=1, dtype=np.int32)[:, ends]
    n = int(first[0].sum())
    sets = (inside / n, (ends + 1 - inside) / (first.shape[1] - n))
    return sets[0], sets[1]


def by_chance(distances: Array) -> tuple[Array, Array]:
    r"""What chance alone gives, and the p-value of each of k distances, from those of all splits, (1 + splits, k).

    The mean distance of random splits is what two samples of one law differ by. The p-value of a column counts the
    splits in which *any* column is as far above its mean, so that none of many columns is blamed by chance (Westfall,
    Young 1993): with $r_{sk} = (d_{sk} - \bar d_k) / \sigma_k$, where s = 0 are the sets as given,

    $$p_j = \#\{s: \max_k r_{sk} \ge r_{0j}\} / (1 + \text{splits}).$$

    It is valid at every number of rows, since under equal laws all splits are exchangeable.
    """
    spread = distances.std(axis=0)
    varies = spread > 1e-12
    heights = np.where(varies, (distances - distances.mean(axis=0)) / np.where(varies, spread, 1.0), -np.inf)
    worst = heights.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        p_values = (worst >= heights[:1] - 1e-9).mean(axis=0)
    return distances[1:].mean(axis=0), np.where(varies, p_values, 1.0)
