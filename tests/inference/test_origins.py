"""How laws of every origin are read: shares and whole numbers with the density of their own."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats as st
import torch
from torch import distributions as td

from unnoise._errors import InputError
from unnoise.inference import as_prior
from unnoise.inference.origins import read

WEIGHTS = torch.tensor([0.2, 0.5, 0.3])
SHARES = np.array([1.0, 2.0, 3.0])
WHOLE = {
    "scipy, a range": (st.randint(2, 6), (2.0,), (5.0,), st.randint(2, 6).logpmf),
    "scipy, counts": (st.poisson(3), (0.0,), (np.inf,), st.poisson(3).logpmf),
    "torch, levels": (td.Categorical(WEIGHTS), (0.0,), (2.0,), lambda k: np.log(WEIGHTS.numpy()[k.astype(int)])),
    "torch, truths": (
        td.Independent(td.Bernoulli(torch.tensor([0.3, 0.6])), 1),
        (0.0, 0.0),
        (1.0, 1.0),
        lambda k: st.bernoulli([0.3, 0.6]).logpmf(k).sum(1, keepdims=True),
    ),
    "torch, trials": (td.Binomial(5, torch.tensor(0.3)), (0.0,), (5.0,), st.binom(5, 0.3).logpmf),
}
OF_SHARES = {
    "scipy": st.dirichlet(SHARES),
    "torch": td.Dirichlet(torch.from_numpy(SHARES).float()),
    "a user's": type(
        "Mine",
        (),
        {
            "sample": lambda self, n, generator: np.random.default_rng(0).dirichlet(SHARES, n),
            "log_prob": lambda self, theta: st.dirichlet(SHARES).logpdf(theta.T),
        },
    )(),
}


@pytest.mark.parametrize("case", WHOLE)
def test_whole_numbers_have_their_chances(case, rng):
    law, low, high, chance = WHOLE[case]
    prior = as_prior(law)
    assert (prior.parameters.low, prior.parameters.high) == (low, high)
    assert all(prior.parameters.whole)
    theta = prior.draw(100, rng)
    np.testing.assert_allclose(prior.log_prob(theta), np.asarray(chance(theta))[:, 0], atol=1e-6)
    assert np.isneginf(prior.log_prob(theta + 0.5)).all()
    shown = prior.parameters.shown(theta)
    assert shown.dtype == (law.sample((3,)).dtype if hasattr(law, "sample") else np.int64)


@pytest.mark.parametrize("case", OF_SHARES)
def test_shares_have_the_density_of_all_but_the_last(case, rng):
    prior = as_prior({"a": st.norm(), "p": OF_SHARES[case]})
    assert (prior.parameters.size, prior.parameters.free) == (4, 3)
    assert prior.parameters.parts[1].shares
    theta = prior.draw(100, rng)
    expected = st.norm.logpdf(theta[:, 0]) + st.dirichlet(SHARES).logpdf(
        (theta[:, 1:] / theta[:, 1:].sum(1, keepdims=True)).T
    )
    np.testing.assert_allclose(prior.log_prob(theta), expected, atol=1e-4)
    assert np.isneginf(prior.log_prob(theta + np.array([0, 0.1, 0, 0]))).all()
    assert np.isfinite(prior.log_prob(prior.parameters.inside(np.array([[0.0, 9.0, 9.0]])))).all()


@pytest.mark.parametrize(
    "law", [td.OneHotCategorical(WEIGHTS), td.Multinomial(5, WEIGHTS), st.multinomial(5, [0.2, 0.5, 0.3])]
)
def test_levels_spread_over_several_numbers_are_no_shares(law):
    with pytest.raises(InputError, match="follow from each other"):
        as_prior(law)


def test_what_is_no_law_is_a_sentence():
    with pytest.raises(InputError, match="got prior = 3; expected a law of unnoise"):
        read(3, "prior")
