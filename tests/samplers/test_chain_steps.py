"""DDPM's sampling, beside a literal transcription of its second algorithm."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from unnoise.denoisers import Exact, Neural
from unnoise.heads.gaussian import Eps
from unnoise.processes import LargeVariance, binomial_chain, chain_of_betas, linear_betas
from unnoise.samplers import Ancestral, ChainSteps
from unnoise.spaces import Euclidean, Finite

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
    denoiser = Neural(CHAIN.process, Network(), Eps())
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
