"""Another prior without training: the closed form of it, and a sentence where weights cannot do it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simulated import NOISE, cube, normal_prior, of_cube, of_reals

from unnoise._errors import InputError
from unnoise.testing import ImprobableError, assert_mean, assert_probable
from unnoise.testing.statistics import law_p_value

X = np.array([0.8, -0.5])
NEW = normal_prior(mean=0.5, scale=0.7)


def truth():
    precision = 1 / NOISE**2 + 1 / 0.7**2
    return (torch.as_tensor(X) / NOISE**2 + 0.5 / 0.7**2) / precision, precision**-0.5


def p_value(theta):
    mean, deviation = truth()
    return law_p_value(theta[::4, 0].double(), lambda z: torch.special.ndtr((z - mean[0]) / deviation))


def test_draws_follow_the_posterior_of_the_new_prior():
    theta = of_reals().with_prior(NEW).sample(2000, X, seed=0)
    assert_probable(p_value(theta))
    with pytest.raises(ImprobableError):
        assert_probable(p_value(of_reals().sample(8000, X, seed=0)))


def test_the_density_is_normalised():
    found, (mean, deviation) = of_reals().with_prior(NEW), truth()
    theta = found.sample(30, X, seed=0)
    expected = torch.distributions.Normal(mean, deviation).log_prob(theta.double()).sum(1)
    np.testing.assert_allclose(found.log_prob(theta, X), expected, atol=0.1)  # the normaliser is a mean of 4000


def test_few_effective_draws_are_told_of():
    narrow = of_reals().with_prior(normal_prior(mean=2.0, scale=0.1))
    with pytest.warns(UserWarning, match="have an effective sample size of"):
        narrow.sample(1000, X, seed=0)
    assert narrow.effective_sample_size(X) < 0.1 * of_reals().with_prior(NEW).effective_sample_size(X)


def test_the_same_prior_changes_nothing():
    same = of_reals().with_prior(normal_prior())
    assert same.effective_sample_size(X, draws=500) == pytest.approx(500)
    assert_mean(same.sample(2000, X, seed=0).double(), torch.as_tensor(X) / (1 + NOISE**2))


class Untold:
    def sample(self, n, generator):
        return torch.randn(n, 2, generator=generator)


@pytest.mark.parametrize(
    ("prior", "words"),
    [
        (Untold(), "a prior without a density"),
        (normal_prior(3), "got a prior of .*; expected one of"),
        (torch.distributions.Uniform(-2 * torch.ones(2), 2 * torch.ones(2)), "simulate from a wider one"),
    ],
)
def test_a_prior_that_weights_cannot_reach_is_refused(prior, words):
    with pytest.raises(InputError, match=words):
        of_cube().with_prior(prior)


def test_a_prior_beyond_all_draws_is_refused():
    corner = torch.distributions.Uniform(torch.tensor([-0.999, 0.99]), torch.tensor([-0.998, 0.999]))
    with pytest.raises(InputError, match="has a density under the new prior"):
        of_cube().with_prior(corner).sample(5, X, seed=0)
    assert cube().log_prob(torch.zeros(2)).shape == (2,)


def test_draws_are_weighed_out_of_many_and_dealt_at_random(monkeypatch):
    """Else copies would stand side by side, and the first rows would be of the first draws."""
    found, asked = of_reals().with_prior(NEW), []
    weighed = found._weighed

    def kept(draws, x, seed):
        asked.append((draws, weighed(draws, x, seed)))
        return asked[-1][1]

    monkeypatch.setattr(type(found), "_weighed", lambda self, draws, x, seed: kept(draws, x, seed))
    drawn = found.sample(1500, X, seed=0)
    ((draws, (theta, _)),) = asked
    assert draws == 6000
    place = {float(one): index for index, one in enumerate(theta[:, 0])}
    order = np.array([place[float(one)] for one in drawn[:, 0]])
    assert abs(np.corrcoef(order, np.arange(1500))[0, 1]) < 0.1
