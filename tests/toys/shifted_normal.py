"""A likelihood that is exact, x ~ N(theta, NOISE^2 I) on R^2 as a mixture of one component, and its posteriors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from simulated import NOISE, normal_prior

from unnoise.inference import LearntLikelihood, Simulations, as_prior
from unnoise.inference.observed import Observed
from unnoise.inference.points import PointLaw, Units, untrained

X = np.array([0.8, -0.5])
SETS = {1: X[None], 4: X + 0.3 * np.array([[1.0, 0], [0, 1], [-1, 0], [2, -1]]), 16: np.tile(X + 0.2, (16, 1))}


def exact(prior: Any = None) -> LearntLikelihood:
    """x ~ N(theta, NOISE^2 I), known, as a mixture of one component."""
    law = as_prior(normal_prior() if prior is None else prior)
    denoiser = untrained(2, 2, 1)
    denoiser.coefficients[1:3] = torch.eye(2)
    denoiser.scales.fill_(NOISE)
    ends, zeros, ones = law.parameters, (0.0, 0.0), (1.0, 1.0)
    units = Units(ends.low, ends.high, zeros, ones, zeros, ones)
    model = PointLaw(denoiser.requires_grad_(False), units, "known")
    rng = np.random.default_rng(0)
    theta = law.draw(600, torch.Generator().manual_seed(0))
    made = Simulations(law.parameters.shown(theta), theta + NOISE * rng.normal(size=theta.shape))
    observed = Observed.of(made)
    features = observed.features(made.x[:300])
    return LearntLikelihood(model, law.parameters, observed, features, made.at(slice(300, 600)), law)


def truth(x: NDArray[np.float64], mean: float = 0.0, scale: float = 1.0) -> tuple[NDArray[np.float64], float, float]:
    """Mean and deviation of the posterior, and the evidence of a set (j, 2), of the prior N(mean, scale^2)."""
    precision = len(x) / NOISE**2 + 1 / scale**2
    middle = (x.sum(axis=0) / NOISE**2 + mean / scale**2) / precision
    covariance = NOISE**2 * np.eye(len(x)) + scale**2
    law = torch.distributions.MultivariateNormal(torch.full((len(x),), mean).double(), torch.from_numpy(covariance))
    return middle, precision**-0.5, float(law.log_prob(torch.from_numpy(x.T)).sum())
