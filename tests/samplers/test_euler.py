"""Euler's method on the reverse process, against the textbook's step and its order."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from unnoise.denoisers import ExactMixture
from unnoise.processes import variance_preserving
from unnoise.samplers import Euler
from unnoise.samplers.grids import Karras
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64


@pytest.mark.filterwarnings("ignore:.* are too coarse")
@pytest.mark.parametrize("churn", [0.0, 0.5, 1.0])
def test_a_step_is_euler_maruyama_of_the_reverse_sde(gaussian, ring, churn):
    """Song et al. 2021, eq. 6: dx = (f - (1 + churn^2)/2 g^2 score) dt + churn g dB, backwards."""
    process = gaussian(2)
    denoiser = ExactMixture(process, ring)
    sampler = Euler(denoiser, steps=20, churn=churn)
    start = sampler.start(50, torch.Generator().manual_seed(1))
    found = sampler.run(start, torch.Generator().manual_seed(2))

    rng, x = torch.Generator().manual_seed(2), start
    times = torch.linspace(1, 0, 20, dtype=FLOAT64)
    for t, s in itertools.pairwise(times):
        forward = process.forward(x, t)
        score = process.score(x, denoiser(x, t), t)
        drift = forward.drift - 0.5 * (1 + churn**2) * forward.scale**2 * score
        noise = torch.randn(50, 2, generator=rng, dtype=FLOAT64)
        x = x - drift * (t - s) + churn * forward.scale * math.sqrt(t - s) * noise
    torch.testing.assert_close(found, denoiser(x, times[-1]), rtol=0, atol=1e-10)


def test_the_flow_is_followed_to_first_order(gaussian, gaussian_data, rng):
    """Halving the step halves the error, on data whose flow is known."""
    denoiser, truth = gaussian_data(gaussian(1), 3.0)
    one = torch.ones(1, 1, dtype=FLOAT64)
    errors = [float(Euler(denoiser, steps, 0.0, Karras()).run(one, rng)) - truth for steps in (201, 401)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)


def test_the_samples_of_gaussian_data_have_its_variance(gaussian_data, rng):
    """The mean square of 20000 samples; a bias of first order is extrapolated away."""
    process = variance_preserving(Euclidean(1), LinearLogSNR(8.0, -8.0))
    denoiser, _ = gaussian_data(process, 0.5)
    coarse, fine = (Euler(denoiser, steps).sample(20_000, rng, batch_size=20_000).square() for steps in (100, 199))
    assert_mean(2 * fine - coarse, 0.5)
    with pytest.raises(ImprobableError):
        assert_mean(Euler(denoiser, 20).sample(20_000, rng, batch_size=20_000).square(), 0.5)
