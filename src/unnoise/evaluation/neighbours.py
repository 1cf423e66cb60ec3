"""Memorisation: are samples copies of training rows?

Distances of samples to their nearest training rows are compared with those of held-out rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unnoise._checks import whole
from unnoise.evaluation._rows import Array, as_pair

SEARCH_BLOCK = 2_000  # rows looked up at once
RESAMPLES = 200
NEAR = 0.01  # quantile of held-out distances up to which rows are near


@dataclass(frozen=True)
class Neighbours:
    """The k nearest rows of each of n rows, nearest first.

    Attributes:
        indices: their places, (n, k).
        distances: Euclidean, (n, k), in the units of the rows.
    """

    indices: NDArray[np.int64]
    distances: Array


@dataclass(frozen=True)
class Memorisation:
    """A `ratio` near 0 means copies, near 1 new samples.

    `near_share` of the samples are as near to a training row as the nearest held-out rows, of which there are
    `held_out_near_share`: 1 % in continuous data; in whole or rounded numbers, where held-out rows repeat training rows
    too, all that do. Without copies the two shares agree up to chance.
    """

    ratio: float
    ratio_se: float
    near_share: float
    held_out_near_share: float
    sample_distances: Array
    held_out_distances: Array


def nearest_training(samples: Any, train: Any, k: int = 1) -> Neighbours:
    """The k nearest training rows of every sample, by Euclidean distance.

    Rows have any shape. Standardise columns of different units.

    >>> nearest_training([[0.0, 0.9]], [[5.0, 5.0], [0.0, 1.0]]).indices
    array([[1]])
    """
    from sklearn.neighbors import NearestNeighbors

    whole(least=1, k=k)
    rows, known = as_pair(samples, train, ("the samples", "the training rows"))
    search = NearestNeighbors(n_neighbors=min(k, len(known)), algorithm="brute").fit(known)
    blocks = [rows[i : i + SEARCH_BLOCK] for i in range(0, len(rows), SEARCH_BLOCK)]
    indices = np.concatenate([search.kneighbors(block, return_distance=False) for block in blocks])
    # exact, since the search rounds, and a copy has distance 0
    distances = np.stack([np.linalg.norm(rows - known[column], axis=1) for column in indices.T], axis=1)
    return Neighbours(indices, distances)


def memorisation(samples: Any, held_out: Any, train: Any, *, seed: int = 0) -> Memorisation:
    """Median distance of samples to their nearest training row, over that of held-out rows.

    The standard error is a bootstrap. If half of the held-out rows are copies, the ratio is 1 if half of the samples
    are too, else infinite: then the shares tell more.

    >>> rng = np.random.default_rng(0)
    >>> train, held_out, fresh = rng.normal(size=(3, 400, 2))
    >>> 0.7 < memorisation(fresh, held_out, train).ratio < 1.4, memorisation(train, held_out, train).ratio
    (True, 0.0)
    """
    whole(seed=seed)
    ours = nearest_training(samples, train).distances[:, 0]
    theirs = nearest_training(held_out, train).distances[:, 0]
    near = np.quantile(theirs, NEAR, method="inverted_cdf")  # the distance of a row: 0 if enough rows repeat
    rng = np.random.default_rng(seed)
    again = [_ratio(rng.choice(ours, len(ours)), rng.choice(theirs, len(theirs))) for _ in range(RESAMPLES)]
    finite = np.array([ratio for ratio in again if np.isfinite(ratio)])
    return Memorisation(
        ratio=_ratio(ours, theirs),
        ratio_se=float(finite.std()) if finite.size else float("nan"),
        near_share=float((ours <= near).mean()),
        held_out_near_share=float((theirs <= near).mean()),
        sample_distances=ours,
        held_out_distances=theirs,
    )


def _ratio(ours: Array, theirs: Array) -> float:
    sample, held_out = float(np.median(ours)), float(np.median(theirs))
    if held_out == 0.0:
        return 1.0 if sample == 0.0 else float("inf")
    return sample / held_out
