"""Tasks of the benchmark by a likelihood of one point: a learnt mixture, and as a rival one Gaussian."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal, Uniform

from experiments.sbibm_tasks import BernoulliGLM, Task
from unnoise import inference
from unnoise.denoisers import NormalMixture
from unnoise.inference.fitting_likelihood import SETTINGS, fitted_likelihood
from unnoise.inference.points import untrained
from unnoise.networks import Products
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean


@dataclass
class Walked:
    """A likelihood whose posterior is walked on, with the CPU seconds of its training."""

    found: inference.LearntLikelihood
    shape: tuple[int, ...]
    seconds: float
    trusted: list[bool] = field(default_factory=list)

    def draw(self, observed: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        """Of one observation of the task."""
        walk = self.found.posterior(observed.reshape(self.shape), n=n, seed=seed)
        self.trusted.append(walk.trusted)
        return np.asarray(walk.draws)

    @property
    def words(self) -> str:
        """How training ended, and whether draws can be believed."""
        return f"{self.found.model.ended}; {sum(self.trusted)} of {len(self.trusted)} walks trusted"


def by_likelihood(
    task: Task,
    theta: Tensor,
    x: Tensor,
    seed: int,
    *,
    steps: int | None = None,
    points: int | None = None,
    make: Callable[[int, int, int], NormalMixture] = untrained,
    components: int = 4,
) -> Walked:
    """Learn the law of x, or of one of its points, with nothing but defaults, and walk on the posterior of all."""
    count = points or 1
    shape = (count, x.shape[1] // count)
    made = inference.Simulations(theta, x.reshape(len(x), *shape) if points else x, count)
    settings = SETTINGS if steps is None else replace(SETTINGS, steps=steps)
    start = time.process_time()
    law = inference.as_prior(prior_of(task))
    options: Any = {"make": make, "components": components, "settings": settings, "seed": seed, "progress": False}
    found = fitted_likelihood(law, made, 0.1, **options)
    return Walked(found, shape, time.process_time() - start)


class Quadratic(nn.Module):
    """Outputs that are polynomials of second degree of the condition, at first zero."""

    def __init__(self, cond_features: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(Products.features(cond_features), outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, level: Tensor, cond: Tensor) -> Tensor:
        """For one component, (n, 1, outputs)."""
        i, j = torch.triu_indices(cond.shape[1], cond.shape[1])
        known = torch.cat([cond, cond[:, i] * cond[:, j]], 1)
        found: Tensor = self.linear(known)[:, None]
        return found


def gaussian(d: int, k: int, components: int) -> NormalMixture:
    """One Gaussian: mean, log widths and what ties its numbers are of second degree in the parameters."""
    network = Quadratic(d, NormalMixture.outputs(k))
    return NormalMixture(variance_preserving(Euclidean(k)), network, d, components)


def prior_of(task: Task) -> Distribution:
    """The prior of a task."""
    if isinstance(task, BernoulliGLM):
        return MultivariateNormal(torch.zeros(task.dim), precision_matrix=task.precision)
    if task.bound is None:
        return MultivariateNormal(torch.zeros(task.dim), 0.1 * torch.eye(task.dim))
    ends = torch.full((task.dim,), float(task.bound))
    return Uniform(-ends, ends)
