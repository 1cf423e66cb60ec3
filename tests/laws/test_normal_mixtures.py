"""Mixtures of normal laws, one per row: against the mixtures of one law, and by draws."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import GaussianMixture, NormalMixtures
from unnoise.laws.base import differentiated
from unnoise.testing import ImprobableError, assert_mean


def mixtures(n=3, components=4, d=2, seed=0):
    rng = torch.Generator().manual_seed(seed)
    weights = torch.randn(n, components, generator=rng, dtype=torch.float64).log_softmax(-1)
    means = torch.randn(n, components, d, generator=rng, dtype=torch.float64)
    whiteners = torch.randn(n, components, d, d, generator=rng, dtype=torch.float64).tril()
    whiteners.diagonal(dim1=-2, dim2=-1).abs_().add_(0.5)
    return NormalMixtures(weights, means, whiteners), rng


def one(law, row):
    precisions = law.whiteners[row].mT @ law.whiteners[row]
    return GaussianMixture(law.log_weights[row].exp(), law.means[row], torch.linalg.inv(precisions))


def test_each_row_has_the_density_of_its_mixture():
    law, rng = mixtures()
    x = torch.randn(5, 3, 2, generator=rng, dtype=torch.float64)
    for row in range(3):
        torch.testing.assert_close(law.log_prob(x)[:, row], one(law, row).log_prob(x[:, row]))
    torch.testing.assert_close(law.score(x), differentiated(law.log_prob, x)[1])


def test_noise_widens_every_component():
    law, _ = mixtures()
    alpha, sigma = torch.tensor(0.6, dtype=torch.float64), torch.tensor([0.1, 1.0, 2.0], dtype=torch.float64)
    noisy = law.noised(alpha, sigma)
    for row in range(3):
        old, new = one(law, row), one(noisy, row)
        torch.testing.assert_close(new.means, 0.6 * old.means)
        torch.testing.assert_close(new.covariances, 0.36 * old.covariances + sigma[row] ** 2 * torch.eye(2).double())


def test_draws_have_the_moments_of_their_row():
    law, rng = mixtures()
    draws = law.sample(rng, (4000,))
    for row in range(3):
        weights = law.log_weights[row].exp()
        mean = weights @ law.means[row]
        square = weights @ (one(law, row).covariances[:, 0, 1] + law.means[row, :, 0] * law.means[row, :, 1])
        assert_mean(draws[:, row, 1], mean[1])
        assert_mean(draws[:, row].prod(-1), square)
    with pytest.raises(ImprobableError):
        assert_mean(draws[:, 0, 1], (law.log_weights[1].exp() @ law.means[1])[1])


def test_shapes_that_do_not_fit_are_refused():
    law, _ = mixtures()
    with pytest.raises(InputError, match=r"got weights, means and whiteners of shape \(3, 4\), \(3, 4, 2\) and"):
        NormalMixtures(law.log_weights, law.means, law.whiteners[:, :2])
