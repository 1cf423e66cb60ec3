"""The baseline of finite states: the frequencies of the states at every site, as if sites were independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unnoise.evaluation._rows import Array

Whole = NDArray[np.integer]


def independent_log_prob(train: Whole, test: Whole) -> Array:
    """The log-probability of each test row, (n,) in nats, under independent sites.

    Every state counts once more than it was seen at a site, so that none has probability 0.

    Args:
        train: states from 0, (n, sites), that are counted.
        test: states from 0, (m, sites).

    >>> train = np.array([[0], [0], [1]])
    >>> np.exp(independent_log_prob(train, np.array([[0], [1]])))
    array([0.6, 0.4])
    """
    states, sites = int(max(train.max(), test.max())) + 1, np.arange(train.shape[1])
    counts = np.ones((len(sites), states))
    np.add.at(counts, (sites, train), 1.0)
    log_share = np.log(counts / counts.sum(1, keepdims=True))
    return np.asarray(log_share[sites, test].sum(1))
