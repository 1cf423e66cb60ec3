"""Models that are fitted in a second, and the data for them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from unnoise import DenoisingMarkovModel, samplers
from unnoise.networks import MLP

EVIL = "<script>alert('x')</script> & \"co\""
NUMBERS = {EVIL: "real", "b": "real", "count": "integer"}  # points of R^3, which have exact likelihoods and baselines
BASELINES = ["Gaussian", "Gaussian mixture", "Kernel density"]


def tiny(**changes: Any) -> DenoisingMarkovModel:
    parts = {"network": partial(MLP, width=16, depth=1, embedding=16), "sampler": partial(samplers.Heun, steps=8)}
    return DenoisingMarkovModel(**{"steps": 20, "batch_size": 32, **parts, **changes})


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return pd.DataFrame({EVIL: 5 + a, "b": 100 * (a + rng.normal(size=n)), "count": rng.poisson(3, n)})
