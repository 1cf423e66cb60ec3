"""Learnt betas against the optimum of the bound in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.processes import Chain, LearnedBetas, even_times, linear_betas, variance_preserving
from unnoise.spaces import Euclidean
from unnoise.training import learn_betas

V = 0.05
START = linear_betas(5, 0.01, 0.6)


class Linear(Denoiser):
    """The exact denoiser of data N(0, V), whatever the betas."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x_t, t, cond=None):
        alpha, sigma = (part[:, None] for part in self.process.alpha_sigma(t))
        return alpha * V / (alpha**2 * V + sigma**2) * x_t


def negative_bound(betas):
    """-E[K] for data N(0, V), written down from the definitions, with the small variance."""
    left = np.cumprod(1 - np.asarray(betas))
    snr = left / (1 - left)
    steps = 0.5 * np.sum((snr[:-1] - snr[1:]) * V / (1 + V * snr[1:]))
    end = left[-1] * V + 1 - left[-1]
    prior = 0.5 * (end - 1 - math.log(1 - left[-1]))
    first = betas[0]
    decoder = 0.5 * (math.log(2 * math.pi * first) + (V * first**2 + (1 - first) * first) / first)
    return steps + prior + decoder


def test_they_reach_the_optimum(rng):
    """Within 0.005 nats, which 20,000 rows allow; the line of betas they start from is far away."""
    schedule = LearnedBetas(START)
    process = variance_preserving(Euclidean(1), schedule)
    x_0 = math.sqrt(V) * torch.randn(20_000, 1, generator=rng, dtype=torch.float64)
    learnt = learn_betas(Chain(process, even_times(5)), Linear(process), x_0, rng).betas

    def of_logits(logits):
        return negative_bound([START[0], *(1 / (1 + np.exp(-logits)))])

    best = minimize(of_logits, np.zeros(4), method="BFGS")
    assert negative_bound(START) > best.fun + 0.1
    assert best.fun - 1e-6 < negative_bound(learnt) < best.fun + 0.005
    assert learnt[0] == pytest.approx(START[0], rel=1e-12)


def test_fixed_betas_are_refused(rng):
    process = variance_preserving(Euclidean(1))
    with pytest.raises(InputError, match="expected a Gaussian process whose schedule is LearnedBetas"):
        learn_betas(Chain(process, even_times(5)), Linear(process), torch.zeros(4, 1), rng)
