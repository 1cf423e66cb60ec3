"""Heun's method, against algorithm 2 of Karras et al. 2022 written out by hand on the same noise."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact, ExactMixture
from unnoise.processes import HasKernel, edm
from unnoise.samplers import Heun
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
STEPS = 18


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def algorithm_2(denoise, x, levels, rng, s_churn=0.0, s_min=0.0, s_max=math.inf, s_noise=1.0):
    """Algorithm 2, in the paper's own words; `levels` are t_0 > ... > t_{N-1}, and t_N = 0."""
    steps, levels = len(levels), [*levels.tolist(), 0.0]
    for i in range(steps):
        gamma = min(s_churn / steps, math.sqrt(2) - 1) if s_min <= levels[i] <= s_max else 0.0
        hat = levels[i] * (1 + gamma)
        if gamma:
            noise = s_noise * torch.randn(x.shape, generator=rng, dtype=FLOAT64)
            x = x + math.sqrt(hat**2 - levels[i] ** 2) * noise
        d = (x - denoise(x, hat)) / hat
        following = x + (levels[i + 1] - hat) * d
        if levels[i + 1]:
            d_2 = (following - denoise(following, levels[i + 1])) / levels[i + 1]
            following = x + (levels[i + 1] - hat) * (d + d_2) / 2
        x = following
    return x


def in_levels(denoiser):
    """D(x; level) of the paper: the denoiser of any Gaussian process, asked in x / alpha at level sigma / alpha."""

    def denoise(x, level):
        t = denoiser.process.time_at(torch.tensor(-2 * math.log(level), dtype=FLOAT64))
        return denoiser(denoiser.process.alpha_sigma(t)[0] * x, t)

    return denoise


def karras_levels(process):
    low, high = torch.exp(-0.5 * process.log_snr(torch.tensor([0.0, 1.0], dtype=FLOAT64)) / 7).tolist()
    return torch.linspace(high, low, STEPS, dtype=FLOAT64) ** 7


def test_it_is_algorithm_2(gaussian, ring):
    """On every process, in the variables x / alpha and sigma / alpha."""
    process = gaussian(2)
    denoiser = ExactMixture(process, ring)
    sampler = Heun(denoiser, STEPS)
    start = sampler.start(100, seeded(1))
    alpha = process.alpha_sigma(torch.tensor(1.0, dtype=FLOAT64))[0]
    expected = algorithm_2(in_levels(denoiser), start / alpha, karras_levels(process), None)
    torch.testing.assert_close(sampler.run(start, seeded(2)), expected, rtol=0, atol=1e-10)


CHURN = {
    "published": (40.0, 0.05, 50.0, 1.003),  # Karras et al. 2022, table 5, ImageNet
    "capped": (100.0, 0.01, 1.0, 1.0),  # more than sqrt(2) - 1 a step
    "little": (2.0, 0.01, math.inf, 1.0),
}


@pytest.mark.parametrize(("churn", "low", "high", "noise"), CHURN.values(), ids=CHURN)
def test_with_churn_it_is_algorithm_2(ring, churn, low, high, noise):
    process = edm(Euclidean(2))
    denoiser = ExactMixture(process, ring)
    sampler = Heun(denoiser, STEPS, churn=churn, churn_range=(low, high), churn_noise=noise)
    start = sampler.start(100, seeded(1))
    expected = algorithm_2(in_levels(denoiser), start, karras_levels(process), seeded(2), churn, low, high, noise)
    found = sampler.run(start, seeded(2))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert (found - Heun(denoiser, STEPS).run(start, seeded(2))).abs().max() > 0.01


def test_churn_works_on_every_process(gaussian, ring):
    """The first step may rise above t = 1; the samples stay on the ring."""
    sampler = Heun(ExactMixture(gaussian(2), ring), 40, churn=20.0)
    radius = sampler.sample(500, seeded(0)).norm(dim=1)
    # the mean radius of N((2, 0), 0.15^2 I) is near 2 + 0.15^2 / 4
    assert_mean(radius, 2 + 0.15**2 / 4, tolerance=0.01)  # of forty steps
    with pytest.raises(ImprobableError):
        assert_mean(radius, 2 - 2 * 0.15**2, tolerance=0.01)
    assert (radius - 2).abs().max() < 1.2


def test_it_follows_the_flow_to_second_order(gaussian, gaussian_data):
    denoiser, truth = gaussian_data(gaussian(1), 3.0)
    one = torch.ones(1, 1, dtype=FLOAT64)
    errors = [float(Heun(denoiser, steps).run(one, seeded(0))) - truth for steps in (101, 201)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.05)


def test_it_costs_what_it_says():
    calls = []
    denoiser = Exact(edm(Euclidean(1)), torch.zeros(1, 1))
    denoiser.register_forward_hook(lambda *_: calls.append(1))
    Heun(denoiser, steps=7).sample(2, seeded(0))
    assert len(calls) == 2 * 7 - 1


@pytest.mark.filterwarnings("ignore:.* are too coarse")
def test_every_row_keeps_its_condition():
    class Echo(Exact):
        def forward(self, x_t, t, cond=None):
            return cond.expand_as(x_t)

    cond = torch.arange(5.0)[:, None]
    found = Heun(Echo(edm(Euclidean(2)), torch.zeros(1, 2)), 4).sample(5, seeded(0), cond)
    assert torch.equal(found, cond.expand(5, 2))


def test_a_process_without_the_capability_is_refused():
    denoiser = Exact(edm(Euclidean(1)), torch.zeros(1, 1))
    denoiser.process = type("KernelOnly", (HasKernel,), dict.fromkeys(HasKernel.__abstractmethods__))()
    needs = r"^Heun needs a process with x_t = alpha x_0 \+ sigma noise \(Gaussian\), not KernelOnly"
    with pytest.raises(InputError, match=needs):
        Heun(denoiser)
