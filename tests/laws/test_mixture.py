"""Gaussian mixtures, against torch.distributions."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from unnoise._errors import InputError
from unnoise.laws import GaussianMixture
from unnoise.testing import ImprobableError, assert_frequencies, assert_law, assert_mean

WEIGHTS = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)


@pytest.fixture
def law(rng):
    roots = torch.randn(3, 2, 2, generator=rng, dtype=torch.float64)
    covariances = roots @ roots.mT + 0.1 * torch.eye(2, dtype=torch.float64)
    return GaussianMixture(WEIGHTS, 3 * torch.randn(3, 2, generator=rng, dtype=torch.float64), covariances)


def test_log_prob_is_that_of_torch(law, rng):
    components = MultivariateNormal(law.means, law.covariances)
    x = law.sample(rng, (4, 50))
    expected = MixtureSameFamily(Categorical(law.weights), components).log_prob(x)
    torch.testing.assert_close(law.log_prob(x), expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(law.component_log_prob(x), components.log_prob(x[..., None, :]), rtol=1e-10, atol=1e-10)


def test_components_are_drawn_by_weight():
    """Components so far apart that each draw tells which one it came from."""
    means = torch.tensor([[-100.0], [0.0], [100.0]], dtype=torch.float64)
    law = GaussianMixture(WEIGHTS, means, torch.ones(3, 1, 1, dtype=torch.float64))
    draws = law.sample(torch.Generator().manual_seed(1), (5000,))
    counts = ((draws - means.T).abs() < 50).sum(0)
    assert_frequencies(counts, WEIGHTS)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, WEIGHTS.roll(1))


def test_draws_have_the_covariance(rng):
    covariance = torch.tensor([[2.0, -0.9], [-0.9, 0.5]], dtype=torch.float64)
    mean = torch.tensor([1.0, -3.0], dtype=torch.float64)
    law = GaussianMixture(torch.ones(1, dtype=torch.float64), mean[None], covariance[None])
    z = torch.linalg.solve(torch.linalg.cholesky(covariance), (law.sample(rng, (4000,)) - mean).T)
    assert_law(z.flatten(), torch.special.ndtr)
    assert_mean(z[0] * z[1])
    with pytest.raises(ImprobableError):
        assert_mean(z[0] * (z[1] + 0.2 * z[0]))


def test_projections_follow_the_mixture(law, rng):
    direction = torch.tensor([0.6, 0.8], dtype=torch.float64)
    centres, spreads = law.means @ direction, (direction @ law.covariances @ direction).sqrt()

    def cdf(x):
        return torch.special.ndtr((x[:, None] - centres) / spreads) @ law.weights

    projections = law.sample(rng, (4000,)) @ direction
    assert_law(projections, cdf)
    with pytest.raises(ImprobableError):
        assert_law(projections + 0.3 * spreads.min(), cdf)


def test_shapes_and_seeds(law):
    def draw(*shape):
        return law.sample(torch.Generator().manual_seed(3), shape)

    assert draw().shape == (2,)
    assert draw(4, 5).shape == (4, 5, 2)
    assert torch.equal(draw(20).reshape(4, 5, 2), draw(4, 5))


def test_a_component_of_weight_zero_does_not_count(law, rng):
    weights = torch.tensor([0.0, 0.6, 0.4], dtype=torch.float64)
    without = GaussianMixture(weights[1:], law.means[1:], law.covariances[1:])
    x = law.sample(rng, (10,))
    both = GaussianMixture(weights, law.means, law.covariances).log_prob(x)
    torch.testing.assert_close(both, without.log_prob(x), rtol=1e-12, atol=0)


BAD = {
    "length": (
        torch.ones(2) / 2,
        torch.zeros(3, 2),
        torch.eye(2).expand(3, 2, 2),
        r"got weights \(2,\), means \(3, 2\)",
    ),
    "covariances": (torch.ones(3) / 3, torch.zeros(3, 2), torch.eye(3).expand(3, 3, 3), r"covariances \(3, 3, 3\)"),
    "sum": (torch.ones(3), torch.zeros(3, 2), torch.eye(2).expand(3, 2, 2), "sum to 1, got a sum of 3"),
    "factors": (torch.ones(1), torch.zeros(1, 2), torch.tensor([[[1.0, 0], [0.9, 1]]]), "not symmetric; of factors L"),
    "sign": (torch.tensor([1.5, -0.5]), torch.zeros(2, 2), torch.eye(2).expand(2, 2, 2), "non-negative"),
}


@pytest.mark.parametrize(("weights", "means", "covariances", "message"), BAD.values(), ids=BAD)
def test_what_is_no_mixture_is_refused(weights, means, covariances, message):
    with pytest.raises(InputError, match=message):
        GaussianMixture(weights, means, covariances)


def test_covariances_of_no_law_are_refused():
    with pytest.raises(InputError, match=r"^got a covariance with the eigenvalue -0\.5; expected positive definite"):
        GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.tensor([[[1.0, 1.5], [1.5, 1.0]]]))
