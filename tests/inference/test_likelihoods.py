"""A likelihood that is exact: posteriors of sets, evidence, other priors; and one that is learnt, against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from simulated import NOISE, cube, in_cube, noisy, normal_prior

from unnoise._errors import InputError
from unnoise.inference import LearntLikelihood, Parameters, Simulations, as_prior, likelihood
from unnoise.inference.fitting_likelihood import SETTINGS
from unnoise.inference.observed import Observed
from unnoise.inference.points import PointLaw, Units, untrained
from unnoise.inference.unnormalised import Before, Unnormalised
from unnoise.testing import ImprobableError, assert_law
from unnoise.walking import attempting

FEW = replace(SETTINGS, steps=20)
X = np.array([0.8, -0.5])
SETS = {1: X[None], 4: X + 0.3 * np.array([[1.0, 0], [0, 1], [-1, 0], [2, -1]]), 16: np.tile(X + 0.2, (16, 1))}


def exact(prior=None):
    """x ~ N(theta, NOISE^2 I), known, as a mixture of one component."""
    law = as_prior(normal_prior() if prior is None else prior)
    denoiser = untrained(2, 2, 1)
    denoiser.coefficients[1:3] = torch.eye(2)
    denoiser.scales.fill_(NOISE)
    ends, zeros, ones = law.parameters, (0.0, 0.0), (1.0, 1.0)
    units = Units(ends.low, ends.high, zeros, ones, zeros, ones)
    model = PointLaw(denoiser.requires_grad_(False), units, "known")
    rng = np.random.default_rng(0)
    theta = law.draw(600, torch.Generator().manual_seed(0))
    made = Simulations(law.parameters.shown(theta), theta + NOISE * rng.normal(size=theta.shape))
    observed = Observed.of(made)
    features = observed.features(made.x[:300])
    return LearntLikelihood(model, law.parameters, observed, features, made.at(slice(300, 600)), law)


def truth(x, mean=0.0, scale=1.0):
    """Mean and deviation of the posterior, and the evidence of a set (j, 2), of the prior N(mean, scale^2)."""
    precision = len(x) / NOISE**2 + 1 / scale**2
    middle = (x.sum(axis=0) / NOISE**2 + mean / scale**2) / precision
    covariance = NOISE**2 * np.eye(len(x)) + scale**2
    law = torch.distributions.MultivariateNormal(torch.full((len(x),), mean).double(), torch.from_numpy(covariance))
    return middle, precision**-0.5, float(law.log_prob(torch.from_numpy(x.T)).sum())


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
    below = (1 - middle) / deviation, (-1 - middle) / deviation
    ends = torch.special.ndtr(torch.tensor(below, dtype=torch.float64))

    def cut(u):
        return (torch.special.ndtr((u - middle) / deviation) - ends[1]) / (ends[0] - ends[1])

    assert_law(found.draws[:, 0].double(), cut)


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


def test_what_is_learnt_is_near_the_truth():
    """KL divergence from the exact law per observation; twin: one that was not told the parameters."""
    found = likelihood(normal_prior(), noisy, simulations=500, observations=2, components=2, settings=FEW)
    rng = torch.Generator().manual_seed(1)
    theta = torch.randn(80, 2, generator=rng)
    x = theta + NOISE * torch.randn(80, 2, generator=rng)
    exactly = torch.distributions.Normal(theta, NOISE).log_prob(x).sum(1).double().numpy()
    told = np.array([found.log_prob(one, at[None])[0] for one, at in zip(x, theta, strict=True)])
    blind = np.array([found.log_prob(one, torch.zeros(1, 2))[0] for one in x])
    assert -0.02 < (exactly - told).mean() < 0.1
    assert (exactly - blind).mean() > 0.5


def test_numbers_that_are_whole_have_the_chance_of_their_cell():
    def spikes(theta, seed):
        return np.random.default_rng(seed).poisson(np.exp(theta.numpy()), size=theta.shape)

    found = likelihood(torch.distributions.Normal(torch.tensor([3.0]), 0.1), spikes, simulations=400, settings=FEW)
    theta = torch.tensor([[3.0]])
    total = sum(np.exp(found.log_prob([float(k)], theta)[0]) for k in range(60))
    assert total == pytest.approx(1, abs=0.05)


def test_the_same_numbers_come_back_from_a_folder(tmp_path):
    made = likelihood(cube(), in_cube, simulations=100, components=2, settings=FEW)
    made.save(tmp_path / "kept")
    found = LearntLikelihood.load(tmp_path / "kept", prior=cube())
    theta = cube().sample((20,))
    np.testing.assert_array_equal(found.log_prob(SETS[4], theta), made.log_prob(SETS[4], theta))
    assert found.check(X) == made.check(X)
    assert found.model.ended == made.model.ended
    with pytest.raises(InputError, match="holds no likelihood"):
        LearntLikelihood.load(tmp_path)
    with pytest.raises(InputError, match="loaded without its prior"):
        LearntLikelihood.load(tmp_path / "kept").posterior(X)
    path = tmp_path / "kept" / "model" / "law.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read: its checksum does not fit"):
        LearntLikelihood.load(tmp_path / "kept")


def test_outside_the_bounds_nothing_is_known():
    assert np.isnan(exact(cube()).log_prob(X, torch.tensor([[2.0, 0.0]]))).all()


THETA = np.random.default_rng(0).uniform(-1, 1, size=(50, 2))


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.where(THETA > 0.9, np.nan, THETA), "got NaN in 0.12 of the simulations; a likelihood is learnt of whole"),
        (np.stack([THETA[:, 0], np.ones(50)], 1), "got number 1 of x alike in all simulations; leave it out"),
        (np.zeros((50, 300)) + THETA[:, :1], "got 300 numbers of one observation; expected at most 256"),
    ],
)
def test_simulations_without_a_density_are_a_sentence(x, words):
    with pytest.raises(InputError, match=words):
        likelihood(cube(), Simulations(THETA, x), settings=FEW)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"components": 0}, "got components = 0"),
        ({"settings": None}, "got settings = None"),
        ({"held_out": 0.9}, "got held_out = 0.9"),
        ({"simulations": 3}, "got simulations = 3"),
    ],
)
def test_arguments_that_cannot_be_are_a_sentence(arguments, words):
    with pytest.raises(InputError, match=words):
        likelihood(cube(), in_cube, **arguments)


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
    assert isinstance(made.parameters, Parameters)
