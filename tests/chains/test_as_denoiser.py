"""A smoothed density run backwards is what the denoiser of the process gives, and the lecture's own iteration."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from unnoise import targets
from unnoise._errors import InputError
from unnoise.chains import AsDenoiser, Density, FromDenoiser, FromMixture, PlugIn
from unnoise.denoisers import ExactMixture
from unnoise.processes import CTMC, ornstein_uhlenbeck, rates
from unnoise.samplers import Euler
from unnoise.samplers.grids import Karras
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64


@pytest.mark.parametrize("time", [0.0, 0.3, 1.0])
def test_it_is_the_denoiser_of_any_process(gaussian, ring, rng, time):
    process, t = gaussian(2), torch.tensor(time, dtype=FLOAT64)
    x = process.marginal(ring.sample(rng, (20,)), t).sample(rng)
    found = AsDenoiser(FromMixture(ring), process)(x, t)
    torch.testing.assert_close(found, ExactMixture(process, ring)(x, t), rtol=1e-6, atol=1e-6)


def test_it_undoes_from_denoiser(gaussian, ring, rng):
    plain = ExactMixture(gaussian(2), ring)
    x, t = torch.randn(20, 2, generator=rng, dtype=FLOAT64), torch.full((20,), 0.6, dtype=FLOAT64)
    torch.testing.assert_close(AsDenoiser(FromDenoiser(plain), plain.process)(x, t), plain(x, t), rtol=1e-6, atol=1e-6)


def test_euler_is_the_backward_iteration_in_terms_of_the_smoothed_density(ring):
    """y + gamma y + 2 gamma e^tau grad log q_sigma(e^tau y) + sqrt(2 gamma) z, sigma = sqrt(e^(2 tau) - 1)."""
    smoothed, horizon, first = FromMixture(ring), 3.0, 5e-7
    sampler = Euler(AsDenoiser(smoothed, ornstein_uhlenbeck(Euclidean(2), horizon)), steps=25)
    y = sampler.start(50, torch.Generator().manual_seed(1)).double()
    found = sampler.run(y, torch.Generator().manual_seed(2))

    rng, taus = torch.Generator().manual_seed(2), torch.linspace(horizon, first, 25, dtype=FLOAT64).tolist()
    for tau, after in itertools.pairwise(taus):
        gamma, grown, sigma = tau - after, math.exp(tau), math.sqrt(math.expm1(2 * tau))
        noise = torch.randn(50, 2, generator=rng, dtype=FLOAT64)
        y = y + gamma * y + 2 * gamma * grown * smoothed.score(grown * y, sigma) + math.sqrt(2 * gamma) * noise
    last = math.exp(taus[-1])
    torch.testing.assert_close(
        found, smoothed.denoise(last * y, math.sqrt(math.expm1(2 * taus[-1]))), atol=1e-9, rtol=0
    )


def test_a_density_alone_can_be_run_backwards(rng):
    """The score comes from values of log p; eight modes of weight 1/8, all found."""
    target = targets.ring()
    estimated = PlugIn(Density.of(target), 1024, rng)
    sampler = Euler(AsDenoiser(estimated, ornstein_uhlenbeck(Euclidean(2), horizon=0.7)), steps=25, grid=Karras())
    nearest = torch.cdist(sampler.sample(120, rng), target.means).min(1)
    assert float((nearest.values < 4 * target.scale).double().mean()) > 0.95
    assert int(torch.bincount(nearest.indices, minlength=8).min()) > 4


def test_what_cannot_be_asked_is_refused(ring):
    with pytest.raises(InputError, match="CTMC is none"):
        AsDenoiser(FromMixture(ring), CTMC(Finite(2, 3), rates.UniformRates(3)))
    denoiser = AsDenoiser(FromMixture(ring), ornstein_uhlenbeck(Euclidean(2)))
    with pytest.raises(InputError, match="one time for all rows"):
        denoiser(torch.zeros(2, 2), torch.tensor([0.1, 0.2]))
