"""Baselines for each class of factors; `@baselines.register(MyFactor)` adds others."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from unnoise.data.factors import CategoryFactor, Factor, NumberFactor, PlaceFactor, SequenceFactor
from unnoise.evaluation.baselines import independent_log_prob

Found = Iterator[tuple[str, str, NDArray[np.float64]]]
SHARE = 9  # one training point in this many chooses the bandwidth


@singledispatch
def baselines(factor: Factor, train: Tensor, test: Tensor, seed: int) -> Found:
    """Yield name, description and log densities of the test points, (m,) in nats, of each baseline; none by default.

    `@baselines.register(MyFactor)` adds some for a class of factors of your own.

    Args:
        factor: whose points they are.
        train: points (n, *event) to fit on.
        test: points (m, *event) to judge by.
        seed: of all randomness.

    >>> import torch
    >>> from unnoise.data.factors import NumberFactor
    >>> next(baselines(object(), torch.zeros(3, 1), torch.zeros(2, 1), 0), None)
    """
    yield from ()


@baselines.register(NumberFactor)
def _of_numbers(factor: NumberFactor, train: Tensor, test: Tensor, seed: int) -> Found:
    from unnoise.evaluation import fit_baselines

    first, second = (part.flatten(1).double().numpy() for part in (train, test))
    for label, baseline in fit_baselines(first, seed).items():
        yield label, baseline.description, baseline.score_samples(second)


@baselines.register(CategoryFactor)
@baselines.register(SequenceFactor)
def _of_states(factor: CategoryFactor | SequenceFactor, train: Tensor, test: Tensor, seed: int) -> Found:
    words = "the frequencies of every column, as if columns were independent"
    yield "Independent", words, independent_log_prob(*(part.flatten(1).numpy() for part in (train, test)))


@baselines.register(PlaceFactor)
def _of_places(factor: PlaceFactor, train: Tensor, test: Tensor, seed: int) -> Found:
    from unnoise.evaluation import SphereKernelDensity

    points, x = (part.double().numpy() for part in (train, test))
    yield "Uniform", "the same density everywhere", np.full(len(x), -math.log(4 * math.pi))
    order = np.random.default_rng(seed).permutation(len(points))
    held_out = max(len(points) // SHARE, 1)
    density = SphereKernelDensity.fit(points[order[held_out:]], points[order[:held_out]])
    yield "Kernel density", density.description, density.score_samples(x)
