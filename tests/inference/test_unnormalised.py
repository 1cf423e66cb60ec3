"""A prior and a likelihood in charts of every kind: values, and slopes that are theirs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from shifted_normal import SETS, X, exact
from simulated import cube, normal_prior

from unnoise.inference import as_prior
from unnoise.inference.unnormalised import Before, Unnormalised
from unnoise.testing import ImprobableError, assert_law
from unnoise.walking.population import Bridge


@pytest.mark.parametrize("prior", [normal_prior(), cube(), torch.distributions.Gamma(torch.full((2,), 3.0), 2.0)])
def test_slopes_are_those_of_the_density(prior):
    """In charts of every kind; the prior's are differences."""
    law = as_prior(prior)
    target = Unnormalised(exact(prior).model, Before(law), SETS[4])
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    value, slope = target.log_prob_and_score(z)
    torch.testing.assert_close(value, target.log_prob(z))
    step = 1e-2 * torch.eye(2).double()
    expected = torch.stack([(target.log_prob(z + s) - target.log_prob(z - s)) / 2e-2 for s in step], 1)
    torch.testing.assert_close(slope, expected, atol=2e-2, rtol=1e-2)


def test_far_points_of_a_chart_have_a_density():
    far = torch.tensor([[1e30, -1e30], [1e300, 0.0]]).double()
    value, slope = Unnormalised(exact().model, Before(as_prior(normal_prior())), X[None]).log_prob_and_score(far)
    assert bool((value < -1e6).all())
    assert slope.shape == far.shape


def test_the_uniform_law_of_a_box_is_normal_in_its_chart():
    before, z = Before(as_prior(cube())), torch.linspace(-3, 3, 8).double().reshape(4, 2)
    expected = -0.5 * z.square().sum(1) - math.log(2 * math.pi)
    torch.testing.assert_close(before.log_prob(z), expected)
    torch.testing.assert_close(before.score(z), -z, atol=1e-3, rtol=0)
    drawn = before.sample(torch.Generator().manual_seed(0), (2000,))
    assert_law(drawn[:, 0], torch.special.ndtr)
    with pytest.raises(ImprobableError):
        assert_law(drawn[:, 0], lambda u: torch.special.ndtr(u / 1.5))


def test_a_bridge_asks_a_prior_once_about_the_same_points():
    """For both of its ends; the twin, other points, is asked anew."""
    prior, asked = as_prior(normal_prior()), []

    def density(theta):
        asked.append(len(theta))
        return prior.density(theta)

    before = Before(replace(prior, density=density))
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    value, slope = Bridge(before, Unnormalised(exact().model, before, SETS[4]), 0.5).log_prob_and_score(z)
    assert sum(asked) == len(z) * (1 + 2 * z.shape[1])
    other, far = before.log_prob_and_score(z + 1)
    assert sum(asked) == 2 * len(z) * (1 + 2 * z.shape[1])
    torch.testing.assert_close(other, Before(prior).log_prob(z + 1))
    torch.testing.assert_close(far, Before(prior).score(z + 1))
    assert value.shape == (5,)
    assert slope.shape == z.shape
