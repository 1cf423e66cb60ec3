"""Importance weights of chains, against models whose likelihood is known."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.distributions import Normal

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.denoisers import Denoiser, Exact
from unnoise.evaluation import ImportanceWeighted, StepBound
from unnoise.processes import LargeVariance, SmallVariance, binomial_chain, chain_of_betas, linear_betas
from unnoise.samplers import effective_size
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most

FLOAT64 = torch.float64
CHAIN = chain_of_betas(Euclidean(1), linear_betas(8, 0.1, 0.5), LargeVariance())
X_0 = torch.tensor([[-1.0], [0.2], [2.0]], dtype=FLOAT64)


class Linear(Denoiser):
    """The exact denoiser of data N(0, v)."""

    def __init__(self, v):
        super().__init__()
        self.process, self.v = CHAIN.process, v

    def forward(self, x_t, t, cond=None):
        alpha, sigma = (expand(part, x_t) for part in self.process.alpha_sigma(t))
        return alpha * self.v / (alpha**2 * self.v + sigma**2) * x_t


def model_spread(chain, denoiser):
    """The standard deviation of x_0 under the reverse, which is linear and Gaussian."""
    one, variance = torch.ones(1, 1, dtype=FLOAT64), 1.0
    for t in range(chain.steps, 1, -1):
        step = torch.tensor(t)
        law = chain.posterior(denoiser(one, chain.time(step)), one, step)
        variance = float(law.mean) ** 2 * variance + float(law.scale) ** 2
    alpha, sigma = map(float, chain.process.alpha_sigma(chain.time(torch.tensor(1))))
    return math.sqrt(alpha**2 * variance + sigma**2)  # the last step: N(alpha x_1, sigma^2)


def test_with_the_exact_posterior_every_weight_is_the_likelihood(rng):
    found = ImportanceWeighted(CHAIN, 16).log_weights(Linear(1.0), X_0, rng)
    truth = Normal(0, 1).log_prob(X_0)
    torch.testing.assert_close(found, truth.expand(3, 16), rtol=0, atol=1e-9)
    estimate = ImportanceWeighted(CHAIN, 16)(Linear(1.0), X_0, rng)
    assert float(estimate.standard_error.max()) < 1e-6


def test_so_it_is_for_bits(rng):
    chain, law = binomial_chain(Finite(1, 2), 0.7, 12), torch.tensor([0.3, 0.7], dtype=FLOAT64)
    state = torch.tensor([[0], [1]])
    found = ImportanceWeighted(chain, 16).log_weights(Exact(chain.process, state, law), state, rng)
    torch.testing.assert_close(found, law.log()[:, None].expand(2, 16), rtol=0, atol=1e-9)


@pytest.mark.parametrize("rule", [SmallVariance(), LargeVariance()], ids=["small", "large"])
def test_the_weights_are_unbiased(rule, rng):
    """Their mean is the model's own density, which is not that of the data."""
    chain, denoiser = dataclasses.replace(CHAIN, variance=rule), Linear(0.2)
    truth = Normal(0, model_spread(chain, denoiser)).log_prob(X_0[:, 0])
    weights = ImportanceWeighted(chain, 20_000).log_weights(denoiser, X_0, rng).exp().T
    assert_mean(weights, truth.exp())
    with pytest.raises(ImprobableError):
        assert_mean(weights, Normal(0, 0.2**0.5).log_prob(X_0[:, 0]).exp())


def test_more_trajectories_bound_more_tightly(rng):
    """For k = 2, 8, 32 from draws of their own: each is below the truth and above the one before."""
    chain, denoiser = dataclasses.replace(CHAIN, variance=SmallVariance()), Linear(0.2)
    rows = X_0[1:2].expand(4000, 1)
    truth = float(Normal(0, model_spread(chain, denoiser)).log_prob(X_0[1, 0]))
    means = []
    for k in (2, 8, 32):
        found = ImportanceWeighted(chain, k)(denoiser, rows, rng).log_prob
        means.append(float(found.mean()))
        assert_mean_at_most(found, truth)
        if k == 2:
            with pytest.raises(ImprobableError):
                assert_mean_at_most(-found, -truth)
    assert means[0] + 0.01 < means[1] < means[2] - 0.001
    assert truth - means[2] < 0.3 * (truth - means[0])


def test_the_mean_log_weight_is_the_bound(rng):
    chain, denoiser = dataclasses.replace(CHAIN, variance=SmallVariance()), Linear(0.2)
    rows = X_0.repeat(100, 1)
    weighted = ImportanceWeighted(chain, 40)(denoiser, rows, rng)
    bound = StepBound(chain, draws=40)(denoiser, rows, rng).log_prob.view(100, 3)
    assert_mean(weighted.parts["bound"].view(100, 3) - bound)
    with pytest.raises(ImprobableError):
        assert_mean(weighted.log_prob.view(100, 3) - bound)
    torch.testing.assert_close(weighted.parts["bound"] + weighted.parts["gain"], weighted.log_prob)


def test_the_standard_error_covers_the_truth(rng):
    chain, denoiser = dataclasses.replace(CHAIN, variance=SmallVariance()), Linear(0.6)
    truth = Normal(0, model_spread(chain, denoiser)).log_prob(X_0[1, 0])
    found = ImportanceWeighted(chain, 200)(denoiser, X_0[1:2].expand(500, 1), rng)
    inside, twin = ((found.log_prob - truth).abs() < k * found.standard_error for k in (1.96, 0.98))
    assert_mean(inside.double(), 0.95, tolerance=0.02)  # of skewed weights
    with pytest.raises(ImprobableError):
        assert_mean(twin.double(), 0.95, tolerance=0.02)


def test_the_effective_number_of_trajectories():
    found = effective_size(torch.tensor([[0.0, 0.0, 0.0, 0.0], [50.0, 0.0, 0.0, 0.0]], dtype=FLOAT64))
    assert found.tolist() == pytest.approx([4.0, 1.0])


def test_one_trajectory_is_refused():
    with pytest.raises(InputError, match="got trajectories = 1; expected a whole number from 2"):
        ImportanceWeighted(CHAIN, 1)
