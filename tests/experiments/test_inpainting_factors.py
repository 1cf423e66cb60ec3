"""The Gaussian laws of few directions: their means are those of the whole covariance."""

from __future__ import annotations

import pytest
import torch

from experiments.inpainting_factors import CLASSES, DIRECTIONS, KNOWN, RIDGE, Factors

PIXELS = 80


@pytest.fixture
def factors(rng):
    labels = torch.arange(400) % 2
    codes = torch.randn(400, 5, generator=rng) * (1.0 + labels[:, None])
    values = codes @ torch.randn(5, PIXELS, generator=rng) + 0.3 * torch.randn(400, PIXELS, generator=rng)
    return Factors(PIXELS).fit(values, labels), values, labels


def test_the_means_are_those_of_the_covariance(factors, rng):
    """Which the directions leave out only where little varies."""
    found, _, _ = factors
    label = torch.tensor([1, -1])
    precision = torch.rand(2, PIXELS, generator=rng) * 5
    spoken = torch.randn(2, PIXELS, generator=rng)
    means = found(spoken, precision, label)
    for row, digit in enumerate((1, CLASSES)):
        loadings, rest = found.loadings[digit].double(), found.rests[digit].double()
        prior = torch.linalg.inv(loadings @ loadings.T + torch.diag(rest))
        told = prior @ found.means[digit].double() + spoken[row].double()
        expected = torch.linalg.solve(prior + torch.diag(precision[row].double()), told)
        torch.testing.assert_close(means[row].double(), expected, atol=1e-4, rtol=1e-4)


def test_the_variances_are_those_of_the_pictures(factors):
    found, values, labels = factors
    for digit, like in ((0, values[labels == 0]), (CLASSES, values)):
        variance = found.loadings[digit].square().sum(1) + found.rests[digit]
        torch.testing.assert_close(variance, like.var(0) + RIDGE, atol=1e-3, rtol=1e-3)
    assert found.loadings.shape == (CLASSES + 1, PIXELS, DIRECTIONS)


def test_what_is_known_stays_and_tells_of_the_rest(factors):
    """Half of the pixels are lost."""
    found, values, labels = factors
    precision = torch.where(torch.arange(PIXELS) % 2 == 0, KNOWN, 0.0).expand(len(values), -1)
    means = found(precision * values, precision, labels)
    even, odd = means[:, ::2] - values[:, ::2], means[:, 1::2] - values[:, 1::2]
    assert even.abs().max() < 1e-3
    assert odd.square().mean() < 0.2  # of a variance of more than 5, and a rest of 0.09
    others = found(precision * values, precision, 1 - labels)
    assert (others - means).abs().max() > 1e-2


def test_before_they_are_fitted_every_pixel_is_by_itself():
    spoken, precision = torch.tensor([[2.0, 0.0]]), torch.tensor([[3.0, 0.0]])
    assert Factors(2)(spoken, precision, torch.tensor([4])).tolist() == [[0.5, 0.0]]
