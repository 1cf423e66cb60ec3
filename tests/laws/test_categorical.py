"""Independent finite states, against torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Categorical as Peer

from unnoise import InputError
from unnoise.laws import Categorical
from unnoise.laws.categorical import effective_size, systematic
from unnoise.testing import ImprobableError, assert_frequencies, check_law


@pytest.fixture
def probs(rng):
    return torch.softmax(torch.randn(5, 3, 4, generator=rng, dtype=torch.float64), -1)


@pytest.mark.parametrize("event_ndim", [0, 1, 2])
def test_log_prob_is_that_of_torch(probs, rng, event_ndim):
    law, peer = Categorical(probs, event_ndim), Peer(probs)
    x = law.sample(rng, (7,))
    expected = peer.log_prob(x)
    for _ in range(event_ndim):
        expected = expected.sum(-1)
    torch.testing.assert_close(law.log_prob(x), expected, rtol=1e-12, atol=1e-12)


def test_log_prob_of_many_points_under_many_laws(probs, rng):
    law = Categorical(probs[None], 1)
    x = Categorical(probs[:2], 1).sample(rng)
    table = law.log_prob(x[:, None])
    assert table.shape == (2, 5)
    torch.testing.assert_close(table[1, 3], Categorical(probs[3], 1).log_prob(x[1]))


def test_impossible_states_are_said_and_never_drawn(rng):
    law = Categorical(torch.tensor([0.0, 0.5, 0.0, 0.5, 0.0]), 0)
    assert set(law.sample(rng, (10_000,)).tolist()) == {1, 3}
    assert law.log_prob(torch.tensor(2)) == -torch.inf


def test_frequencies(probs, rng):
    drawn = Categorical(probs[0], 1).sample(rng, (20_000,))
    for site in range(3):
        counts = torch.bincount(drawn[:, site], minlength=4)
        assert_frequencies(counts, probs[0, site])
        with pytest.raises(ImprobableError):
            assert_frequencies(counts, probs[0, site].roll(1))


class Shifted(Categorical):
    def sample(self, rng, shape=()):
        return Categorical(self.probs.roll(1, -1), self.event_ndim).sample(rng, shape)


def test_it_keeps_the_properties_and_a_broken_twin_does_not(probs):
    reference = Categorical(torch.full((3, 4), 0.25, dtype=torch.float64), 1)
    check_law(Categorical(probs[0], 1), reference)
    broken = check_law(Shifted(probs[0], 1), reference, raises=False).failed
    assert [finding.claim for finding in broken] == ["samples follow the density"]


def test_entropy_and_divergence_are_those_of_torch(rng):
    one, two = torch.softmax(torch.randn(2, 5, 3, 4, generator=rng, dtype=torch.float64), -1)
    law, other = Categorical(one, 1), Categorical(two, 1)
    peer, its = torch.distributions.Categorical(one), torch.distributions.Categorical(two)
    torch.testing.assert_close(law.entropy(), peer.entropy().sum(-1))
    torch.testing.assert_close(law.kl(other), torch.distributions.kl_divergence(peer, its).sum(-1))
    assert (law.kl(law) == 0).all()


def test_states_without_mass_cost_nothing_and_have_no_gradient():
    sure = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    model = torch.tensor([[0.5, 0.5], [1.0, 0.0]], requires_grad=True)
    cost = Categorical(sure, 0).kl(Categorical(model, 0))
    torch.testing.assert_close(cost.detach(), torch.tensor([2.0, 1.0]).log())
    cost.sum().backward()
    torch.testing.assert_close(model.grad, torch.tensor([[-2.0, 0.0], [-1.0, 0.0]]))
    assert Categorical(torch.tensor([0.5, 0.5]), 0).kl(Categorical(torch.tensor([1.0, 0.0]), 0)) == torch.inf


def test_systematic_draws_are_as_many_as_the_weights_say(rng):
    weights = torch.tensor([[0.1, 0.2, 0.0, 0.7], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)
    counts = torch.stack([torch.bincount(row, minlength=4) for row in systematic(weights.log(), 5, rng)])
    assert ((counts - 5 * weights).abs() < 1).all()
    mean = torch.stack([systematic(weights[:1].log(), 5, rng) == 1 for _ in range(2000)]).double().sum(-1).mean()
    assert float(mean) == pytest.approx(1.0, abs=1e-12)
    assert effective_size(weights.log()).tolist() == pytest.approx([1 / 0.54, 4.0])


def test_systematic_draws_of_groups_are_independent(rng):
    """One draw of each of many groups has the frequencies of the weights, as one shift for all would not."""
    weights = torch.tensor([0.1, 0.2, 0.7], dtype=torch.float64)
    drawn = systematic(weights.log().expand(4000, 3), 1, rng)[:, 0]
    assert_frequencies(torch.bincount(drawn, minlength=3), weights)
    with pytest.raises(ImprobableError):
        assert_frequencies(torch.bincount(drawn[:1].expand(4000), minlength=3), weights)


def test_probabilities_that_are_none_are_refused_and_rounding_is_not() -> None:
    with pytest.raises(InputError, match=r"got probs = -0\.5; expected no negative number"):
        Categorical(torch.tensor([[1.5, -0.5]]), 1)
    with pytest.raises(InputError, match="got probs that are all 0 in a row; expected some that are positive"):
        Categorical(torch.tensor([[0.5, 0.5], [0.0, 0.0]]), 1)
    Categorical(torch.tensor([[1.0, -1e-8], [math.nan, math.nan]]), 1)
