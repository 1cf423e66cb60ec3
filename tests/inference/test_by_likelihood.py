"""A posterior by a likelihood that is exact: draws, densities, calibration, sets, and its folder."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from shifted_normal import SETS, X, exact, truth
from simulated import NOISE, UNTRAINED, cube, noisy, normal_prior, of_reals

from unnoise._errors import InputError
from unnoise.inference import AmortisedPosterior, PosteriorByLikelihood, Simulations, posterior
from unnoise.inference.by_likelihood import with_law
from unnoise.testing import ImprobableError, assert_law


@cache
def network() -> AmortisedPosterior:
    """One that knows nothing."""
    return posterior(normal_prior(), noisy, simulations=400, model=UNTRAINED)


@cache
def by_likelihood() -> PosteriorByLikelihood:
    """Beside that network."""
    return replace(with_law(network(), exact().model), choice="by its likelihood")


def normal(mean, deviation):
    return lambda z: torch.special.ndtr((z - mean) / deviation)


@pytest.mark.parametrize("count", SETS)
def test_draws_and_densities_are_those_of_the_exact_posterior(count):
    mean, deviation, _ = truth(SETS[count])
    theta = by_likelihood().sample(2000, SETS[count], seed=0)
    assert theta.dtype == torch.float32
    assert by_likelihood().sample(0, SETS[count]).shape == (0, 2)
    assert_law(theta[:, 1].double(), normal(mean[1], deviation))
    with pytest.raises(ImprobableError):
        assert_law(theta[:, 1].double(), normal(mean[1], 1.3 * deviation))
    expected = torch.distributions.Normal(torch.from_numpy(mean), deviation).log_prob(theta[:20].double()).sum(1)
    np.testing.assert_allclose(by_likelihood().log_prob(theta[:20], SETS[count]), expected, atol=0.06)


def test_where_points_weigh_nothing_a_walk_draws(monkeypatch):
    found = by_likelihood()
    monkeypatch.setattr("unnoise.inference.weighing.Weighed.effective_size", 0.5)
    monkeypatch.setattr("unnoise.inference.likelihoods.LearntLikelihood.sample", lambda *_, seed: ("walked", seed))
    assert found.sample(10, X, seed=3) == ("walked", 3)


def test_the_density_of_what_was_simulated_is_that_of_each_row():
    theta = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
    x = theta + NOISE
    found = by_likelihood().log_prob_of(Simulations(theta, x))
    law = torch.distributions.Normal(x.double() / (1 + NOISE**2), truth(X[None])[1])
    np.testing.assert_allclose(found, law.log_prob(theta.double()).sum(1), atol=0.25)
    np.testing.assert_allclose(
        of_reals().log_prob_of(Simulations(theta, x)), law.log_prob(theta.double()).sum(1), atol=0.05
    )


def test_calibration_is_that_of_the_likelihood(monkeypatch):
    monkeypatch.setattr("unnoise.inference.by_likelihood.DRAWN_FROM", 400)
    rng = torch.Generator().manual_seed(3)
    theta = torch.randn(40, 2, generator=rng)
    noise = NOISE * torch.randn(40, 2, generator=rng)
    found = by_likelihood().calibrate(Simulations(theta, theta + noise), trials=0)
    assert found.names == ("theta[0]", "theta[1]")
    assert found.good
    assert not by_likelihood().calibrate(Simulations(theta, theta + 4 * noise), trials=0, density_draws=0).good
    one = by_likelihood().posteriors(theta, theta + noise, of="theta[1]", max_rows=20)
    assert (one.draws.shape, one.log_probs) == ((20, 19, 1), None)


def test_the_same_comes_back_from_a_folder(tmp_path):
    made = by_likelihood()
    made.save(tmp_path / "kept")
    found = AmortisedPosterior.load(tmp_path / "kept", prior=normal_prior())
    assert isinstance(found, PosteriorByLikelihood)
    assert found.choice == "by its likelihood"
    assert torch.equal(found.sample(5, X, seed=1), made.sample(5, X, seed=1))
    with pytest.raises(InputError, match="loaded without its prior"):
        AmortisedPosterior.load(tmp_path / "kept").sample(5, X)
    network().save(tmp_path / "network")
    assert type(AmortisedPosterior.load(tmp_path / "network")) is AmortisedPosterior
    with pytest.raises(InputError, match="cannot be read"):
        PosteriorByLikelihood.load(tmp_path / "network")


def test_draws_of_the_network_that_are_weighed_are_not_warned_of():
    """Far from all simulations they are wide, which the network alone says."""
    found = with_law(of_reals(), exact().model)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found.sample(200, [300.0, 0.0], seed=0)
        of_reals().model.sample(200, y=found.observed.condition(np.full((200, 2), 300.0)), seed=0)
    first, *_, last = (str(one.message) for one in told)
    assert "no posterior of it can be trusted" in first
    assert ["times the spread of the data" in str(one.message) for one in told].count(True) == 1
    assert "times the spread of the data" in last


def test_what_a_likelihood_does_not_have_is_a_sentence():
    with pytest.raises(InputError, match="got a sampler or steps for a posterior by its likelihood"):
        by_likelihood().sample(5, X, steps=10)
    with pytest.raises(InputError, match="expected some of"):
        by_likelihood().calibrate(of="theta[2]")
    with pytest.warns(UserWarning, match="no posterior of it can be trusted"):
        by_likelihood().sample(2, [9.0, 0.0], seed=0)
    with pytest.raises(InputError, match="where that of the simulations has no density"):
        with_law(posterior(cube(), noisy, simulations=100, model=UNTRAINED), exact(cube()).model).with_prior(
            normal_prior()
        )
