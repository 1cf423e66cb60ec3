"""Priors of torch, scipy, unnoise and users: draws, densities and bounds are those of the law."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st
import torch
from torch import distributions as td

from unnoise import laws, targets
from unnoise._errors import InputError
from unnoise.inference import as_prior
from unnoise.testing import ImprobableError, assert_law

INF = np.inf
BOX = td.Uniform(torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 2.0]))


class Mine:
    """A triangle's law, with bounds of its own."""

    support = (0.0, np.array([1.0, 1.0]))

    def sample(self, n, generator):
        return torch.rand(n, 2, generator=generator, dtype=torch.float64).sqrt()

    def log_prob(self, theta):
        return torch.log(2 * theta).sum(1)


CASES = {
    "torch, a batch": (BOX, (-1.0, 0.0), (1.0, 2.0), lambda x: BOX.log_prob(x).sum(1)),
    "torch, an event": (td.Independent(BOX, 1), (-1.0, 0.0), (1.0, 2.0), lambda x: BOX.log_prob(x).sum(1)),
    "torch, half a line": (td.Gamma(2.0, 1.0), (0.0,), (INF,), lambda x: td.Gamma(2.0, 1.0).log_prob(x[:, 0])),
    "scipy, one": (st.norm(1, 2), (-INF,), (INF,), lambda x: st.norm.logpdf(x, 1, 2)[:, 0]),
    "scipy, several": (st.beta(2, [2, 3]), (0.0, 0.0), (1.0, 1.0), lambda x: st.beta.logpdf(x, 2, [2, 3]).sum(1)),
    "scipy, joint": (
        st.multivariate_normal(np.zeros(2)),
        (-INF, -INF),
        (INF, INF),
        st.multivariate_normal(np.zeros(2)).logpdf,
    ),
    "unnoise, a law": (
        laws.Normal(torch.zeros(2), torch.tensor(1.0), 1),
        (-INF, -INF),
        (INF, INF),
        lambda x: -0.5 * (x**2).sum(1) - np.log(2 * np.pi),
    ),
    "unnoise, a target": (targets.TwoModes(2), (-INF, -INF), (INF, INF), targets.TwoModes(2).log_prob),
    "a user's": (Mine(), (0.0, 0.0), (1.0, 1.0), lambda x: torch.log(2 * x).sum(1)),
    "by name": (
        {"a": st.norm(0, 1), "b": td.Uniform(0.0, 1.0)},
        (-INF, 0.0),
        (INF, 1.0),
        lambda x: st.norm.logpdf(x[:, 0]),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_law_that_was_given(case, rng):
    law, low, high, density = CASES[case]
    prior = as_prior(law)
    assert (prior.parameters.low, prior.parameters.high) == (low, high)
    theta = prior.draw(50, rng)
    assert np.array_equal(theta, prior.draw(50, torch.Generator().manual_seed(0)))
    assert not np.array_equal(theta, prior.draw(50, torch.Generator().manual_seed(1)))
    expected = np.asarray(density(torch.from_numpy(theta)))
    np.testing.assert_allclose(prior.log_prob(theta), expected, atol=1e-4)
    assert prior.parameters.read(prior.parameters.shown(theta)).shape == theta.shape


def test_draws_follow_the_law(rng):
    theta = torch.from_numpy(as_prior(td.Gamma(2.0, 1.0)).draw(2000, rng))
    assert_law(theta, lambda x: st.gamma.cdf(x.numpy(), 2.0))
    with pytest.raises(ImprobableError):
        assert_law(theta, lambda x: st.gamma.cdf(x.numpy(), 2.3))


def test_there_is_no_density_outside_the_bounds():
    assert as_prior(BOX).log_prob(np.array([[0.0, 3.0], [0.0, 1.0]])).tolist() == [-INF, pytest.approx(-np.log(4))]


def test_torchs_own_generator_is_left_alone(rng):
    before = torch.get_rng_state()
    as_prior(BOX).draw(5, rng)
    assert torch.equal(before, torch.get_rng_state())


class Untold:
    def sample(self, n, generator):
        return np.random.default_rng(0).normal(size=(n, 2))


def test_a_density_is_asked_for_only_where_it_is_needed():
    prior = as_prior({"a": Untold(), "b": st.norm()})
    assert prior.draw(3, torch.Generator()).shape == (3, 3)
    with pytest.raises(InputError, match="a prior without a density where one is needed"):
        prior.log_prob(np.zeros((1, 3)))


def of(sample, **more):
    return type("Other", (), {"sample": lambda self, n, generator: sample(n), **more})()


@pytest.mark.parametrize(
    ("law", "words"),
    [
        (3, "expected a law of unnoise"),
        (td.Uniform, "expected a law of unnoise"),
        ({}, "at least one"),
        ({1: BOX}, "names of parameters"),
        ({"a": 3}, "got prior\\['a'\\] = 3"),
        (of(lambda n: np.ones((n, 2))), "are fixed"),
        (of(lambda n: np.zeros((n, 2), dtype=complex)), "expected real or whole numbers"),
        (of(lambda n: np.random.default_rng(0).normal(size=(n, 1)) * [[1.0, -1.0]]), "follow from each other"),
        (of(lambda n: np.random.default_rng(0).normal(size=(n + 1, 2))), "expected 200 rows"),
        (of(lambda n: np.full((n, 2), np.nan)), "not finite"),
        (of(lambda n: np.random.default_rng(0).normal(size=(n, 2)), support=(0.0, 1.0)), "outside its own bounds"),
    ],
)
def test_what_is_no_prior_is_refused(law, words):
    with pytest.raises(InputError, match=words):
        as_prior(law)
