"""Models of small tables whose denoiser is exact, so that every answer can be counted by hand."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from unnoise import DenoisingMarkovModel, denoisers, samplers
from unnoise.networks import MLP

TINY = partial(MLP, width=8, depth=1, embedding=8)
STEPS = 50  # of samplers, whose bias is far below the chance of the draws


def knowing(frame: pd.DataFrame, **changes: Any) -> DenoisingMarkovModel:
    """A model that knows the law of these rows, each as likely as the others, without an error."""
    settings = {"steps": 1, "batch_size": 8, "network": TINY, "sampler": partial(samplers.Ancestral, steps=STEPS)}
    model = DenoisingMarkovModel(**settings | changes).fit(frame)
    atoms, _ = model.schema_.encode(frame).all(torch.Generator().manual_seed(0))
    model.denoiser_ = denoisers.Exact(model.denoiser_.process, atoms)
    return model


def levels(n: int = 80, seed: int = 0) -> pd.DataFrame:
    """Two dependent columns of levels, and a third that depends on both."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, n)
    b = np.where(rng.random(n) < 0.7, a, rng.integers(0, 3, n))
    c = np.where(rng.random(n) < 0.8, (a + b) % 2, rng.integers(0, 2, n))
    return pd.DataFrame({"a": np.array(["x", "y"])[a], "b": np.array(["p", "q", "r"])[b], "c": np.array(["u", "v"])[c]})


def holed(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    """The same, where b is missing in most rows with a = x, and in few others."""
    rng = np.random.default_rng(seed)
    frame = frame.copy()
    frame.loc[rng.random(len(frame)) < np.where(frame["a"] == "x", 0.7, 0.1), "b"] = None
    return frame


def share(frame: pd.DataFrame, by: str, names: tuple[Any, ...]) -> torch.Tensor:
    """The shares of the values of a column, in this order."""
    return torch.tensor([float((frame[by] == name).mean()) for name in names], dtype=torch.float64)


def counts(frame: pd.DataFrame, by: str, names: tuple[Any, ...]) -> torch.Tensor:
    """How often each of these values occurs."""
    return torch.tensor([int((frame[by] == name).sum()) for name in names])
