"""Ancestral sampling and DDIM, against the published algorithms written out by hand on the same noise."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact, ExactMixture, Neural
from unnoise.heads.gaussian import Eps
from unnoise.processes import (
    HasKernel,
    LargeVariance,
    binomial_chain,
    chain_of_betas,
    edm,
    linear_betas,
    variance_preserving,
)
from unnoise.samplers import DDIM, Ancestral, ChainSteps
from unnoise.samplers.grids import Karras
from unnoise.schedules import Cosine, Linear, LinearLogSNR
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
STEPS = 30
SCHEDULES = {"linear": Linear(), "cosine": Cosine(), "log-snr": LinearLogSNR()}


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=SCHEDULES.values(), ids=SCHEDULES)
def case(request, ring):
    """An exact denoiser, starting points, and alpha-bar on a uniform grid from t = 1 to t = 0."""
    process = variance_preserving(Euclidean(2), request.param)
    denoiser = ExactMixture(process, ring)
    times = torch.linspace(1, 0, STEPS, dtype=FLOAT64)
    start = torch.randn(100, 2, generator=seeded(1), dtype=FLOAT64)
    return denoiser, start, times, torch.exp(-process.schedule.value(times))


def predicted_noise(denoiser, x, t, abar):
    return (x - abar.sqrt() * denoiser(x, t)) / (1 - abar).sqrt()


def test_ancestral_is_algorithm_2_of_ddpm(case):
    """Ho et al. 2020, algorithm 2, with sigma_t^2 the posterior variance."""
    denoiser, start, times, abar = case
    rng, x = seeded(2), start
    for i in range(STEPS - 1):
        alpha = abar[i] / abar[i + 1]
        z = torch.randn(100, 2, generator=rng, dtype=FLOAT64)
        noise = predicted_noise(denoiser, x, times[i], abar[i])
        mean = (x - (1 - alpha) / (1 - abar[i]).sqrt() * noise) / alpha.sqrt()
        x = mean + ((1 - abar[i + 1]) / (1 - abar[i]) * (1 - alpha)).sqrt() * z
    noise = predicted_noise(denoiser, x, times[-1], abar[-1])
    x = (x - (1 - abar[-1]).sqrt() * noise) / abar[-1].sqrt()  # the last step, to abar = 1, adds no noise
    found = Ancestral(denoiser, STEPS).run(start, seeded(2))
    torch.testing.assert_close(found, x, rtol=0, atol=1e-10)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_is_equation_12_of_its_paper(case, eta):
    """Song, Meng, Ermon 2021, eq. 12 and 16."""
    denoiser, start, times, abar = case
    rng, x = seeded(2), start
    for i in range(STEPS - 1):
        s = eta * ((1 - abar[i + 1]) / (1 - abar[i])).sqrt() * (1 - abar[i] / abar[i + 1]).sqrt()
        noise = predicted_noise(denoiser, x, times[i], abar[i])
        x_0 = (x - (1 - abar[i]).sqrt() * noise) / abar[i].sqrt()
        x = abar[i + 1].sqrt() * x_0 + (1 - abar[i + 1] - s**2).sqrt() * noise
        if eta:
            x = x + s * torch.randn(100, 2, generator=rng, dtype=FLOAT64)
    noise = predicted_noise(denoiser, x, times[-1], abar[-1])
    x = (x - (1 - abar[-1]).sqrt() * noise) / abar[-1].sqrt()
    found = DDIM(denoiser, STEPS, eta).run(start, seeded(2))
    torch.testing.assert_close(found, x, rtol=0, atol=1e-10)


def test_ancestral_is_ddim_with_all_of_the_noise(gaussian, ring):
    denoiser = ExactMixture(gaussian(2), ring)
    one, other = Ancestral(denoiser, STEPS), DDIM(denoiser, STEPS, eta=1.0)
    assert torch.equal(one.sample(50, seeded(5)), other.sample(50, seeded(5)))


def test_without_noise_ddim_is_euler_in_the_noise_level(gaussian, ring):
    """Karras et al. 2022, section 4: d(x/alpha) = (x/alpha - x_0) / level d(level), level = sigma / alpha."""
    process = gaussian(2)
    denoiser = ExactMixture(process, ring)
    start = DDIM(denoiser).start(50, seeded(1))
    times = Karras()(process, STEPS)
    alpha, sigma = process.alpha_sigma(times)
    level, x = sigma / alpha, start / alpha[0]
    for i in range(STEPS - 1):
        x = x + (level[i + 1] - level[i]) * (x - denoiser(alpha[i] * x, times[i])) / level[i]
    expected = denoiser(alpha[-1] * x, times[-1])
    found = DDIM(denoiser, STEPS, grid=Karras()).run(start, seeded(2))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_without_noise_nothing_is_drawn(ring):
    rng = seeded(0)
    sampler = DDIM(ExactMixture(edm(Euclidean(2)), ring), 5)
    start = sampler.start(4, rng)
    before = rng.get_state()
    sampler.run(start, rng)
    assert torch.equal(rng.get_state(), before)


def test_ddim_follows_the_flow_to_first_order(gaussian, gaussian_data):
    denoiser, truth = gaussian_data(gaussian(1), 3.0)
    one = torch.ones(1, 1, dtype=FLOAT64)
    errors = [float(DDIM(denoiser, steps, grid=Karras()).run(one, seeded(0))) - truth for steps in (101, 201)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.05)


def test_ancestral_samples_of_gaussian_data_have_the_variance_of_its_recursion(gaussian, gaussian_data):
    """All is linear: the variance of the result is a recursion, met by 20000 samples within 5 deviations."""
    process = gaussian(1)
    denoiser, _ = gaussian_data(process, 0.5)
    times, variance = torch.linspace(1, 0, 20, dtype=FLOAT64), process.prior(1).scale.double() ** 2
    one = torch.ones(1, 1, dtype=FLOAT64)
    for t, s in itertools.pairwise(times):
        law = process.bridge(denoiser(one, t), one, t, s)
        variance = law.mean**2 * variance + law.scale**2
    variance = float(denoiser(one, times[-1]) ** 2 * variance)
    draws = Ancestral(denoiser, 20).sample(20_000, seeded(3), batch_size=20_000)
    assert abs(float(draws.square().mean()) / variance - 1) < 5 * math.sqrt(2 / 20_000)


@pytest.mark.parametrize(
    ("sampler", "needs"),
    [
        (Ancestral, r"Ancestral needs a process whose bridge is known \(Bridged\)"),
        (DDIM, r"DDIM needs a process with x_t = alpha x_0 \+ sigma noise \(Gaussian\)"),
    ],
)
def test_a_process_without_the_capability_is_refused(sampler, needs):
    kernel_only = type("KernelOnly", (HasKernel,), dict.fromkeys(HasKernel.__abstractmethods__))()
    denoiser = Exact(edm(Euclidean(1)), torch.zeros(1, 1))
    denoiser.process = kernel_only
    with pytest.raises(InputError, match=rf"^{needs}, not KernelOnly: use samplers.Euler"):
        sampler(denoiser)


FLOAT64 = torch.float64
BETAS = linear_betas(10, 0.02, 0.4)
CHAIN = chain_of_betas(Euclidean(2), BETAS)


class Network(torch.nn.Module):
    """An arbitrary guess of the noise."""

    def forward(self, x, level, cond=None):
        return torch.tanh(2 * x + level)


def algorithm_2(x, variance, rng):
    """x_{t-1} = (x_t - beta_t / sqrt(1 - ab_t) eps_theta(x_t, t)) / sqrt(1 - beta_t) + s_t z, with no z at the end."""
    alpha_bar = torch.cumprod(1 - torch.tensor(BETAS, dtype=FLOAT64), 0).tolist()
    for t in range(10, 0, -1):
        beta, left = BETAS[t - 1], alpha_bar[t - 1]
        before = alpha_bar[t - 2] if t > 1 else 1.0
        scale = math.sqrt(beta if variance == "large" else (1 - before) / (1 - left) * beta)
        z = torch.randn(x.shape, generator=rng, dtype=FLOAT64) if t > 1 else 0.0
        eps = Network()(x, torch.tensor(-math.log(left / (1 - left)) / 8))
        x = (x - beta / math.sqrt(1 - left) * eps) / math.sqrt(1 - beta) + scale * z
    return x


SAMPLERS = {
    "ancestral": ("small", lambda denoiser: Ancestral(denoiser, 10)),
    "small": ("small", lambda denoiser: ChainSteps(denoiser, CHAIN)),
    "large": ("large", lambda denoiser: ChainSteps(denoiser, dataclasses.replace(CHAIN, variance=LargeVariance()))),
}


@pytest.mark.parametrize(("variance", "sampler"), SAMPLERS.values(), ids=SAMPLERS)
def test_algorithm_2_is_the_published_one(variance, sampler):
    start = torch.randn(5, 2, dtype=FLOAT64, generator=torch.Generator().manual_seed(1))
    denoiser = Neural(CHAIN.process, Network(), Eps)
    found = sampler(denoiser).run(start, torch.Generator().manual_seed(0))
    truth = algorithm_2(start, variance, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=1e-6)


def test_a_chain_of_bits_comes_back_to_its_law(rng):
    chain, bits = binomial_chain(Finite(2, 2), 0.7, 60), torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    law = torch.tensor([0.1, 0.2, 0.2, 0.5], dtype=FLOAT64)
    samples = ChainSteps(Exact(chain.process, bits, law), chain).sample(4000, rng)
    counts = torch.bincount(2 * samples[:, 0] + samples[:, 1], minlength=4)
    chi_square = ((counts - 4000 * law) ** 2 / (4000 * law)).sum()
    assert float(chi_square) < 21.1  # of 3 degrees of freedom: one in 10,000
