"""On a Gaussian the chain of a denoising autoencoder has the variance that its formula says."""

from __future__ import annotations

import math

import pytest
import torch
from noisy import of_atoms, of_mixture

from unnoise._errors import InputError
from unnoise.chains import AutoencoderChain, run
from unnoise.laws import GaussianMixture

CHAINS, TAU2, SIGMA = 40_000, 0.7, 0.9
ERROR = 5 * math.sqrt(2 / CHAINS)  # five standard errors of a variance, relative
KEPT = TAU2 / (TAU2 + SIGMA**2)


def variance(spread):
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 1), torch.full((1, 1, 1), TAU2))
    chain = AutoencoderChain(of_mixture(law), SIGMA, spread)
    return float(run(chain, torch.zeros(CHAINS, 1), 25, torch.Generator().manual_seed(0)).x.var())


def test_with_the_right_decoder_it_keeps_the_law():
    assert abs(variance(math.sqrt(KEPT) * SIGMA) / TAU2 - 1) < ERROR


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.2])
def test_with_another_it_leaves_the_law_of_its_formula(spread):
    expected = (KEPT**2 * SIGMA**2 + spread**2) / (1 - KEPT**2)
    assert abs(variance(spread) / expected - 1) < ERROR
    assert abs(expected / TAU2 - 1) > 3 * ERROR  # or the first test would prove nothing


def test_without_decoder_noise_the_variance_is_halved():
    assert abs(variance(0.0) / (TAU2**2 / (2 * TAU2 + SIGMA**2)) - 1) < ERROR


@pytest.mark.parametrize(("sigma", "spread"), [(0.0, 0.1), (-1.0, 0.1), (1.0, -0.1), (1.0, math.nan)])
def test_numbers_that_mean_nothing(sigma, spread):
    with pytest.raises(InputError, match=r"sigma|spread"):
        AutoencoderChain(of_atoms(torch.zeros(1, 1)), sigma, spread)
