"""Normal components, on the line and on circles."""

import math

import torch

from unnoise.laws import GaussianMixture, NormalComponents, ProductMixture, WrappedNormal, WrappedNormalComponents
from unnoise.testing.statistics import assert_mean

WEIGHTS = torch.tensor([0.5, 0.3, 0.2])


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_normal_parts_are_those_of_a_gaussian_mixture():
    means, variances = torch.randn(3, 2, generator=rng()), torch.rand(3, 2, generator=rng(1)) + 0.1
    law, x = ProductMixture(WEIGHTS, NormalComponents(means, variances)), torch.randn(5, 2, generator=rng(2))
    whole = GaussianMixture(law.weights, means, torch.diag_embed(variances))
    torch.testing.assert_close(law.log_prob(x), whole.log_prob(x))
    draws = law.sample(rng(), (20_000,))
    assert_mean(draws[:, 0], float((law.weights @ means)[0]))


def test_wrapped_parts_are_wrapped_normal_laws():
    parts = WrappedNormalComponents(torch.tensor([[3.0], [9.0]]), torch.tensor([[0.3], [1.5]]))
    x = torch.linspace(-3, 3, 7)[:, None]
    law = WrappedNormal(parts.means, parts.variances.sqrt(), 1)
    torch.testing.assert_close(parts.log_prob(x), law.log_prob(x[:, None]), rtol=1e-5, atol=1e-5)
    draws = parts.sample(torch.zeros(20_000, dtype=torch.int64), rng())
    assert_mean(draws.cos()[:, 0], math.cos(3.0) * math.exp(-0.15))
