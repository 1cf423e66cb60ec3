"""Are samples of a table copies of training rows, and do they tell who was in the training data?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise._checks import whole
from unnoise.evaluation._mixed import Codes, Flags, categorical_mask, codes_of
from unnoise.evaluation._rows import Array, as_pair, subsample

BLOCK = 500  # rows compared with all others at once
MOST_KNOWN = 20_000  # training rows to measure distances to
FAR = 10.0  # a missing number: far from every other, near each other
FURTHEST = 1e6
EQUAL = 1e-12  # distances that differ by less are equal
RARE = 3  # a level that fewer training rows have is rare


@dataclass(frozen=True)
class Copying:
    """Samples beside held-out rows, which no model has seen.

    Attributes:
        ratio: median distance to the nearest training row, of samples over that of held-out rows: 1 as new, 0 copies.
        duplicates: share of samples equal to a training row.
        held_out_duplicates: that share of held-out rows.
        rare: share of samples with a level that fewer than 3 training rows have.
        held_out_rare: that share of held-out rows.
        nearer_train: share of samples that are nearer to a training row than to a held-out row, of as many rows each:
            1/2 if a sample tells nothing of who was in the training data.
        nearer_train_se: its standard error for a model that tells nothing.
        rows: of samples and of held-out rows.
    """

    ratio: float
    duplicates: float
    held_out_duplicates: float
    rare: float
    held_out_rare: float
    nearer_train: float
    nearer_train_se: float
    rows: tuple[int, int]


def copying(
    samples: Any, held_out: Any, train: Any, *, categorical: Any = (), seed: int = 0, max_rows: int = 4_000
) -> Copying:
    r"""Distances of samples to training rows, with held-out rows as the control.

    The distance of two rows is the sum over numbers of the difference over the width of the column, its 1 to 99 % range
    in the training rows, and 1 for each level that differs. Where distances to training rows and to held-out rows are
    compared, training rows are cut to as many as held-out ones, for equal chances of both.

    If samples tell nothing of the training data, the nearest of the training and the held-out rows is one or the other
    at equal chances. Samples with the same nearest row fall together, so with c_r samples nearest to row r the standard
    error is $\sqrt{\sum_r c_r^2} / 2\sum_r c_r$.

    Args:
        samples: rows (n, d) of numbers and of codes of levels; NaN is missing.
        held_out: rows (m, d) that the model has not seen.
        train: the rows that it was fitted on.
        categorical: the places of the columns that hold codes.
        seed: of the choice of rows.
        max_rows: the most samples and the most held-out rows.

    Raises:
        InputError: no rows, rows of different widths, infinity, or a place that there is not.

    >>> train, held_out = np.arange(0.0, 100.0, 2.0)[:, None], np.arange(1.0, 101.0, 2.0)[:, None]
    >>> copying(train[:10], held_out, train).duplicates, copying(held_out[:10], held_out, train).duplicates
    (1.0, 0.0)
    """
    whole(seed=seed)
    whole(least=1, max_rows=max_rows)
    names = ("the samples", "the training rows")
    ours, known = as_pair(samples, train, names, holes=True)
    theirs, _ = as_pair(held_out, train, ("the held-out rows", names[1]), holes=True)
    mask = categorical_mask(categorical, known.shape[1])
    rng = np.random.default_rng(seed)
    ours, theirs = subsample(ours, max_rows, rng), subsample(theirs, max_rows, rng)
    many, few = subsample(known, MOST_KNOWN, rng), subsample(known, len(theirs), rng)
    parts = (ours, theirs, many, few)
    numbers = _scaled(known[:, ~mask], *(part[:, ~mask] for part in parts))
    levels = (part[:, mask] for part in parts)
    sampled, unseen, near, fewer = zip(numbers, levels, strict=True)
    nearest, control = _nearest(sampled, near)[0], _nearest(unseen, near)[0]
    share, error = _nearer(_nearest(sampled, fewer), _nearest(sampled, unseen))
    return Copying(
        ratio=_over(float(np.median(nearest)), float(np.median(control))),
        duplicates=duplicates(ours, known),
        held_out_duplicates=duplicates(theirs, known),
        rare=_rare(ours[:, mask], known[:, mask]),
        held_out_rare=_rare(theirs[:, mask], known[:, mask]),
        nearer_train=share,
        nearer_train_se=error,
        rows=(len(ours), len(theirs)),
    )


def _scaled(known: Array, *others: Array) -> list[Array]:
    """Numbers in widths of the training rows, from their medians; missing ones far away."""
    seen = np.where(np.isnan(known).all(axis=0), 0.0, known)  # a column without values has no width
    if not seen.shape[1]:
        return list(others)
    low, middle, high = np.nanquantile(seen, [0.01, 0.5, 0.99], axis=0)
    whole_range = np.nanmax(seen, axis=0) - np.nanmin(seen, axis=0)
    width = np.where(high > low, high - low, np.where(whole_range > 0, whole_range, 1.0))
    parts = [(part - middle) / width for part in others]
    return [np.where(np.isnan(part), FAR, np.clip(part, -FURTHEST, FURTHEST)) for part in parts]


def _nearest(rows: tuple[Array, Array], known: tuple[Array, Array]) -> tuple[Array, Codes]:
    """The distance of each row to the nearest known one, and which that is."""
    from scipy.spatial.distance import cdist

    numbers, levels = zip(rows, known, strict=True)
    distinct = [np.nan_to_num(part, nan=-1.0) for part in levels]  # missing is a level
    best, which = np.empty(len(rows[0])), np.empty(len(rows[0]), dtype=np.int64)
    for start in range(0, len(best), BLOCK):
        block = slice(start, start + BLOCK)
        distances = np.zeros((len(best[block]), len(known[0])))
        if numbers[0].shape[1]:
            distances += cdist(numbers[0][block], numbers[1], "cityblock")
        if distinct[0].shape[1]:
            distances += distinct[0].shape[1] * cdist(distinct[0][block], distinct[1], "hamming")
        which[block] = distances.argmin(axis=1)
        best[block] = distances[np.arange(len(distances)), which[block]]
    return best, which


def _nearer(to_train: tuple[Array, Codes], to_held_out: tuple[Array, Codes]) -> tuple[float, float]:
    """The share of samples nearer to a training row, where equal distances count half, and its standard error."""
    gap = to_train[0] - to_held_out[0]
    apart = np.abs(gap) > EQUAL
    share = float((gap < -EQUAL).mean() + 0.5 * (~apart).mean())
    of_row = np.concatenate(
        [np.bincount(which[apart & side]) for (_, which), side in ((to_train, gap < 0), (to_held_out, gap > 0))]
    )
    return share, float(0.5 * np.sqrt((of_row.astype(float) ** 2).sum()) / len(gap))


def duplicates(rows: Array, known: Array) -> float:
    """The share of rows that equal a known one in every cell, missing ones included."""
    both = np.nan_to_num(np.concatenate([known, rows]), nan=-np.inf) + 0.0  # no negative zeros
    _, codes = np.unique(both, axis=0, return_inverse=True)
    codes = codes.reshape(-1)
    seen = np.bincount(codes[: len(known)], minlength=int(codes.max()) + 1) > 0
    return float(seen[codes[len(known) :]].mean())


def _rare(levels: Array, known: Array) -> float:
    """The share of rows with a level that fewer than `RARE` known rows have."""
    rare: Flags = np.zeros(len(levels), dtype=bool)
    for theirs, ours in zip(known.T, levels.T, strict=True):
        _, codes = codes_of(np.concatenate([theirs, ours]))
        counts = np.bincount(codes[: len(theirs)], minlength=int(codes.max()) + 1)
        rare |= counts[codes[len(theirs) :]] < RARE
    return float(rare.mean())


def _over(sample: float, held_out: float) -> float:
    if held_out == 0.0:
        return 1.0 if sample == 0.0 else float("inf")
    return sample / held_out
