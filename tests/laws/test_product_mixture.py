"""Mixtures of product laws: marginals, conditionals and draws against enumeration."""

import itertools
import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import CategoricalComponents, ProductMixture
from unnoise.testing.statistics import assert_frequencies

K, SITES, STATES = 3, 3, 4


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def letters():
    """Three sites; the last state of the first site is impossible."""
    logits = torch.randn(K, SITES, STATES, generator=rng(1))
    logits[:, 0, -1] = -math.inf
    return CategoricalComponents(logits.softmax(-1))


def mixture(parts):
    return ProductMixture(torch.tensor([0.5, 0.3, 0.2]), parts)


def everything():
    return torch.tensor(list(itertools.product(range(STATES), repeat=SITES)))


def test_it_is_a_law_and_its_marginals_are_sums():
    law, x = mixture(letters()), everything()
    joint = law.log_prob(x).exp()
    assert joint.sum() == pytest.approx(1, abs=1e-5)
    known = torch.tensor([[False, True, True]]).expand(len(x), -1)
    of_rest = joint.reshape(STATES, -1).sum(0)
    torch.testing.assert_close(law.log_prob(x, known).exp().reshape(STATES, -1)[2], of_rest)


def test_draws_have_the_law():
    law, n = mixture(letters()), 20_000
    x = law.sample(rng(), (n,))
    places = x @ torch.tensor([STATES**2, STATES, 1])
    assert_frequencies(torch.bincount(places, minlength=STATES**SITES), law.log_prob(everything()).exp())


def test_what_is_given_is_kept_and_the_rest_drawn_given_it():
    law, n = mixture(letters()), 20_000
    x, known = torch.tensor([[1, 0, 0]]).expand(n, -1), torch.tensor([[True, False, False]]).expand(n, -1)
    drawn = law.completed(x, known, rng())
    assert (drawn[:, 0] == 1).all()
    of_rest = law.log_prob(everything()).exp().reshape(STATES, -1)[1]
    places = drawn[:, 1] * STATES + drawn[:, 2]
    counts = torch.bincount(places, minlength=STATES**2)
    assert_frequencies(counts, of_rest / of_rest.sum())
    with pytest.raises(AssertionError):  # as if nothing were given
        assert_frequencies(counts, law.log_prob(everything()).exp().reshape(STATES, -1).sum(0))


def test_weights_that_are_none_are_refused():
    with pytest.raises(InputError, match="sum to 1"):
        ProductMixture(torch.tensor([0.7]), letters())
    with pytest.raises(InputError, match="one for each component"):
        ProductMixture(torch.tensor([0.5, 0.5]), letters())
