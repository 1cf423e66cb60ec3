"""A posterior that knows the truth says it: draws, densities, sets, calibration, and what is not like a simulation."""

from __future__ import annotations

import dataclasses
import math
import warnings

import numpy as np
import pytest
import torch
from simulated import NOISE, of_cube, of_reals, of_sets, truth

from unnoise._errors import InputError
from unnoise.evaluation import calibration
from unnoise.inference import Simulations
from unnoise.testing import ImprobableError, assert_law, assert_mean

X = np.array([0.8, -0.5])
FLOW = 0.05  # error of a density, in nats, that the solver of the flow allows itself


def normal(mean, deviation):
    return lambda z: torch.special.ndtr((z - mean) / deviation)


def chart(theta):
    return torch.special.ndtri(0.5 + 0.5 * theta.double())


def test_draws_follow_the_exact_posterior():
    theta, (mean, deviation) = of_reals().sample(4000, X, seed=0), truth(X)
    assert theta.dtype == torch.float32
    for place in range(2):
        assert_law(theta[:, place].double(), normal(mean[place], deviation))
        with pytest.raises(ImprobableError):
            assert_law(theta[:, place].double(), normal(mean[place], 1.2 * deviation))
    assert_mean((theta[:, 0] - mean[0]) * (theta[:, 1] - mean[1]))


def test_draws_stay_in_their_bounds_and_follow_the_law_there():
    far = torch.tensor([6.0, -6.0])  # where the posterior leans on two ends
    with pytest.warns(UserWarning, match="as far from its nearest simulations"):
        theta = of_cube().sample(2000, far, seed=0)
    assert float(theta.abs().max()) <= 1
    mean, deviation = truth(far)
    assert_law(chart(of_cube().sample(2000, X, seed=0))[:, 0], normal(truth(X)[0][0], deviation))
    assert float(mean[0]) > 4


def test_an_observation_far_away_is_told_in_one_sentence():
    """Not also that its draws are wider than those of the prior, as longer training would not help."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        of_reals().sample(500, [300.0, 0.0], seed=0)
        asked = of_reals().observed.condition(np.full((500, 2), 300.0))
        of_reals().model.sample(500, y=asked, seed=0)
    first, second = (str(one.message) for one in told)
    assert "no posterior of it can be trusted" in first
    assert "times the spread of the data" in second  # the model alone says what it can


def test_the_density_is_exact_with_the_volume_of_the_chart():
    mean, deviation = truth(X)
    theta = of_reals().sample(40, X, seed=0)
    law = torch.distributions.Normal(mean, deviation)
    expected = law.log_prob(theta.double()).sum(1)
    np.testing.assert_allclose(of_reals().log_prob(theta, X), expected, atol=FLOW)
    theta = of_cube().sample(40, X, seed=0)
    z = chart(theta)
    slope = torch.distributions.Normal(0.0, 1.0).log_prob(z) + math.log(2)
    expected = (law.log_prob(z) - slope).sum(1)
    found = of_cube().log_prob(theta, X)
    np.testing.assert_allclose(found, expected, atol=FLOW)
    assert np.abs(found - law.log_prob(z).sum(1).numpy()).max() > 10 * FLOW  # without the volume


def test_there_is_no_density_outside_the_bounds():
    assert of_cube().log_prob([[0.0, 1.5], [0.0, 0.5]], X)[0] == -math.inf


def test_a_set_of_any_size_is_told_at_once():
    x = X + NOISE * np.random.default_rng(0).normal(size=(3, 2))
    theta, (mean, deviation) = of_sets().sample(3000, x, seed=0), truth(x)
    assert_law(theta[:, 0].double(), normal(mean[0], deviation))
    one = of_sets().sample(3000, x[:1], seed=0)
    assert_law(one[:, 0].double(), normal(truth(x[:1])[0][0], truth(x[:1])[1]))
    with pytest.raises(ImprobableError):
        assert_law(one[:, 0].double(), normal(mean[0], deviation))
    law = torch.distributions.Normal(mean, deviation)
    np.testing.assert_allclose(of_sets().log_prob(theta[:20], x), law.log_prob(theta[:20].double()).sum(1), atol=FLOW)


def test_as_many_rows_as_observations_are_no_confusion():
    x = X + NOISE * np.random.default_rng(0).normal(size=(4, 2))
    assert_mean(of_sets().sample(4, x, seed=0).double(), truth(x)[0], tolerance=truth(x)[1])


def test_more_observations_than_were_trained_on_are_told_of():
    with pytest.warns(UserWarning, match="trained on sets of up to 5"):
        of_sets().sample(2, X + NOISE * np.random.default_rng(0).normal(size=(7, 2)), seed=0)


def test_several_observations_are_composed():
    x = X + NOISE * np.random.default_rng(0).normal(size=(10, 2))
    theta, (mean, deviation) = of_reals().sample(3000, x, seed=0), truth(x)
    assert_mean(theta.double(), mean, tolerance=0.1 * deviation)  # as spreads are those of a few hundred draws
    assert_mean((theta.double() - theta.double().mean(0)).square(), deviation**2, tolerance=0.15 * deviation**2)
    with pytest.raises(InputError, match="known only to a model of sets"):
        of_reals().log_prob(theta, x)


def test_calibration_names_the_parameters():
    found = of_reals().calibrate(trials=0, density_draws=0)
    assert found.names == ("theta[0]", "theta[1]")
    assert found.given == ("x",)
    assert found.good
    rng = torch.Generator().manual_seed(3)
    theta = torch.randn(150, 2, generator=rng)
    x = theta + 2 * NOISE * torch.randn(150, 2, generator=rng)  # of a noisier simulator
    assert not of_reals().calibrate(Simulations(theta, x), trials=0, density_draws=0).good
    one = calibration(of_reals(), theta, x, of="theta[1]", trials=0, density_draws=0)
    assert one.names == ("theta[1]",)
    with pytest.raises(InputError, match="expected some of"):
        calibration(of_reals(), theta, x, of="theta[2]")


def test_calibration_of_sets_tells_sets_of_all_sizes():
    assert of_sets().calibrate(trials=0, density_draws=0, max_rows=60).good


def test_an_observation_of_another_simulator_is_told_of():
    assert of_reals().check(X).good
    assert not of_reals().check([9.0, 0.0]).good
    with pytest.warns(UserWarning, match="no posterior of it can be trusted"):
        of_reals().sample(2, [9.0, 0.0], seed=0)


def test_a_set_is_compared_with_sets():
    rng = np.random.default_rng(0)
    assert of_sets().check(X + NOISE * rng.normal(size=(5, 2))).good
    assert of_sets().check(X).good
    noisier = X + 6 * NOISE * rng.normal(size=(5, 2))
    assert not of_sets().check(noisier).good


def test_the_same_seed_gives_the_same_draws():
    first, again, other = (of_reals().sample(5, X, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("n", [-1, 2.5, "3"])
def test_wrong_counts_are_refused(n):
    with pytest.raises(InputError, match="n = "):
        of_reals().sample(n, X)


def test_without_its_prior_it_has_no_other():
    with pytest.raises(InputError, match="loaded without its prior"):
        dataclasses.replace(of_reals(), prior=None).with_prior(of_reals().prior)
