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


def test_only_what_is_asked_is_drawn(monkeypatch):
    """A row of 500 columns is asked for each of them: to draw all the others each time took two seconds."""
    law, sample, drawn = mixture(letters()), CategoricalComponents.sample, []

    def counted(self, chosen, generator):
        drawn.append(math.prod(self.cells) * len(chosen))
        return sample(self, chosen, generator)

    monkeypatch.setattr(CategoricalComponents, "sample", counted)
    known = ~torch.eye(SITES, dtype=torch.bool)
    x = law.completed(torch.zeros(SITES, SITES, dtype=torch.int64), known, rng())
    assert drawn == [SITES]
    assert (x[known] == 0).all()
    assert (law.completed(x, torch.ones_like(known), rng()) == x).all()
    assert drawn == [SITES], "where all is known there is nothing to draw"


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


def grouped():
    """The first and last sites are of one mixture of three, the second of one of two, independent of it."""
    weights = torch.tensor([[0.5, 0.4], [0.3, 0.6], [0.2, 0.0]])
    return ProductMixture(weights, letters(), torch.tensor([0, 1, 0]))


def all_pairs():
    """The same law as a mixture of every pair of components."""
    law, probs = grouped(), letters().probs
    first, second = (i.flatten() for i in torch.meshgrid(torch.arange(3), torch.arange(2), indexing="ij"))
    pairs = torch.stack([probs[first, 0], probs[second, 1], probs[first, 2]], 1)
    return ProductMixture(law.weights[first, 0] * law.weights[second, 1], CategoricalComponents(pairs))


def test_groups_are_independent():
    law, same, x = grouped(), all_pairs(), everything()
    known = torch.tensor([[True, True, False]]).expand(len(x), -1)
    torch.testing.assert_close(law.log_prob(x), same.log_prob(x))
    torch.testing.assert_close(law.log_prob(x, known), same.log_prob(x, known))
    assert law.log_prob(x.reshape(4, 16, 3)).shape == (4, 16)
    n, given = 20_000, torch.tensor([[True, False, False]])
    joint, places = same.log_prob(x).exp(), torch.tensor([STATES**2, STATES, 1])
    assert_frequencies(torch.bincount(law.sample(rng(), (n,)) @ places, minlength=len(x)), joint)
    drawn = law.completed(torch.tensor([[1, 0, 0]]).expand(n, -1), given.expand(n, -1), rng())
    assert (drawn[:, 0] == 1).all()
    of_rest = joint.reshape(STATES, -1)[1]
    counts = torch.bincount(drawn[:, 1:] @ places[1:], minlength=STATES**2)
    assert_frequencies(counts, of_rest / of_rest.sum())
    with pytest.raises(AssertionError):  # as if nothing were given
        assert_frequencies(counts, joint.reshape(STATES, -1).sum(0))
    with pytest.raises(InputError, match="several groups"):
        law.posterior(x)


@pytest.mark.parametrize(
    "groups", ["text", torch.tensor([0, 1]), torch.tensor([0, 1, 2]), {"x": torch.tensor([0, 1, 0])}]
)
def test_groups_that_are_none_are_refused(groups):
    with pytest.raises(InputError, match="groups"):
        ProductMixture(grouped().weights, letters(), groups)


def test_weights_that_are_none_are_refused():
    with pytest.raises(InputError, match="sum to 1"):
        ProductMixture(torch.tensor([[0.5, 0.5], [0.3, 0.5], [0.3, 0.0]]), letters(), torch.tensor([0, 1, 0]))
    with pytest.raises(InputError, match="sum to 1"):
        ProductMixture(torch.tensor([0.7]), letters())
    with pytest.raises(InputError, match="one for each component"):
        ProductMixture(torch.tensor([0.5, 0.5]), letters())
