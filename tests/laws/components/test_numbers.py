"""Normal components, on the line and on circles."""

import math

import pytest
import torch

from unnoise.laws import GaussianMixture, NormalComponents, ProductMixture, WrappedNormal, WrappedNormalComponents
from unnoise.laws.wrapped_normal import wrap
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


@pytest.mark.parametrize("variance", [1e-6, 1e-2, 0.3, 3.0, math.pi**2])
def test_densities_of_angles_are_sums_over_turns_at_every_variance(variance):
    parts = WrappedNormalComponents(torch.tensor([[3.0, -9.0], [0.0, 0.5]]), torch.full((2, 2), variance))
    x = torch.linspace(-math.pi, math.pi, 41)[:, None].expand(-1, 2)
    law = WrappedNormal(parts.means.double(), torch.tensor(variance).double().sqrt(), 1)
    torch.testing.assert_close(parts.log_prob(x).double(), law.log_prob(x[:, None].double()), rtol=1e-5, atol=1e-5)


def test_components_that_a_row_is_hardly_of_count_nothing_of_it():
    parts = WrappedNormalComponents(torch.zeros(2, 1), torch.full((2, 1), 0.1))
    x, known, weights = torch.tensor([[1.0], [-2.0]]), torch.ones(2, 1).bool(), torch.tensor([[1.0, 1e-12], [0.5, 0.5]])
    count, first, second = parts.tally(x, known, weights)
    torch.testing.assert_close(count, torch.tensor([[1.5], [0.5]]).double(), rtol=0, atol=0)
    torch.testing.assert_close(first, torch.tensor([[0.0], [-1.0]]).double())
    torch.testing.assert_close(second, torch.tensor([[3.0], [2.0]]).double())


@pytest.mark.parametrize("variance", [1e-6, 1e-2, 0.3, 3.0, math.pi**2])
def test_a_tally_of_angles_is_of_five_turns(variance):
    parts = WrappedNormalComponents(torch.tensor([[3.0, -9.0], [0.0, 0.5]]), torch.full((2, 2), variance))
    x, known = torch.tensor([[-3.1, 3.0], [3.14, 0.0], [0.001, -0.5]]), torch.tensor([[1, 1], [1, 0], [1, 1]]).bool()
    weights = torch.tensor([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])
    means = parts.means.double()
    turns = 2 * math.pi * torch.arange(-2, 3).double()
    images = wrap(x[:, None].double() - means)[..., None] + turns  # (n, K, cells, turns)
    shares = torch.softmax(-0.5 * images**2 / variance, -1) * (weights[..., None] * known[:, None])[..., None]
    unwound = images + means[..., None]
    wanted = [(shares * unwound**power).sum((0, 3)) for power in (0, 1, 2)]
    for found, one in zip(parts.tally(x, known, weights), wanted, strict=True):
        torch.testing.assert_close(found, one)
