"""A denoiser asked at noise levels: any process gives the same one, and its score is the gradient of the density."""

from __future__ import annotations

import math

import pytest
import torch
from noisy import of_atoms, of_mixture

from unnoise._errors import InputError
from unnoise.chains import MALA, AtNoise, run
from unnoise.chains.at_noise import level_of
from unnoise.denoisers import Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, edm, rates
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
LEVELS = [0.05, 0.7, 4.0]


@pytest.fixture(params=["round", "any"])
def law(request) -> GaussianMixture:
    means = torch.tensor([[100.0, 1.0], [102.0, -1.0], [97.0, 0.0]], dtype=FLOAT64)
    covariances = torch.eye(2, dtype=FLOAT64) * torch.tensor([0.3, 1.0, 0.6], dtype=FLOAT64)[:, None, None]
    if request.param == "any":
        covariances = covariances + torch.tensor([[0.5, 0.2], [0.2, 0.1]], dtype=FLOAT64)
    return GaussianMixture(torch.tensor([0.5, 0.2, 0.3], dtype=FLOAT64), means, covariances)


@pytest.fixture
def y(rng):
    return torch.tensor([100.0, 0.0], dtype=FLOAT64) + 2 * torch.randn(30, 2, generator=rng, dtype=FLOAT64)


def blurred(law, sigma):
    return GaussianMixture(law.weights, law.means, law.covariances + sigma**2 * torch.eye(2, dtype=FLOAT64))


@pytest.mark.parametrize("sigma", [0.002, *LEVELS])
class TestMixture:
    def test_the_density_is_that_of_noisy_points(self, law, y, sigma):
        noisy, level = blurred(law, sigma), of_mixture(law).at(sigma)
        torch.testing.assert_close(level.log_prob(y), noisy.log_prob(y), rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(level.score(y), noisy.score(y), rtol=1e-8, atol=1e-8)

    def test_tweedie(self, law, y, sigma):
        noisy = of_mixture(law)
        torch.testing.assert_close(noisy.denoise(y, sigma), y + sigma**2 * noisy.score(y, sigma), rtol=1e-8, atol=1e-8)

    def test_single_precision_is_accurate_far_from_the_origin(self, law, y, sigma):
        single = GaussianMixture(law.weights.float(), law.means.float(), law.covariances.float())
        found = of_mixture(single).score(y.float(), sigma)
        expected = of_mixture(law).score(y.float().double(), sigma)
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("sigma", LEVELS)
class TestAnyProcess:
    def test_mixtures(self, gaussian, ring, rng, sigma):
        y = ring.sample(rng, (20,)) + sigma
        level = AtNoise(ExactMixture(gaussian(2), ring)).at(sigma)
        expected = blurred(ring, sigma)
        torch.testing.assert_close(level.score(y), expected.score(y), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(level.log_prob(y), expected.log_prob(y), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(level.denoise(y), y + sigma**2 * expected.score(y), rtol=1e-6, atol=1e-6)

    def test_atoms(self, gaussian, rng, sigma):
        atoms, weights = torch.randn(7, 3, 2, generator=rng, dtype=FLOAT64), torch.rand(7, generator=rng, dtype=FLOAT64)
        y = atoms[[0, 3, 3]] + sigma * torch.randn(3, 3, 2, generator=rng, dtype=FLOAT64)
        level = AtNoise(Exact(gaussian((3, 2)), atoms, weights)).at(sigma)
        logits = -0.5 * ((y[:, None] - atoms) / sigma).square().flatten(2).sum(-1) + (weights / weights.sum()).log()
        constant = 3 * math.log(2 * math.pi * sigma**2)
        torch.testing.assert_close(level.log_prob(y), logits.logsumexp(1) - constant, rtol=1e-6, atol=1e-6)
        expected = torch.einsum("nk,kij->nij", logits.softmax(1), atoms)
        torch.testing.assert_close(level.denoise(y), expected, rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(level.score(y), (expected - y) / sigma**2, rtol=1e-6, atol=1e-5)


def test_mala_walks_on_a_level_whose_density_is_known(rng):
    level = of_atoms(torch.zeros(1, 1)).at(2.0)
    x = run(MALA(level, 2.0), torch.zeros(4000, 1), 50, rng).x
    assert abs(float(x.var()) / 4 - 1) < 5 * math.sqrt(2 / 4000)


class TestStart:
    def test_points_are_as_they_are_and_a_number_is_zeros(self, ring):
        noisy, x = of_mixture(ring), torch.ones(2, 2)
        assert noisy.guess(x) is x
        assert torch.equal(noisy.guess(3), torch.zeros(3, 2, dtype=FLOAT64))

    def test_no_chains(self, ring):
        with pytest.raises(InputError, match="got start = 0; expected a whole number from 1"):
            of_mixture(ring).guess(0)


class TestFaults:
    def test_a_level_outside_those_of_the_process(self, ring):
        for sigma in (0.001, 100.0):
            with pytest.raises(InputError, match=r"knows the levels from 0\.002 to 80"):
                of_mixture(ring).denoise(torch.zeros(1, 2, dtype=FLOAT64), sigma)

    def test_a_process_without_a_level(self):
        with pytest.raises(InputError, match=r"a noise level needs a process with .* not CTMC"):
            AtNoise(Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.tensor([[0, 1]])))

    @pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
    def test_a_level_that_is_none(self, ring, sigma):
        with pytest.raises(InputError, match="sigma"):
            of_mixture(ring).at(sigma)

    def test_times_that_differ(self):
        with pytest.raises(InputError, match="one time for all rows"):
            level_of(edm(Euclidean(2)), torch.tensor([0.1, 0.2]))
