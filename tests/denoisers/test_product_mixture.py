"""The exact denoiser of a mixture of product laws against enumeration, Gaussian mixtures, and single components."""

import itertools
import math

import pytest
import torch

from unnoise import processes, spaces
from unnoise._errors import InputError
from unnoise.denoisers import Exact, ExactMixture, ExactProductMixture, Roles
from unnoise.laws import (
    CategoricalComponents,
    GaussianMixture,
    NormalComponents,
    PoissonComponents,
    ProductMixture,
    WrappedNormalComponents,
)
from unnoise.processes import rates
from unnoise.schedules import LinearLogSNR

WEIGHTS = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
TIMES = (0.1, 0.5, 0.95)
STATES = (3, 2, 4)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def letters(sizes, states):
    logits = torch.randn(3, len(sizes), states, generator=rng(1), dtype=torch.float64)
    possible = torch.arange(states) < torch.tensor(sizes)[:, None]
    return CategoricalComponents(logits.masked_fill(~possible, -math.inf).softmax(-1))


def atoms_of(law, sizes):
    points = torch.tensor(list(itertools.product(*map(range, sizes))))
    return points, law.log_prob(points).exp()


def masked():
    states = tuple(size + 1 for size in STATES)
    return processes.CTMC(spaces.Finite(3, states), rates.Absorbing(states)), letters(STATES, max(states))


def shuffled():
    return processes.CTMC(spaces.Finite(3, STATES), rates.UniformRates(STATES)), letters(STATES, max(STATES))


def walking():
    return processes.CTMC(spaces.Finite(3, 4), rates.BirthDeath(4)), letters((4, 4, 4), 4)


def roles_at_random(n):
    kinds = torch.randint(0, 3, (n, 3), generator=rng(5))
    kinds[:, 0] = 1
    return Roles(kinds == 1, kinds == 2)


@pytest.mark.parametrize("made", [masked, shuffled, walking])
def test_on_finite_spaces_it_is_that_of_all_points_with_their_probabilities(made):
    process, parts = made()
    law = ProductMixture(WEIGHTS, parts)
    atoms, weights = atoms_of(law, process.rates.data.sum(-1).expand(3).tolist())
    exact, found = Exact(process, atoms, weights), ExactProductMixture(process, law)
    x_0 = law.sample(rng(), (64,))
    roles = roles_at_random(64)
    for t in TIMES:
        time = torch.tensor(t, dtype=torch.float64)
        x = process.marginal(x_0, time).sample(rng(2))
        torch.testing.assert_close(found(x, time), exact(x, time), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(found.log_prob(x, time), exact.log_prob(x, time), rtol=1e-6, atol=1e-6)
        x = torch.where(roles.given, x_0, x)
        asked = roles.asked
        sides = (one.answer(x, time.expand(64), roles)[asked] for one in (found, exact))
        torch.testing.assert_close(*sides, rtol=1e-6, atol=1e-6)


def test_groups_that_are_independent_are_a_mixture_of_all_pairs_of_their_components():
    process, parts = masked()
    weights = torch.tensor([[0.5, 0.4], [0.3, 0.6], [0.2, 0.0]], dtype=torch.float64)
    groups = torch.tensor([0, 1, 0])
    first, second = (i.flatten() for i in torch.meshgrid(torch.arange(3), torch.arange(3), indexing="ij"))
    probs = torch.where((groups == 1)[:, None], parts.probs[second], parts.probs[first])
    same = ProductMixture(weights[first, 0] * weights[second, 1], CategoricalComponents(probs))
    found, exact = (ExactProductMixture(process, law) for law in (ProductMixture(weights, parts, groups), same))
    again = ExactProductMixture(process, found.law)
    roles, x_0 = roles_at_random(64), same.sample(rng(), (64,))
    for t in TIMES:
        time = torch.tensor(t, dtype=torch.float64)
        x = process.marginal(x_0, time).sample(rng(2))
        torch.testing.assert_close(found(x, time), exact(x, time), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(again(x, time), found(x, time))
        torch.testing.assert_close(found.log_prob(x, time), exact.log_prob(x, time), rtol=1e-6, atol=1e-6)
        x = torch.where(roles.given, x_0, x)
        sides = (one.answer(x, time.expand(64), roles)[roles.asked] for one in (found, exact))
        torch.testing.assert_close(*sides, rtol=1e-6, atol=1e-6)


def test_a_denoiser_that_does_not_weigh_components_is_found(monkeypatch):
    process, parts = masked()
    law = ProductMixture(WEIGHTS, parts)
    exact, found = Exact(process, *atoms_of(law, STATES)), ExactProductMixture(process, law)
    x, t = process.marginal(law.sample(rng(), (64,)), torch.tensor(0.5)).sample(rng(2)), torch.tensor(0.5)
    monkeypatch.setattr(ExactProductMixture, "law", ProductMixture(WEIGHTS.flip(0), parts))
    assert (found(x, t) - exact(x, t)).abs().max() > 1e-3


def test_on_numbers_it_is_that_of_a_gaussian_mixture():
    process = processes.variance_preserving(spaces.Euclidean(2), LinearLogSNR())
    means, variances = torch.randn(3, 2, generator=rng(), dtype=torch.float64), torch.tensor([[0.1, 2.0]]).expand(3, 2)
    variances = variances.double().contiguous()
    found = ExactProductMixture(process, ProductMixture(WEIGHTS, NormalComponents(means, variances)))
    exact = ExactMixture(process, GaussianMixture(WEIGHTS, means, torch.diag_embed(variances)))
    x, t = torch.randn(32, 2, generator=rng(3), dtype=torch.float64), torch.linspace(0.05, 1, 32, dtype=torch.float64)
    torch.testing.assert_close(found(x, t), exact(x, t), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(found.score(x, t), exact.score(x, t), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.log_prob(x, t), exact.log_prob(x, t), rtol=1e-6, atol=1e-6)
    some = Roles(torch.tensor([[True, False]]).expand(32, 2), torch.tensor([[False, True]]).expand(32, 2))
    sides = (one.answer(x, t, some)[:, 0] for one in (found, exact))
    torch.testing.assert_close(*sides, rtol=1e-6, atol=1e-6)


def test_on_angles_it_has_the_score_of_its_density():
    process = processes.Brownian(spaces.Torus(2))
    parts = WrappedNormalComponents(
        torch.randn(3, 2, generator=rng()).double(), torch.rand(3, 2, generator=rng(4)).double() + 0.1
    )
    found = ExactProductMixture(process, ProductMixture(WEIGHTS, parts))
    x = torch.rand(16, 2, generator=rng(1), dtype=torch.float64) * 6 - 3
    for t in map(torch.tensor, TIMES):
        points = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(found.log_prob(points, t).sum(), points)
        torch.testing.assert_close(found(x, t), slope, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", [processes.ImmigrationDeath, processes.PureDeath])
def test_on_counts_it_is_that_of_all_counts_with_their_probabilities(kind):
    process = kind(spaces.Counts(2), 2.0)
    law = ProductMixture(WEIGHTS, PoissonComponents(torch.tensor([[0.5, 3.0], [2.0, 0.3], [4.0, 1.0]]).double()))
    atoms = torch.cartesian_prod(torch.arange(28), torch.arange(28))
    exact, found = Exact(process, atoms, law.log_prob(atoms).exp()), ExactProductMixture(process, law)
    x_0 = law.sample(rng(), (16,))
    for t in TIMES:
        time = torch.tensor(t, dtype=torch.float64)
        x = process.marginal(x_0, time).sample(rng(2))
        torch.testing.assert_close(found(x, time), exact(x, time), rtol=1e-6, atol=1e-6)


def test_products_share_their_components():
    one, parts = masked()
    numbers = NormalComponents(torch.tensor([[-3.0], [0.0], [3.0]]).double(), torch.full((3, 1), 0.01).double())
    process = processes.product({"a": one, "b": processes.variance_preserving(spaces.Euclidean(1))})
    found = ExactProductMixture(process, ProductMixture(WEIGHTS, {"a": parts, "b": numbers}))
    hidden = torch.tensor([[3, 2, 4]])
    x = {"a": hidden, "b": torch.tensor([[3.0]]).double()}
    stat = found(x, torch.tensor(0.05).double())
    torch.testing.assert_close(stat["a"][0], parts.probs[2])  # the number says which component
    again = ExactProductMixture(process, found.law)
    again.load_state_dict(found.state_dict())
    torch.testing.assert_close(again(x, torch.tensor(0.5)), found(x, torch.tensor(0.5)))


def test_only_families_in_closed_form_are_taken():
    sphere = processes.Brownian(spaces.Sphere(2))
    with pytest.raises(InputError, match="no components on Sphere"):
        processes.components_of(sphere, torch.zeros(1, 3), torch.ones(1, dtype=torch.bool))
    process, parts = masked()
    with pytest.raises(InputError, match="cells"):
        ExactProductMixture(process, ProductMixture(WEIGHTS, {"a": parts}))
