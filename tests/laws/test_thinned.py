"""Thinned counts and newcomers against brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from unnoise.laws import Found, Thinned
from unnoise.laws.thinned import stochastically_rounded
from unnoise.testing import LawBroken, check_law
from unnoise.testing.statistics import mean_is_zero

FLOAT64 = torch.float64


def double(value):
    return torch.tensor(value, dtype=FLOAT64)


def law(kept=0.6, arrivals=1.5, count=(3, 0, 12)):
    return Thinned(torch.tensor(count), double(kept), double(arrivals), event_ndim=1)


def convolved(n, x, kept, arrivals):
    """log q(x | n) and the mean survivors, term by term."""
    binomial = torch.distributions.Binomial(double(float(n)), double(kept))
    poisson = torch.distributions.Poisson(double(arrivals))
    survivors = torch.arange(min(n, x) + 1, dtype=FLOAT64)
    terms = binomial.log_prob(survivors) + poisson.log_prob(x - survivors)
    return terms.logsumexp(0), (terms.softmax(0) * survivors).sum()


@pytest.mark.parametrize(
    ("n", "x", "kept", "arrivals"),
    [
        (3, 5, 0.6, 1.5),
        (0, 2, 0.6, 1.5),
        (40, 33, 0.9, 4.0),
        (900, 1000, 0.5, 500.0),
        (900, 300, 0.01, 300.0),
        (5, 0, 0.3, 2.0),
    ],
)
def test_log_probability_and_parts_against_the_convolution(n, x, kept, arrivals):
    one = Thinned(torch.tensor([n]), double(kept), double(arrivals), event_ndim=1)
    expected, survivors = convolved(n, x, kept, arrivals)
    assert float(one.log_prob(torch.tensor([x]))) == pytest.approx(float(expected), rel=1e-11, abs=1e-11)
    lost, come = one.parted(torch.tensor([x]))
    assert float(lost) == pytest.approx(n - float(survivors), rel=1e-9)
    assert float(come) == pytest.approx(x - float(survivors), rel=1e-9, abs=1e-12)


def test_counts_of_any_size_in_one_batch():
    """Windows of different places in one call."""
    n, x = torch.tensor([[3], [900], [0]]), torch.tensor([[5], [1000], [7]])
    found = Thinned(n, double(0.5), double(200.0), event_ndim=1).log_prob(x)
    expected = torch.stack([convolved(int(a), int(b), 0.5, 200.0)[0] for a, b in zip(n[:, 0], x[:, 0], strict=True)])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_what_is_impossible_has_no_probability():
    dying = Thinned(torch.tensor([3]), double(0.5), double(0.0), event_ndim=1)
    assert float(dying.log_prob(torch.tensor([4]))) == -torch.inf
    assert float(dying.log_prob(torch.tensor([3])).exp()) == pytest.approx(0.125)
    still = Thinned(torch.tensor([3]), double(1.0), double(0.0), event_ndim=1)
    assert [float(still.log_prob(torch.tensor([x])).exp()) for x in (2, 3, 4)] == [0, 1, 0]


def test_it_keeps_the_laws_of_a_law():
    check_law(law(), law(0.5, 2.0), features=lambda x: x.double(), draws=4000)


class Unthinned(Thinned):
    def sample(self, rng, shape=()):
        return Thinned(self.count, self.kept**0.9, self.arrivals, self.event_ndim).sample(rng, shape)


def test_a_broken_twin_is_caught():
    twin = Unthinned(law().count, law().kept, law().arrivals, 1)
    with pytest.raises(LawBroken, match="BROKEN  samples follow the density"):
        check_law(twin, law(0.5, 2.0), features=lambda x: x.double(), draws=10_000)


def test_it_broadcasts_against_points():
    one = Thinned(torch.tensor([[[1, 2], [0, 7], [3, 3]]]), double([[[0.3]], [[0.8]]]), double(1.0), event_ndim=1)
    assert one.log_prob(torch.tensor([[[2, 2]], [[1, 4]]])).shape == (2, 3)
    assert one.sample(torch.Generator().manual_seed(0), (5,)).shape == (5, 2, 3, 2)


class TestFound:
    def test_whole_numbers_give_binomial_counts(self):
        found = Found(torch.tensor([2]), double([4.0]), double(0.3), event_ndim=1)
        expected = torch.distributions.Binomial(double(4.0), double(0.3)).log_prob(torch.arange(5.0, dtype=FLOAT64))
        torch.testing.assert_close(found.log_prob(torch.arange(2, 7)[:, None]), expected)
        assert float(found.log_prob(torch.tensor([7]))) == -torch.inf

    def test_its_mean_is_the_share_of_what_is_missing(self):
        found = Found(torch.tensor([2]), double([4.6]), double(0.3), event_ndim=1)
        x = torch.arange(2, 8)[:, None]
        assert float((found.log_prob(x).exp() * x[:, 0]).sum()) == pytest.approx(2 + 0.3 * 4.6)
        assert float(found.log_prob(x).exp().sum()) == pytest.approx(1)

    def test_it_keeps_the_laws_of_a_law(self):
        one = Found(torch.tensor([2, 0]), double([4.6, 1.2]), double(0.3), event_ndim=1)
        other = Found(torch.tensor([2, 0]), double([4.6, 1.2]), double(0.5), event_ndim=1)
        check_law(one, other, features=lambda x: x.double(), draws=4000)


def test_rounding_at_random_keeps_the_mean(rng):
    x = double([0.3, -1.25, 4.0]).expand(20_000, 3)
    rounded = stochastically_rounded(x, rng)
    assert (rounded == rounded.round()).all()
    assert (rounded[:, 2] == 4).all()
    assert mean_is_zero((rounded - x)[:, :2]) > 1e-6
    assert mean_is_zero((rounded - x - 0.05)[:, :2]) < 1e-6


def test_entropy_and_divergence_of_binomials_and_poissons():
    n, kept = torch.tensor([[7, 3]]), torch.tensor(0.3, dtype=torch.float64)
    law = Thinned(n, kept, torch.zeros_like(kept), 1)
    truth = float(stats.binom(7, 0.3).entropy() + stats.binom(3, 0.3).entropy())
    assert float(law.entropy()) == pytest.approx(truth, rel=1e-10)
    other = Thinned(n, torch.tensor(0.5, dtype=torch.float64), torch.zeros_like(kept), 1)
    each = 0.3 * math.log(0.3 / 0.5) + 0.7 * math.log(0.7 / 0.5)
    assert float(law.kl(other)) == pytest.approx(10 * each, rel=1e-10)
    poisson, double = (Thinned(0 * n, 0 * kept, rate * torch.ones_like(kept), 1) for rate in (4.0, 8.0))
    assert float(poisson.entropy()) == pytest.approx(2 * float(stats.poisson(4.0).entropy()), rel=1e-9)
    assert float(poisson.kl(double)) == pytest.approx(2 * (4.0 - 4.0 * math.log(2)), rel=1e-9)
    assert float(other.kl(Thinned(n - 1, kept, torch.zeros_like(kept), 1))) == math.inf


def test_entropy_and_divergence_of_what_is_found():
    found = Found(torch.tensor([[2]]), torch.tensor([[5.0]], dtype=torch.float64), torch.tensor(0.3), 1)
    assert float(found.entropy()) == pytest.approx(float(stats.binom(5, 0.3).entropy()), rel=1e-6)
    more = Found(torch.tensor([[2]]), torch.tensor([[5.5]], dtype=torch.float64), torch.tensor(0.3), 1)
    mass = np.stack([stats.binom(n, 0.3).pmf(np.arange(6)) for n in (5, 6)])
    truth = float((mass[0] * np.log(mass[0] / mass.mean(0))).sum())
    assert float(found.kl(more)) == pytest.approx(truth, rel=1e-6)
    assert float(found.kl(found)) == pytest.approx(0, abs=1e-12)
