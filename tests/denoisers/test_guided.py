"""Guidance: exact where the formula is, zero at scale 0, and made of the gradient that it says."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact, ExactMixture, Guided
from unnoise.denoisers.likelihoods import LinearGaussian, Masked, noisy
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, edm, rates
from unnoise.samplers import Ancestral
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
R = LinearGaussian(torch.tensor([[1.0, -2.0]], dtype=FLOAT64), torch.tensor([0.7], dtype=FLOAT64), scale=0.5)


def test_for_standard_normal_data_guidance_by_a_likelihood_is_the_exact_denoiser_of_the_posterior(gaussian, rng):
    process = gaussian(2)
    one, eye = torch.ones(1, dtype=FLOAT64), torch.eye(2, dtype=FLOAT64)
    plain = ExactMixture(process, GaussianMixture(one, 0 * eye[:1], eye[None]))
    covariance = torch.linalg.inv(eye + R.matrix.T @ R.matrix / R.scale**2)
    mean = covariance @ R.matrix.T @ R.values / R.scale**2
    exact = ExactMixture(process, GaussianMixture(one, mean[None], covariance[None]))
    for t in torch.tensor([0.05, 0.4, 0.8], dtype=FLOAT64):
        x = process.marginal(torch.randn(6, 2, generator=rng, dtype=FLOAT64), t).sample(rng)
        torch.testing.assert_close(Guided(plain, R)(x, t), exact(x, t), rtol=1e-6, atol=1e-8)
    assert not torch.allclose(plain(x, t), exact(x, t), rtol=1e-3)


@pytest.mark.parametrize("warm", [False, True])
def test_the_shift_is_the_gradient_through_the_denoiser(gaussian, ring, rng, warm):
    process = gaussian(2)
    plain = ExactMixture(process, ring)
    log_r = lambda x: -(x**2).sum(-1)  # noqa: E731
    t, x = torch.tensor(0.4, dtype=FLOAT64), torch.randn(5, 2, generator=rng, dtype=FLOAT64)
    alpha, sigma = process.alpha_sigma(t)
    power = alpha**2 / (alpha**2 + sigma**2) if warm else 1.0
    small, shift = 1e-5, []
    for axis in torch.eye(2, dtype=FLOAT64):
        up, down = (log_r(plain(x + sign * small * axis, t)) for sign in (1, -1))
        shift.append(power * (up - down) / (2 * small))
    found = Guided(plain, log_r, scale=0.3, warm=warm)(x, t) - plain(x, t)
    torch.testing.assert_close(found, 0.3 * sigma**2 / alpha * torch.stack(shift, -1), rtol=1e-4, atol=1e-7)
    assert torch.equal(Guided(plain, log_r, scale=0.0, warm=warm)(x, t), plain(x, t))


def test_times_may_differ_by_row_and_gradients_may_be_off(gaussian, ring, rng):
    guided = Guided(ExactMixture(gaussian(2), ring), R)
    t, x = torch.tensor([0.2, 0.7], dtype=FLOAT64), torch.randn(2, 2, generator=rng, dtype=FLOAT64)
    with torch.no_grad():
        both = guided(x, t)
        assert not both.requires_grad
        for row in range(2):
            torch.testing.assert_close(guided(x[row : row + 1], t[row])[0], both[row])


def test_numbers_known_without_noise_are_kept(gaussian, rng):
    """Exactly so on standard normal data."""
    process, known = gaussian(2), noisy(torch.tensor([1.0, -2.0], dtype=FLOAT64), 0.0)
    one, eye = torch.ones(1, dtype=FLOAT64), torch.eye(2, dtype=FLOAT64)
    plain = ExactMixture(process, GaussianMixture(one, 0 * eye[:1], eye[None]))
    x = torch.randn(5, 2, generator=rng, dtype=FLOAT64)
    for t in (0.1, 0.5, 0.9):
        found = Guided(plain, known)(x, torch.tensor(t, dtype=FLOAT64))
        torch.testing.assert_close(found, known.values.expand(5, 2), rtol=1e-6, atol=1e-6)


def test_inpainting_without_noise_keeps_what_is_known(ring, rng):
    known = Masked(torch.tensor([True, False]), torch.tensor([1.9, 0.0], dtype=FLOAT64), 0.0)
    x = Ancestral(Guided(ExactMixture(edm(Euclidean(2)), ring), known), 100).sample(100, rng)
    assert float((x[:, 0] - 1.9).abs().median()) < 0.01


def test_a_process_without_gradients_is_refused():
    words = Exact(CTMC(Finite(2, 3), rates.UniformRates(3)), torch.zeros(1, 2, dtype=torch.int64))
    with pytest.raises(InputError, match=r"guidance by gradients needs .*, not CTMC"):
        Guided(words, R)
