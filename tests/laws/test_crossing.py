"""Mixtures of two sides of the cells, joined by the joint law of their components."""

import math

import pytest
import torch

from unnoise.laws import CategoricalComponents, fit_latent_classes
from unnoise.laws.crossing import pairs, strongest
from unnoise.laws.latent_classes.groups import Search


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class TestSides:
    def test_what_says_most_of_each_other_is_on_one(self):
        links = torch.zeros(5, 5)
        for i, j, nats in ((0, 1, 0.5), (1, 2, 0.45), (3, 4, 0.42)):
            links[i, j] = links[j, i] = nats
        assert strongest(links, torch.arange(5)).tolist() == [True, True, True, False, False]

    def test_cells_of_one_column_are_one_thing(self):
        links = torch.tensor([[0.0, 2.0, 0.0, 0.0], [2.0, 0.0, 0.5, 0.0], [0.0, 0.5, 0.0, 0.1], [0.0, 0.0, 0.1, 0.0]])
        assert strongest(links, torch.tensor([0, 0, 1, 2])).tolist() == [True, True, True, False]
        assert strongest(links[:2, :2], torch.tensor([0, 0])) is None

    @pytest.mark.parametrize("nats", [0.0, 0.3, 0.9])
    def test_there_are_none_of_weak_links_or_if_all_are_strong(self, nats):
        assert strongest(torch.full((3, 3), nats), torch.arange(3)) is None


class TestPairs:
    JOINT = torch.tensor([[0.4, 0.0, 0.1], [0.0, 0.3, 0.2]])

    def log_densities(self, n, blur):
        """Under the components of either side, of rows of a known joint law."""
        cells = torch.multinomial(self.JOINT.flatten(), n, replacement=True, generator=rng())
        found = []
        for place, count in ((cells // 3, 2), (cells % 3, 3)):
            laws = torch.full((count, count), blur) + (1 - count * blur) * torch.eye(count)
            seen = torch.multinomial(laws[place], 1, generator=rng(place.sum().item()))[:, 0]
            found.append(laws.log().T[seen])
        return found

    def test_their_weights_are_those_of_the_joint_law(self):
        """Components that overlap are told apart; the twin counts likeliest pairs, which blurs them."""
        left, right = self.log_densities(20_000, 0.1)
        i, j, weights = pairs(left, right, torch.ones(20_000), 6)
        found = torch.zeros(2, 3).index_put((i, j), weights)
        likeliest = torch.zeros(6).index_add(0, 3 * left.argmax(1) + right.argmax(1), torch.ones(20_000)) / 20_000
        assert (found - self.JOINT).abs().max() < 0.03
        assert (likeliest.reshape(2, 3) - self.JOINT).abs().max() > 0.06

    def test_rows_of_no_weight_say_nothing(self):
        left, right = self.log_densities(2000, 0.01)
        weights = (left.argmax(1) == 0).float()
        i, _, found = pairs(left, right, weights, 6)
        assert found[i == 0].sum() > 0.97

    def test_the_most_are_kept_in_their_order_and_sum_to_one(self):
        left, right = self.log_densities(5000, 0.01)
        i, j, weights = pairs(left, right, torch.ones(5000), 2)
        assert list(zip(i.tolist(), j.tolist(), strict=True)) == [(0, 0), (1, 1)]
        assert weights.sum() == pytest.approx(1)
        assert (weights - torch.tensor([4 / 7, 3 / 7])).abs().max() < 0.03

    def test_one_pair_is_left_of_a_single_row_that_all_find_impossible(self):
        impossible = torch.full((1, 4), -math.inf)
        *_, weights = pairs(impossible, impossible, torch.ones(1), 3)
        assert weights.tolist() == pytest.approx([1 / 3] * 3)


def wards(n=1500):
    """Two lengths, nearly alike, which are longer on the first ward of three; and four marks, likely on some wards."""
    ward = torch.multinomial(torch.tensor([0.1, 0.4, 0.5]), n, replacement=True, generator=rng())[:, None]
    length = (torch.empty(n, 1).exponential_(generator=rng(1)) * torch.where(ward == 0, 16, 6)).long().clamp(max=39)
    other = (length + torch.randint(2, (n, 1), generator=rng(2))).clamp(max=39)
    likely = torch.tensor([[0.8, 0.1, 0.1, 0.7], [0.1, 0.6, 0.1, 0.6], [0.1, 0.1, 0.4, 0.1]])
    marks = torch.rand(n, 4, generator=rng(3)) < likely[ward[:, 0]]
    x = {"lengths": torch.cat([length, other], 1), "ward": ward, "marks": marks.long()}
    base = {
        name: CategoricalComponents.of(x[name], torch.ones_like(x[name]).bool(), torch.ones(states).bool())
        for name, states in (("lengths", 40), ("ward", 3), ("marks", 2))
    }
    return base, x


def said(x):
    """How often each mark is there on each ward, (3, 4); and how often lengths are as near as in all rows."""
    ward, marks = x["ward"][:, 0], x["marks"].float()
    gap = x["lengths"].diff(dim=1)
    near = ((gap == 0) | (gap == 1)).float().mean()
    return torch.stack([marks[ward == place].mean(0) for place in range(3)]), near


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_what_is_strongly_linked_leaves_components_for_all_else(seed, monkeypatch):
    """Whichever way cells are grouped first; the twin has mixtures that are not crossed."""
    base, x = wards()
    right, _ = said(x)
    law = fit_latent_classes(base, x, rng=rng(seed))
    shares, near = said(law.sample(rng(seed), (20_000,)))
    assert (shares - right).abs().max() < 0.1
    assert near > 0.8
    monkeypatch.setattr(Search, "crossed", lambda self, found, *of: found)
    twin, _ = said(fit_latent_classes(base, x, rng=rng(seed)).sample(rng(seed), (20_000,)))
    assert (twin - right).abs().max() > 0.12
