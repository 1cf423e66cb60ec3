"""BinomialThinning counts and newcomers against brute force."""

from __future__ import annotations

import pytest
import torch

from unnoise.laws import BinomialBirths, BinomialThinning
from unnoise.laws.thinning import stochastically_rounded
from unnoise.testing import ImprobableError, PropertyError, assert_mean, check_law

FLOAT64 = torch.float64


def double(value):
    return torch.tensor(value, dtype=FLOAT64)


def law(kept=0.6, arrivals=1.5, count=(3, 0, 12)):
    return BinomialThinning(torch.tensor(count), double(kept), double(arrivals), event_ndim=1)


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
    one = BinomialThinning(torch.tensor([n]), double(kept), double(arrivals), event_ndim=1)
    expected, survivors = convolved(n, x, kept, arrivals)
    assert float(one.log_prob(torch.tensor([x]))) == pytest.approx(float(expected), rel=1e-11, abs=1e-11)
    lost, come = one.lost_and_new(torch.tensor([x]))
    assert float(lost) == pytest.approx(n - float(survivors), rel=1e-9)
    assert float(come) == pytest.approx(x - float(survivors), rel=1e-9, abs=1e-12)


def test_counts_of_any_size_in_one_batch():
    """Windows of different places in one call."""
    n, x = torch.tensor([[3], [900], [0]]), torch.tensor([[5], [1000], [7]])
    found = BinomialThinning(n, double(0.5), double(200.0), event_ndim=1).log_prob(x)
    expected = torch.stack([convolved(int(a), int(b), 0.5, 200.0)[0] for a, b in zip(n[:, 0], x[:, 0], strict=True)])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_what_is_impossible_has_no_probability():
    dying = BinomialThinning(torch.tensor([3]), double(0.5), double(0.0), event_ndim=1)
    assert float(dying.log_prob(torch.tensor([4]))) == -torch.inf
    assert float(dying.log_prob(torch.tensor([3])).exp()) == pytest.approx(0.125)
    still = BinomialThinning(torch.tensor([3]), double(1.0), double(0.0), event_ndim=1)
    assert [float(still.log_prob(torch.tensor([x])).exp()) for x in (2, 3, 4)] == [0, 1, 0]


def test_it_keeps_the_properties_of_a_law():
    check_law(law(), law(0.5, 2.0), features=lambda x: x.double(), draws=4000)


class Unthinned(BinomialThinning):
    def sample(self, rng, shape=()):
        return BinomialThinning(self.count, self.kept**0.9, self.arrivals, self.event_ndim).sample(rng, shape)


def test_a_broken_twin_is_caught():
    twin = Unthinned(law().count, law().kept, law().arrivals, 1)
    with pytest.raises(PropertyError, match="BROKEN  samples follow the density"):
        check_law(twin, law(0.5, 2.0), features=lambda x: x.double(), draws=10_000)


def test_it_broadcasts_against_points():
    one = BinomialThinning(
        torch.tensor([[[1, 2], [0, 7], [3, 3]]]), double([[[0.3]], [[0.8]]]), double(1.0), event_ndim=1
    )
    assert one.log_prob(torch.tensor([[[2, 2]], [[1, 4]]])).shape == (2, 3)
    assert one.sample(torch.Generator().manual_seed(0), (5,)).shape == (5, 2, 3, 2)


class TestFound:
    def test_whole_numbers_give_binomial_counts(self):
        found = BinomialBirths(torch.tensor([2]), double([4.0]), double(0.3), event_ndim=1)
        expected = torch.distributions.Binomial(double(4.0), double(0.3)).log_prob(torch.arange(5.0, dtype=FLOAT64))
        torch.testing.assert_close(found.log_prob(torch.arange(2, 7)[:, None]), expected)
        assert float(found.log_prob(torch.tensor([7]))) == -torch.inf

    def test_its_mean_is_the_share_of_what_is_missing(self):
        found = BinomialBirths(torch.tensor([2]), double([4.6]), double(0.3), event_ndim=1)
        x = torch.arange(2, 8)[:, None]
        assert float((found.log_prob(x).exp() * x[:, 0]).sum()) == pytest.approx(2 + 0.3 * 4.6)
        assert float(found.log_prob(x).exp().sum()) == pytest.approx(1)

    def test_it_keeps_the_properties_of_a_law(self):
        one = BinomialBirths(torch.tensor([2, 0]), double([4.6, 1.2]), double(0.3), event_ndim=1)
        other = BinomialBirths(torch.tensor([2, 0]), double([4.6, 1.2]), double(0.5), event_ndim=1)
        check_law(one, other, features=lambda x: x.double(), draws=4000)


def test_rounding_at_random_keeps_the_mean(rng):
    x = double([0.3, -1.25, 4.0]).expand(20_000, 3)
    rounded = stochastically_rounded(x, rng)
    assert (rounded == rounded.round()).all()
    assert (rounded[:, 2] == 4).all()
    assert_mean((rounded - x)[:, :2])
    with pytest.raises(ImprobableError):
        assert_mean((rounded - x - 0.05)[:, :2])
