"""From a prior and a simulator to a posterior: what is held out, told and refused; training finds the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from simulated import NOISE, UNTRAINED, cube, in_cube, noisy, normal_prior, truth

from unnoise import DenoisingMarkovModel
from unnoise._errors import InputError
from unnoise.inference import (
    AmortisedPosterior,
    PosteriorByLikelihood,
    Simulations,
    as_prior,
    choosing,
    fitting,
    posterior,
    simulate,
)
from unnoise.inference.store import Store
from unnoise.testing import assert_probable

X = np.array([0.8, -0.5])


def holed(theta):
    """The second number is seen in half of the rows."""
    x = noisy(theta)
    return torch.where(torch.rand(theta.shape) < torch.tensor([0.0, 0.5]), torch.nan, x)


def test_what_is_held_out_is_not_learnt_from(tmp_path):
    made = simulate(normal_prior(), noisy, 400, folder=tmp_path / "kept")
    found = posterior(normal_prior(), made, model=UNTRAINED)
    assert len(found.held_out) == 100
    learnt = {tuple(row) for row in found.simulated.tolist()}
    assert len(learnt) == 300
    assert not learnt & {tuple(row) for row in found.held_out.x.tolist()}
    assert learnt < {tuple(row) for row in made.x.tolist()}
    again = posterior(normal_prior(), noisy, simulations=400, model=UNTRAINED, folder=tmp_path / "kept")
    assert np.array_equal(again.held_out.x, found.held_out.x)
    assert UNTRAINED.kinds is None  # the model that was given is left as it is


def test_holes_are_used():
    found = posterior(normal_prior(), holed, simulations=100, model=UNTRAINED)
    assert found.observed.holed == (False, True)
    assert found.sample(3, [0.3, np.nan], seed=0).shape == (3, 2)
    with pytest.raises(InputError, match=r"got NaN in x\[0\]"):
        found.sample(3, [np.nan, 0.3])


def test_the_likelihood_is_learnt_too_unless_a_model_is_given(monkeypatch):
    monkeypatch.setattr(choosing, "JUDGED", 10)
    monkeypatch.setattr(fitting, "SETTINGS", replace(fitting.SETTINGS, steps=20))
    found = posterior(normal_prior(), noisy, simulations=80, likelihood=True, model=UNTRAINED)
    assert isinstance(found, PosteriorByLikelihood)
    assert found.choice.startswith("learnt by its likelihood: +")
    assert posterior(normal_prior(), noisy, simulations=40, model=UNTRAINED).choice == ""
    monkeypatch.setattr(fitting, "_better", lambda *_, must: f"better, {must}")
    assert posterior(normal_prior(), noisy, simulations=40) == "better, False"


def test_where_no_likelihood_can_be_learnt_the_network_says_why():
    made = simulate(normal_prior(), holed, 100)
    found = fitting._better(as_prior(normal_prior()), made, 0.1, UNTRAINED, 0, False, must=False)
    assert type(found) is AmortisedPosterior
    assert found.choice.startswith("learnt by a network alone: got NaN in")


def test_names_stay():
    prior = {"rate": torch.distributions.Gamma(3.0, 1.0), "place": normal_prior(2)}
    found = posterior(prior, lambda theta: theta["rate"][..., None] + theta["place"], simulations=60, model=UNTRAINED)
    theta = found.sample(4, [1.0, 2.0], seed=0)
    assert theta["place"].shape == (4, 2)
    assert bool((theta["rate"] > 0).all())
    assert found.log_prob(theta, [1.0, 2.0]).shape == (4,)


def test_rounds_simulate_where_the_posterior_so_far_is(tmp_path, monkeypatch):
    """As it would be if the first one were narrow."""
    draw = AmortisedPosterior.sample
    monkeypatch.setattr(AmortisedPosterior, "sample", lambda self, n, x, **seed: 0.1 * draw(self, n, x, **seed))
    options = {"simulations": 101, "model": UNTRAINED, "rounds": 3, "x": [0.0, 0.0]}
    found = posterior(cube(), noisy, folder=tmp_path / "kept", **options)
    assert found.simulated.shape == (76, 2)
    kept = [Store(tmp_path / "kept" / name).read(0)[0] for name in ("", "round 2", "round 3")]
    assert [len(theta) for theta in kept] == [51, 25, 25]
    assert np.abs(kept[0]).max() > 0.5
    assert max(np.abs(theta).max() for theta in kept[1:]) < 0.3


@pytest.mark.parametrize(
    ("simulator", "options", "words"),
    [
        (noisy, {"rounds": 2}, "got no x for rounds = 2"),
        (noisy, {"x": [0.0, 0.0]}, "got an x for rounds = 1"),
        (noisy, {"rounds": 0}, "got rounds = 0"),
        (Simulations(np.zeros((50, 2)), np.zeros(50)), {"rounds": 2, "x": 0.0}, "which need a simulator"),
        (noisy, {"simulations": 19}, "got simulations = 19"),
        (noisy, {"held_out": 0.0}, "held_out"),
        (noisy, {"model": 3}, "model"),
        (noisy, {"likelihood": 3}, "likelihood"),
        (noisy, {"likelihood": True, "rounds": 2, "x": [0.0, 0.0]}, "got likelihood = True for several rounds"),
        (holed, {"likelihood": True, "simulations": 50}, "a likelihood is learnt of whole observations"),
        (Simulations(np.zeros((5, 2)), np.zeros(5)), {}, "got 5 simulations"),
        (Simulations(np.full((50, 2), 1.5), np.zeros(50)), {}, "outside the bounds of the prior in row 0"),
        (Simulations(np.zeros((50, 3)), np.zeros(50)), {}, r"got theta of shape \(50, 3\)"),
        (lambda theta: torch.full_like(theta, torch.nan), {"simulations": 50}, "NaN in all of x"),
        (3, {}, "got simulator = 3"),
    ],
)
def test_wrong_input_is_one_sentence(simulator, options, words):
    with pytest.raises(InputError, match=words):
        posterior(cube(), simulator, **{"model": UNTRAINED} | options)


@pytest.mark.slow
class TestTrained:
    """Each to within a tenth or a fifth of a deviation of the closed form, for a network of 3000 simulations."""

    def test_one_observation(self):
        found = posterior(cube(), in_cube, simulations=3000)
        mean, deviation = truth(X)
        theta = found.sample(4000, X, seed=0)
        z = torch.special.ndtri(0.5 + 0.5 * theta.double())
        torch.testing.assert_close(z.mean(0), mean, atol=0.2 * deviation, rtol=0)
        torch.testing.assert_close(z.std(0), torch.full((2,), deviation).double(), atol=0.15 * deviation, rtol=0)
        law = torch.distributions.Normal(mean, deviation)
        slope = torch.distributions.Normal(0.0, 1.0).log_prob(z) + np.log(2)
        gap = (law.log_prob(z) - slope).sum(1)[:200].numpy() - found.log_prob(theta[:200], X)
        assert abs(gap.mean()) < 0.1
        for answer in found.calibrate(density_draws=0).answers:
            assert_probable(answer.p_value, answer.question)

    def test_a_hole_tells_nothing(self):
        found = posterior(normal_prior(), holed, simulations=3000, model=DenoisingMarkovModel(steps=1500))
        theta = found.sample(4000, [0.8, np.nan], seed=0).double()
        assert float(theta[:, 0].mean()) == pytest.approx(float(truth(X)[0][0]), abs=0.1)
        assert float(theta[:, 1].mean()) == pytest.approx(0.0, abs=0.15)
        assert float(theta[:, 1].std()) == pytest.approx(1.0, abs=0.1)
        whole = found.sample(4000, X, seed=0).double()
        assert float(whole[:, 1].std()) == pytest.approx(truth(X)[1], abs=0.1)

    def test_sets_and_composed_observations(self):
        x = X + NOISE * np.random.default_rng(0).normal(size=(8, 2))
        mean, deviation = truth(x)
        for observations in (1, 8):
            found = posterior(normal_prior(), noisy, simulations=3000, observations=observations)
            theta = found.sample(4000, x, seed=0).double()
            torch.testing.assert_close(theta.mean(0), mean, atol=0.6 * deviation, rtol=0)
            assert float(theta.std(0).mean()) == pytest.approx(deviation, rel=0.4)
