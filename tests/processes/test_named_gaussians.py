"""Ornstein-Uhlenbeck by the textbook; and whatever ends a schedule may have, samples are right."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import ornstein_uhlenbeck, variance_preserving
from unnoise.samplers import DDIM, Ancestral, Euler, Heun, Multistep
from unnoise.schedules import Cosine, Linear, LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing.findings import FAILURE_RATE
from unnoise.testing.statistics import mean_is_zero

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


def blurred(law, sigma):
    """The law of X + sigma N."""
    return GaussianMixture(law.weights, law.means, law.covariances + sigma**2 * torch.eye(2, dtype=FLOAT64))


def test_noise_and_shrinkage_can_be_told_apart(process, ring, rng):
    """sigma = sqrt(e^(2 tau) - 1), and grad log r_tau(x) = e^tau grad log q_sigma(e^tau x)."""
    x = torch.randn(20, 2, generator=rng, dtype=FLOAT64)
    for t in TIMES:
        grown, sigma = float(tau(t).exp()), math.sqrt(math.expm1(2 * float(tau(t))))
        assert float(process.time_at(torch.tensor(-2 * math.log(sigma), dtype=FLOAT64))) == pytest.approx(float(t))
        score = process.score(x, ExactMixture(process, ring)(x, t), t)
        torch.testing.assert_close(score, grown * blurred(ring, sigma).score(grown * x), rtol=1e-8, atol=1e-8)


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


ENDS = {  # nearly no noise at first, nearly no signal at last
    "cosine": Cosine(1e-6, 1 - 1e-6),
    "linear": Linear(tau_min=1e-8),
    "level": LinearLogSNR(20.0, -25.0),
}
RUN = {
    "multistep": lambda denoiser: Multistep(denoiser, 50),
    "euler": lambda denoiser: Euler(denoiser, 400),
    "ancestral": lambda denoiser: Ancestral(denoiser, 400),
    "ddim": lambda denoiser: DDIM(denoiser, 400),
    "heun": lambda denoiser: Heun(denoiser, 400),
}


@pytest.mark.parametrize("sampler", RUN.values(), ids=RUN)
@pytest.mark.parametrize("schedule", ENDS.values(), ids=ENDS)
def test_ends_as_far_as_they_are_allowed_give_the_right_spread(schedule, sampler, rng):
    """Data N(0, 1/4), exactly denoised: the square of every sample has the mean 1/4."""
    one, process = torch.ones(1, dtype=FLOAT64), variance_preserving(Euclidean(1), schedule)
    law = GaussianMixture(one, 0 * one[None], 0.25 * one[None, None])
    samples = sampler(ExactMixture(process, law).double()).sample(2000, rng).double()
    assert mean_is_zero(samples**2 - 0.25, tolerated=0.01) > FAILURE_RATE


@pytest.mark.parametrize("schedule", [Cosine(tau_min=0.0), Linear(tau_min=0.0)], ids=["cosine", "linear"])
def test_data_without_any_noise_are_refused(schedule):
    with pytest.raises(InputError, match="the log SNR is inf at t = 0; it must be finite"):
        variance_preserving(Euclidean(1), schedule)


@pytest.mark.parametrize("horizon", [0.0, -1.0, math.inf, math.nan])
def test_a_horizon_that_is_none(horizon):
    with pytest.raises(InputError, match="expected a finite number above 5e-07"):
        ornstein_uhlenbeck(Euclidean(1), horizon)


def test_backward_in_terms_of_the_smoothed_density(ring):
    """y + gamma y + 2 gamma e^tau grad log q_sigma(e^tau y) + sqrt(2 gamma) z, sigma = sqrt(e^(2 tau) - 1)."""
    horizon, first = 3.0, 5e-7
    sampler = Euler(ExactMixture(ornstein_uhlenbeck(Euclidean(2), horizon), ring), steps=25)
    y = sampler.start(50, torch.Generator().manual_seed(1)).double()
    found = sampler.run(y, torch.Generator().manual_seed(2))

    rng, taus = torch.Generator().manual_seed(2), torch.linspace(horizon, first, 25, dtype=FLOAT64).tolist()
    for tau, after in itertools.pairwise(taus):
        gamma, grown, sigma = tau - after, math.exp(tau), math.sqrt(math.expm1(2 * tau))
        noise = torch.randn(50, 2, generator=rng, dtype=FLOAT64)
        y = y + gamma * y + 2 * gamma * grown * blurred(ring, sigma).score(grown * y) + math.sqrt(2 * gamma) * noise
    sigma = math.sqrt(math.expm1(2 * taus[-1]))
    y = math.exp(taus[-1]) * y
    torch.testing.assert_close(found, y + sigma**2 * blurred(ring, sigma).score(y), atol=1e-9, rtol=0)
