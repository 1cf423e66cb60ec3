"""EM keeps its promises: it climbs, marginalises holes, and finds groups."""

import dataclasses
import math

import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.laws import (
    CategoricalComponents,
    NormalComponents,
    PoissonComponents,
    WrappedNormalComponents,
    fit_latent_classes,
    latent_classes,
)
from unnoise.laws.latent_classes import Prior, WeightedRows, em_step


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def mixed(n=300):
    """WeightedRows of letters, numbers, angles and counts with two groups, and a tenth of all cells unknown."""
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
    return base, WeightedRows(x, known, torch.rand(n, generator=rng(4)))


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
    weighted, _ = em_step(law, WeightedRows(rows.x, rows.known, torch.full((200,), 2.0)), whole)
    twice = WeightedRows(
        *(_tree.map(lambda leaf: leaf.repeat(2, 1), tree) for tree in (rows.x, rows.known)), torch.ones(400)
    )
    doubled, _ = em_step(law, twice, whole)
    torch.testing.assert_close(weighted.log_prob(rows.x), doubled.log_prob(rows.x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("most", [20, 100])
def test_the_share_that_is_done_grows_to_one(most):
    base, rows = mixed(600)
    shares = []
    fit_latent_classes(base, rows.x, components=most, rng=rng(), on_step=shares.append)
    assert shares == sorted(shares)
    assert shares[0] < 0.05
    assert sum(share < 0.9 for share in shares) > len(shares) // 2
    assert shares[-1] == 1.0


def test_wrong_arguments_are_refused():
    base, rows = mixed(50)
    with pytest.raises(InputError, match="weights"):
        fit_latent_classes(base, rows.x, weights=torch.ones(3), rng=rng())
    with pytest.raises(InputError, match="names and cells of the base"):
        fit_latent_classes(base, rows.x["numbers"], rng=rng())


def two_pairs(n=2000):
    """One pair of columns of many states that are nearly a function of each other, and one of few that is linked."""
    first = torch.randint(40, (n, 1), generator=rng())
    second = (first + torch.randint(2, (n, 1), generator=rng(1))) % 40
    zero = torch.rand(n, 1, generator=rng(2)) < 0.25
    woman = zero | (torch.rand(n, 1, generator=rng(3)) < 0.4)
    x = {"many": torch.cat([first, second], 1), "few": torch.cat([zero, woman], 1).long()}
    base = {
        name: CategoricalComponents.of(x[name], torch.ones_like(x[name]).bool(), torch.ones(states).bool())
        for name, states in (("many", 40), ("few", 2))
    }
    return base, x


def share_of_women(law, seed):
    """Among draws that are zero: how many are women, and how many draws these are."""
    few = law.sample(rng(seed), (4000,))["few"]
    return float(few[few[:, 0] == 1, 1].float().mean()), int((few[:, 0] == 1).sum())


@pytest.mark.parametrize("seed", [0, 1])
def test_a_strong_pair_leaves_weak_links_as_they_are(seed, monkeypatch):
    """Whoever has zero is a woman, as 55 % of all are; the twin is one mixture of all cells."""
    base, x = two_pairs()
    law = fit_latent_classes(base, x, components=50, rng=rng(seed))
    share, draws = share_of_women(law, seed)
    assert share > 1 - 0.05 - 3 * math.sqrt(0.05 / draws)
    near = law.sample(rng(seed), (4000,))["many"].diff(dim=1) % 40
    assert (near <= 1).float().mean() > 0.8
    monkeypatch.setattr(latent_classes, "BETTER", math.inf)
    share, draws = share_of_women(fit_latent_classes(base, x, components=50, rng=rng(seed)), seed)
    assert share < 0.9


def test_pairs_of_components_are_independent():
    base, rows = mixed()
    law, other = (fit_latent_classes(base, rows.x, components=most, rng=rng()) for most in (4, 3))
    cells = _tree.map(lambda part: torch.arange(math.prod(part.cells)).reshape(part.cells) % 2 == 1, base)
    both = latent_classes._paired(law, other, cells)
    first = _tree.map(lambda mask, known: ~mask & known, cells, rows.known)
    second = _tree.map(lambda mask, known: mask & known, cells, rows.known)
    expected = law.log_prob(rows.x, first) + other.log_prob(rows.x, second)
    assert len(both.weights) == len(law.weights) * len(other.weights)
    torch.testing.assert_close(both.log_prob(rows.x, rows.known), expected, rtol=1e-4, atol=1e-4)
