"""DDPM's training, beside a literal transcription of its first algorithm; and the bound as an objective."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Neural
from unnoise.evaluation import StepBound
from unnoise.heads.gaussian import Eps
from unnoise.objectives import StepKL, ddpm
from unnoise.objectives.times import WholeSteps
from unnoise.processes import Chain, LearnedBetas, chain_of_betas, even_times, linear_betas, variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
BETAS = linear_betas(10, 0.02, 0.4)
CHAIN = chain_of_betas(Euclidean(2), BETAS)


class Network(torch.nn.Module):
    """An arbitrary guess of the noise."""

    def forward(self, x, level, cond=None):
        return torch.tanh(2 * x + level[..., None])


def test_algorithm_1_is_the_published_one():
    """x_0 ~ data, t ~ uniform, eps ~ N(0, I), descend |eps - eps_theta(sqrt(ab) x_0 + sqrt(1 - ab) eps, t)|^2."""
    x_0 = torch.randn(20, 2, dtype=FLOAT64, generator=torch.Generator().manual_seed(1))
    found = ddpm(10)(Neural(CHAIN.process, Network(), Eps), x_0, None, torch.Generator().manual_seed(0)).value

    rng = torch.Generator().manual_seed(0)
    u = (torch.rand((), generator=rng) + torch.arange(20) / 20) % 1  # twenty times, evenly spread
    t = (u * 10).long() + 1
    alpha_bar = torch.cumprod(1 - torch.tensor(BETAS, dtype=FLOAT64), 0)[t - 1, None]
    eps = torch.randn(20, 2, generator=rng, dtype=FLOAT64)
    x_t = alpha_bar.sqrt() * x_0 + (1 - alpha_bar).sqrt() * eps
    level = -torch.log(alpha_bar / (1 - alpha_bar))[:, 0] / 8
    torch.testing.assert_close(found, (eps - Network()(x_t, level)).square().sum(-1), rtol=1e-5, atol=1e-6)


def test_every_step_is_seen_equally_often():
    t, density = WholeSteps(10)(None, torch.arange(1000, dtype=FLOAT64) / 1000)
    steps, counts = torch.unique((t * 9).round().long(), return_counts=True)
    assert steps.tolist() == list(range(10))
    assert counts.tolist() == [100] * 10
    assert (density == 1).all()
    torch.testing.assert_close(t.unique(), CHAIN.time(torch.arange(1, 11)))


def test_one_step_is_no_chain():
    with pytest.raises(InputError, match="got steps = 1; expected a whole number from 2"):
        ddpm(1)


def test_the_prices_of_steps_are_the_bound(rng):
    denoiser = Neural(CHAIN.process, Network(), Eps)
    x_0 = torch.tensor([[0.3, -1.2]], dtype=FLOAT64).expand(40_000, 2)
    loss = StepKL(CHAIN)(denoiser, x_0, None, rng).value.view(80, 500).mean(1)
    bound = StepBound(CHAIN, draws=500)(denoiser, x_0[:80], rng).log_prob
    assert_mean(loss + bound)
    with pytest.raises(ImprobableError):
        assert_mean(0.5 * loss + bound)


def test_rows_are_those_of_the_whole_batch():
    x_0 = torch.randn(6, 2, dtype=FLOAT64, generator=torch.Generator().manual_seed(1))
    denoiser, objective = Neural(CHAIN.process, Network(), Eps), StepKL(CHAIN)
    whole = objective(denoiser, x_0, None, torch.Generator().manual_seed(0)).value
    part = objective(denoiser, x_0, None, torch.Generator().manual_seed(0), slice(2, 5)).value
    torch.testing.assert_close(part, whole[2:5])


class Blind(Denoiser):
    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x_t, t, cond=None):
        return 0.5 * x_t


def test_frozen_noise_gives_the_gradient_in_the_betas():
    """Against differences of the same loss, of the same noise."""
    x_0 = torch.randn(50, 2, dtype=FLOAT64, generator=torch.Generator().manual_seed(1))
    betas = LearnedBetas(BETAS)
    process = variance_preserving(Euclidean(2), betas)
    objective = StepKL(Chain(process, even_times(10)))

    def loss():
        return objective(Blind(process), x_0, None, torch.Generator().manual_seed(0)).value.mean()

    loss().backward()
    for i in (0, 4, 8):
        with torch.no_grad():
            betas.logits[i] += 1e-5
            above = float(loss())
            betas.logits[i] -= 2e-5
            below = float(loss())
            betas.logits[i] += 1e-5
        torch.testing.assert_close(float(betas.logits.grad[i]), (above - below) / 2e-5, rtol=1e-5, atol=1e-7)
