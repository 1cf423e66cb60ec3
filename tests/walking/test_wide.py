"""Wide laws are normalised and lie all over their space."""

from __future__ import annotations

import math

import pytest
import torch

import unnoise
from unnoise._errors import InputError
from unnoise.laws import Normal
from unnoise.spaces import Counts, Euclidean, Finite, Rotations, Simplex, Sphere, Torus, product
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean
from unnoise.walking.wide import neighbours, wide_law

F64 = torch.float64
SPACES = {
    "sphere": Sphere(3),
    "rotations": Rotations(),
    "torus": Torus(2),
    "finite": Finite(2, (2, 3)),
    "counts": Counts(2),
    "simplex": Simplex(3),
    "product": product({"a": Euclidean(2), "s": Finite(1, 4), "r": Sphere(2)}),
}


@pytest.mark.parametrize("name", SPACES)
def test_draws_are_points_of_the_space(name):
    space = SPACES[name]
    law = wide_law(space)
    x = law.sample(torch.Generator().manual_seed(0), (50,))
    space.check(x)
    assert law.log_prob(x).shape == (50,)


def test_probabilities_sum_to_one():
    states = torch.cartesian_prod(torch.arange(2), torch.arange(3))
    assert float(wide_law(SPACES["finite"]).log_prob(states).exp().sum()) == pytest.approx(1)
    counts, means = torch.arange(60_000)[:, None], 10 ** torch.arange(10.0, dtype=torch.float64)
    beyond = (len(counts) * torch.log1p(-1 / (1 + means))).exp().mean()  # of geometric laws
    assert float(wide_law(Counts(1)).log_prob(counts).exp().sum() + beyond) == pytest.approx(1, abs=1e-6)
    assert float(wide_law(Sphere(2)).log_prob(torch.zeros(1, 3))) == pytest.approx(-math.log(4 * math.pi))


def test_numbers_are_drawn_by_their_own_law_which_has_scales_of_any_ratio():
    law, rng = wide_law(product({"x": Euclidean(2)})).parts["x"], torch.Generator().manual_seed(2)
    normal = Normal(torch.zeros(2, dtype=F64), torch.tensor([1e-2, 1e3], dtype=F64), 1)
    x = normal.sample(rng, (4000,))
    divergence = (normal.log_prob(x) - law.log_prob(x)).mean()
    assert 2 < float(divergence) < 9
    drawn = law.sample(rng, (20_000,))
    cauchy = -torch.log1p(drawn.square()).sum(1) - 2 * math.log(math.pi)  # integrates to one, with tails as heavy
    assert_mean((cauchy - law.log_prob(drawn)).exp(), 1.0)


def test_images_in_a_product_are_refused():
    with pytest.raises(InputError, match="real factors of a product are vectors"):
        wide_law(product({"a": Euclidean((2, 2)), "b": Sphere(2)}))


def test_counts_are_drawn_by_their_own_law():
    law, rng = wide_law(Counts(1)), torch.Generator().manual_seed(1)
    edges = [0, 2, 10, 100, 1000]
    drawn = law.sample(rng, (4000,))[:, 0]
    counts = torch.histogram(drawn.double(), torch.tensor([*edges, 1e9], dtype=torch.float64)).hist
    upto = law.log_prob(torch.arange(60_000)[:, None]).exp().cumsum(0)
    inside = torch.stack([upto[edge - 1] for edge in edges[1:]])
    shares = torch.cat([inside, torch.ones(1).double()]).diff(prepend=torch.zeros(1).double())
    assert_frequencies(counts.long(), shares)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts.long(), torch.roll(shares, 1))


def test_neighbours_are_counted_over_all_factors_and_too_many_refused():
    """Which took hours, or all memory, and no word."""
    space = product({"s": Finite(3, (2, 3, 4)), "n": Counts(2), "x": Euclidean(2), "in": product({"b": Finite(5, 2)})})
    assert neighbours(space) == 3 * 4 + 2 * 2 + 5 * 2
    with pytest.raises(InputError, match="has 1,048,576 neighbours, all of which are asked for at every move"):
        unnoise.walk(lambda x: -x[:, 0].double(), space=Finite(1, 2**20))
    with pytest.raises(InputError, match="neighbours"):
        neighbours(product({"s": Finite(1, 2**20)}))
