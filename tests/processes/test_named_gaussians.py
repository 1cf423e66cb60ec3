"""The Ornstein-Uhlenbeck process has the moments, the noise levels and the backward step of the textbook."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import FromMixture
from unnoise.denoisers import ExactMixture
from unnoise.processes import ornstein_uhlenbeck
from unnoise.samplers import Euler
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64
HORIZON = 3.0
TIMES = torch.tensor([0.01, 0.2, 0.7, 1.0], dtype=FLOAT64)


@pytest.fixture
def process():
    return ornstein_uhlenbeck(Euclidean(2), HORIZON)


def tau(t):
    """The clock of the process: a line from 5e-7 to the horizon."""
    return 5e-7 + (HORIZON - 5e-7) * t


def test_forward(process):
    """dX = -X dtau + sqrt(2) dB, and the law that it leads to."""
    alpha, sigma = process.alpha_sigma(TIMES)
    torch.testing.assert_close(alpha, torch.exp(-tau(TIMES)))
    torch.testing.assert_close(sigma, (1 - torch.exp(-2 * tau(TIMES))).sqrt())
    x, speed = torch.randn(4, 2, dtype=FLOAT64), HORIZON - 5e-7
    local = process.forward(x, TIMES)
    torch.testing.assert_close(local.drift, -speed * x)
    torch.testing.assert_close(local.scale, torch.full((4, 1), math.sqrt(2 * speed), dtype=FLOAT64))


def test_noise_and_shrinkage_can_be_told_apart(process, ring, rng):
    """sigma = sqrt(e^(2 tau) - 1), and grad log r_tau(x) = e^tau grad log q_sigma(e^tau x)."""
    x = torch.randn(20, 2, generator=rng, dtype=FLOAT64)
    for t in TIMES:
        grown, sigma = float(tau(t).exp()), math.sqrt(math.expm1(2 * float(tau(t))))
        assert float(process.time_at(torch.tensor(-2 * math.log(sigma), dtype=FLOAT64))) == pytest.approx(float(t))
        score = process.score(x, ExactMixture(process, ring)(x, t), t)
        torch.testing.assert_close(score, grown * FromMixture(ring).score(grown * x, sigma), rtol=1e-8, atol=1e-8)


def test_backward(process, ring):
    """y + gamma y + 2 gamma grad log r + sqrt(2 gamma) z, step by step on the same noise."""
    denoiser = ExactMixture(process, ring)
    sampler = Euler(denoiser, steps=20)
    start = sampler.start(50, torch.Generator().manual_seed(1))
    found = sampler.run(start, torch.Generator().manual_seed(2))
    rng, y, times = torch.Generator().manual_seed(2), start, torch.linspace(1, 0, 20, dtype=FLOAT64)
    gamma = float(tau(times[0]) - tau(times[1]))
    for t, _ in itertools.pairwise(times):
        score = process.score(y, denoiser(y, t), t)
        noise = torch.randn(50, 2, generator=rng, dtype=FLOAT64)
        y = y + gamma * y + 2 * gamma * score + math.sqrt(2 * gamma) * noise
    torch.testing.assert_close(found, denoiser(y, times[-1]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("horizon", [0.0, -1.0, math.inf, math.nan])
def test_a_horizon_that_is_none(horizon):
    with pytest.raises(InputError, match="got a horizon"):
        ornstein_uhlenbeck(Euclidean(1), horizon)
