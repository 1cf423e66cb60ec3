"""Mixtures of product laws: marginals, conditionals and draws against enumeration; EM against its own promise."""

import dataclasses
import itertools
import math

import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws import (
    CategoricalComponents,
    GaussianMixture,
    NormalComponents,
    PoissonComponents,
    ProductMixture,
    WrappedNormal,
    WrappedNormalComponents,
    fit_latent_classes,
    latent_classes,
)
from unnoise.laws.latent_classes import Prior, Rows, em_step
from unnoise.testing.statistics import assert_frequencies, assert_mean

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


def test_normal_parts_are_those_of_a_gaussian_mixture():
    means, variances = torch.randn(K, 2, generator=rng()), torch.rand(K, 2, generator=rng(1)) + 0.1
    law, x = mixture(NormalComponents(means, variances)), torch.randn(5, 2, generator=rng(2))
    whole = GaussianMixture(law.weights, means, torch.diag_embed(variances))
    torch.testing.assert_close(law.log_prob(x), whole.log_prob(x))
    draws = law.sample(rng(), (20_000,))
    assert_mean(draws[:, 0], float((law.weights @ means)[0]))


def test_wrapped_parts_are_wrapped_normal_laws():
    parts = WrappedNormalComponents(torch.tensor([[3.0], [9.0]]), torch.tensor([[0.3], [1.5]]))
    x = torch.linspace(-3, 3, 7)[:, None]
    law = WrappedNormal(parts.means, parts.variances.sqrt(), 1)
    torch.testing.assert_close(parts.log_prob(x), law.log_prob(x[:, None]), rtol=1e-5, atol=1e-5)
    draws = parts.sample(torch.zeros(20_000, dtype=torch.int64), rng())
    assert_mean(draws.cos()[:, 0], math.cos(3.0) * math.exp(-0.15))


def test_poisson_parts_are_poisson_laws():
    parts = PoissonComponents(torch.tensor([[2.0, 0.5]]))
    law = torch.distributions.Poisson(parts.means[0])
    x = torch.tensor([[0, 3], [4, 1]])
    torch.testing.assert_close(parts.log_prob(x)[:, 0], law.log_prob(x).sum(1))


def mixed(n=300):
    """Rows of letters, numbers, angles and counts with two groups, and a tenth of all cells unknown."""
    group = torch.rand(n, 1, generator=rng()) < 0.4
    noise = torch.randn(n, 4, generator=rng(1))
    x = {
        "letters": torch.where(noise[:, :2] > 0.8, 2, group.long()),
        "numbers": noise[:, 2:3] + 3 * group,
        "angles": torch.remainder(noise[:, 3:] + 2.5 * group + math.pi, 2 * math.pi) - math.pi,
        "counts": torch.poisson(torch.where(group, 1.0, 6.0), generator=rng(2)).long(),
    }
    known = _tree.map(lambda leaf: torch.rand(leaf.shape, generator=rng(3)) > 0.1, x)
    base = {
        "letters": CategoricalComponents.of(x["letters"], known["letters"], torch.tensor([True, True, True, False])),
        "numbers": NormalComponents.of(x["numbers"], known["numbers"]),
        "angles": WrappedNormalComponents.of(x["angles"], known["angles"]),
        "counts": PoissonComponents.of(x["counts"], known["counts"]),
    }
    return base, Rows(x, known, torch.rand(n, generator=rng(4)))


def climb(prior, rows, steps=30):
    law, heights = latent_classes._first(prior, rows, 4, rng()), []
    for _ in range(steps):
        law, height = em_step(law, rows, prior)
        heights.append(height)
    return torch.tensor(heights, dtype=torch.float64).diff()


def test_the_log_posterior_never_falls():
    base, rows = mixed()
    assert (climb(Prior.of(base, 0.7), rows) > -1e-3).all()


def test_an_m_step_that_forgets_the_prior_is_found(monkeypatch):
    base, rows = mixed()
    right = NormalComponents.refitted
    monkeypatch.setattr(
        NormalComponents, "refitted", lambda self, tally, base, rows: right(self, tally, base, rows / 1000)
    )
    assert climb(Prior.of(base, 30.0), rows).min() < -1e-3


def test_unknown_cells_do_not_matter():
    base, rows = mixed()
    other = dataclasses.replace(
        rows, x=_tree.map(lambda leaf, known: torch.where(known, leaf, leaf.roll(1, 0)), rows.x, rows.known)
    )
    laws = [fit_latent_classes(base, some.x, some.known, components=4, rng=rng()) for some in (rows, other)]
    torch.testing.assert_close(*(law.log_prob(rows.x) for law in laws))


def test_it_finds_groups_and_how_many():
    base, rows = mixed(2000)
    law = fit_latent_classes(base, rows.x, components=20, rng=rng())
    alone = fit_latent_classes(base, rows.x, components=1, rng=rng())
    test = mixed(2500)[1].at(slice(2000, None))
    assert len(law.weights) > 1
    assert law.log_prob(test.x).mean() > alone.log_prob(test.x).mean() + 0.3


def test_a_weight_is_as_many_rows():
    base, rows = mixed(200)
    whole = Prior.of(base, 1.0)
    law = latent_classes._first(whole, rows, 2, rng())
    weighted, _ = em_step(law, Rows(rows.x, rows.known, torch.full((200,), 2.0)), whole)
    twice = Rows(*(_tree.map(lambda leaf: leaf.repeat(2, 1), tree) for tree in (rows.x, rows.known)), torch.ones(400))
    doubled, _ = em_step(law, twice, whole)
    torch.testing.assert_close(weighted.log_prob(rows.x), doubled.log_prob(rows.x), rtol=1e-4, atol=1e-4)


def test_wrong_arguments_are_refused():
    base, rows = mixed(50)
    with pytest.raises(InputError, match="sum to 1"):
        ProductMixture(torch.tensor([0.7]), letters())
    with pytest.raises(InputError, match="one for each component"):
        ProductMixture(torch.tensor([0.5, 0.5]), letters())
    with pytest.raises(InputError, match="weights"):
        fit_latent_classes(base, rows.x, weights=torch.ones(3), rng=rng())
