"""Quick models to be beaten by slow ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unnoise.model.estimator import DenoisingMarkovModel


def rival(
    train: Any,
    y: Any = None,
    *,
    kinds: Mapping[str, str] | None = None,
    time_limit: float | None = None,
    seed: int = 0,
) -> DenoisingMarkovModel:
    """A quick model of the rows that another model was trained on, to be beaten.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(3.0, 2.0, (200, 2))
    >>> baseline = rival(x)
    >>> baseline.sample(5, seed=0).shape, baseline.score_samples(x[:3]).shape
    ((5, 2), (3,))
    """
    model = DenoisingMarkovModel(quick=True, kinds=kinds, time_limit=time_limit, random_state=seed, progress=False)
    return model.fit(train, y)
