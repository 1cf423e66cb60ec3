"""A likelihood that is exact: posteriors of sets, evidence, other priors, bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from shifted_normal import SETS, X, exact, truth
from simulated import NOISE, cube, normal_prior

from unnoise._errors import InputError
from unnoise.inference import likelihoods
from unnoise.inference.unnormalised import Before
from unnoise.testing import ImprobableError, assert_law
from unnoise.walking import attempting


def normal(mean, deviation):
    return lambda z: torch.special.ndtr((z - mean) / deviation)


@pytest.mark.parametrize("count", SETS)
def test_the_likelihood_is_that_of_every_observation(count):
    theta = normal_prior().sample((50,))
    law = torch.distributions.Normal(theta.double()[:, None], NOISE)
    expected = law.log_prob(torch.from_numpy(SETS[count])).sum((1, 2))
    np.testing.assert_allclose(exact().log_prob(SETS[count], theta), expected, rtol=1e-5)


def test_few_particles_find_the_exact_posterior(monkeypatch):
    monkeypatch.setattr(attempting, "PARTICLES", 250)
    found, (mean, deviation, evidence) = exact().posterior(SETS[4], n=2000), truth(SETS[4])
    assert found.trusted
    assert found.log_z == pytest.approx(evidence, abs=0.2)
    assert_law(found.draws[:, 0].double(), normal(mean[0], deviation))
    with pytest.raises(ImprobableError):
        assert_law(found.draws[:, 0].double(), normal(mean[0], 1.4 * deviation))


@pytest.mark.slow
@pytest.mark.parametrize("count", SETS)
def test_draws_and_evidence_are_those_of_the_exact_posterior(count):
    x = SETS[count]
    found, (mean, deviation, evidence) = exact().posterior(x, n=8000), truth(x)
    assert found.trusted
    assert found.log_z == pytest.approx(evidence, abs=0.1)
    assert found.draws.dtype == torch.float32
    for place in range(2):
        assert_law(found.draws[:, place].double(), normal(mean[place], deviation))
        with pytest.raises(ImprobableError):
            assert_law(found.draws[:, place].double(), normal(mean[place], 1.15 * deviation))


@pytest.mark.slow
def test_another_prior_costs_nothing():
    x, new = SETS[4], normal_prior(mean=1.0, scale=0.3)
    found, (mean, deviation, evidence) = exact().with_prior(new), truth(x, 1.0, 0.3)
    assert_law(found.sample(2000, x, seed=0)[:, 0].double(), normal(mean[0], deviation))
    assert found.log_evidence(x) == pytest.approx(evidence, abs=0.1)


@pytest.mark.slow
def test_draws_keep_the_bounds_that_the_posterior_leans_on():
    found = exact(cube()).posterior(SETS[16] + 1.0, n=4000)
    assert found.trusted
    assert float(found.draws.abs().max()) <= 1
    middle, deviation = 1.0 + SETS[16].mean(0)[0], NOISE / 4
    end = torch.special.log_ndtr(torch.tensor((1 - middle) / deviation, dtype=torch.float64))

    def cut(u):  # what is below the lower bound is less than rounding; logarithms, as all of it is far out
        return (torch.special.log_ndtr((u - middle) / deviation) - end).exp()

    assert_law(found.draws[:, 0].double(), cut)


def test_outside_the_bounds_nothing_is_known():
    assert np.isnan(exact(cube()).log_prob(X, torch.tensor([[2.0, 0.0]]))).all()


def test_observations_and_priors_that_do_not_fit_are_a_sentence():
    made = exact()
    with pytest.raises(InputError, match=r"got x of shape \(3,\)"):
        made.log_prob(np.zeros(3), np.zeros((1, 2)))
    with pytest.raises(InputError, match="got an observation that is NaN"):
        made.posterior([np.nan, np.nan])
    with pytest.raises(InputError, match="got n = 0"):
        made.posterior(X, n=0)
    with pytest.raises(InputError, match="where that of the simulations has no density"):
        exact(cube()).with_prior(normal_prior())


def test_a_walk_is_asked_for_its_draws_from_the_prior_on_by_its_seed(monkeypatch):
    asked = {}

    def walk(target, **options):
        asked.update(options)
        raise InputError("that was enough")

    monkeypatch.setattr(likelihoods, "walk", walk)
    with pytest.raises(InputError, match="that was enough"):
        exact().posterior(X, n=7, seed=5)
    assert (asked["n"], asked["seed"]) == (7, 5)
    assert isinstance(asked["guess"], Before)
