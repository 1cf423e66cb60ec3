"""Every way to a denoiser gives the same one, and its score is the gradient of the smoothed density."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import FromAtoms, FromDenoiser, FromMixture, SingleLevel
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


def gradient(f, y):
    y = y.detach().requires_grad_()
    return torch.autograd.grad(f(y).sum(), y)[0]


class TestFromMixture:
    @pytest.mark.parametrize("sigma", [0.0, *LEVELS])
    def test_the_score_is_the_gradient_of_the_smoothed_density(self, law, y, sigma):
        noisy = GaussianMixture(law.weights, law.means, law.covariances + sigma**2 * torch.eye(2, dtype=FLOAT64))
        smoothed = FromMixture(law)
        torch.testing.assert_close(smoothed.score(y, sigma), gradient(noisy.log_prob, y), rtol=1e-8, atol=1e-8)

    def test_single_precision_is_accurate_far_from_the_origin(self, law, y):
        single = GaussianMixture(law.weights.float(), law.means.float(), law.covariances.float())
        found = FromMixture(single).score(y.float(), 0.7)
        torch.testing.assert_close(found.double(), FromMixture(law).score(y.float().double(), 0.7), rtol=0, atol=2e-4)


@pytest.mark.parametrize("sigma", LEVELS)
class TestFromDenoiser:
    def test_any_process_gives_the_closed_form(self, gaussian, ring, rng, sigma):
        process = gaussian(2)
        y = ring.sample(rng, (20,)) + sigma
        found = FromDenoiser(ExactMixture(process, ring)).denoise(y, sigma)
        torch.testing.assert_close(found, FromMixture(ring).denoise(y, sigma), rtol=1e-6, atol=1e-6)

    def test_atoms_agree_with_the_exact_denoiser(self, gaussian, rng, sigma):
        atoms, weights = torch.randn(7, 3, 2, generator=rng, dtype=FLOAT64), torch.rand(7, generator=rng, dtype=FLOAT64)
        y = atoms[[0, 3, 3]] + sigma * torch.randn(3, 3, 2, generator=rng, dtype=FLOAT64)
        expected = FromDenoiser(Exact(gaussian((3, 2)), atoms, weights)).denoise(y, sigma)
        torch.testing.assert_close(FromAtoms(atoms, weights).denoise(y, sigma), expected, rtol=1e-6, atol=1e-6)


class TestFaults:
    def test_a_level_outside_those_of_the_process(self, ring):
        smoothed = FromDenoiser(ExactMixture(edm(Euclidean(2)), ring))
        for sigma in (0.001, 100.0):
            with pytest.raises(InputError, match=r"knows the levels from 0\.002 to 80"):
                smoothed.denoise(torch.zeros(1, 2, dtype=FLOAT64), sigma)

    def test_a_process_without_a_level(self):
        with pytest.raises(InputError, match="Gaussian process"):
            FromDenoiser(Exact(CTMC(Finite(2, 3), rates.Uniform(3)), torch.tensor([[0, 1]])))

    def test_weights_that_do_not_belong(self):
        with pytest.raises(InputError, match="for 3 atoms"):
            FromAtoms(torch.zeros(3, 1), torch.ones(2))

    @pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
    def test_a_level_that_is_none(self, ring, sigma):
        with pytest.raises(InputError, match="sigma"):
            FromMixture(ring).at(sigma)


class TestSingleLevel:
    def test_the_loss_is_least_at_the_posterior_mean(self, rng):
        """For N(0, 1) at level s that is y/(1 + s^2), where the loss is s^2/(1 + s^2) per coordinate."""
        network, sigma = torch.nn.Linear(1, 1, bias=False), 0.8
        x = torch.randn(20_000, 1, generator=rng)
        smoothed = SingleLevel(network, sigma)
        optimiser = torch.optim.LBFGS(network.parameters(), line_search_fn="strong_wolfe")

        def closure():
            optimiser.zero_grad()
            loss = smoothed.loss(x, torch.Generator().manual_seed(1)).mean()
            loss.backward()
            return loss

        optimiser.step(closure)
        assert abs(float(network.weight.detach()) * (1 + sigma**2) - 1) < 0.02
        assert abs(float(closure().detach()) - sigma**2 / (1 + sigma**2)) < 0.01
        torch.testing.assert_close(smoothed.denoise(x, sigma), smoothed(x))

    def test_it_knows_no_other_level(self):
        with pytest.raises(InputError, match=r"trained at 0\.8 alone"):
            SingleLevel(torch.nn.Identity(), 0.8).denoise(torch.zeros(1, 1), 0.4)
