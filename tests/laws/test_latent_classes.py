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
    ProductMixture,
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
    monkeypatch.setattr(latent_classes._Search, "crossed", lambda self, found, *of: found)
    share, draws = share_of_women(fit_latent_classes(base, x, components=50, rng=rng(seed)), seed)
    assert share < 0.9


def three_pairs(n=600):
    """Three pairs of columns of many states, each nearly a function of the other, independent of the other pairs."""
    first = torch.randint(30, (n, 3), generator=rng())
    second = (first + torch.randint(2, (n, 3), generator=rng(1))) % 30
    x = {"first": first, "second": second}
    known = torch.ones_like(first).bool()
    return {name: CategoricalComponents.of(part, known, torch.ones(30).bool()) for name, part in x.items()}, x


def near(law):
    """How many draws of each pair are as near to each other as all rows."""
    drawn = law.sample(rng(), (4000,))
    return (((drawn["second"] - drawn["first"]) % 30) <= 1).float().mean(0)


def test_cells_that_have_nothing_to_do_with_each_other_have_mixtures_of_their_own(monkeypatch):
    """One mixture would have a component for all 27,000 triples; the twin may have no groups."""
    base, x = three_pairs()
    law = fit_latent_classes(base, x, components=50, rng=rng())
    assert (law.groups["first"] == law.groups["second"]).all()
    assert law.groups["first"].unique().numel() == 3
    assert (near(law) > 0.85).all()
    monkeypatch.setattr(latent_classes, "BETTER", math.inf)
    monkeypatch.setattr(latent_classes._Search, "crossed", lambda self, found, *of: found)
    alone = fit_latent_classes(base, x, components=50, rng=rng())
    assert alone.groups is None
    assert (near(alone) < 0.6).all()


def test_cells_that_belong_together_stay_in_one_group():
    base, x = three_pairs(300)
    together = {"first": torch.tensor([0, 1, 2]), "second": torch.tensor([1, 0, 2])}
    law = fit_latent_classes(base, x, components=20, together=together, rng=rng())
    groups = law.groups or {name: torch.zeros(3) for name in x}
    assert groups["first"][0] == groups["second"][1]
    assert groups["first"][1] == groups["second"][0]
    with pytest.raises(InputError, match="names and cells of the base"):
        fit_latent_classes(base, x, together={"first": together["first"]}, rng=rng())


def test_a_component_that_is_sure_is_not_drawn_to_what_others_are_unsure_of(monkeypatch):
    """One of twenty components always has one value, the others any; the twin has one prior for all of a cell."""
    n = 2000
    which = torch.randint(20, (n, 1), generator=rng())
    value = torch.where(which == 0, 9, torch.randint(10, (n, 1), generator=rng(1)))
    known, x = torch.ones(n, 1).bool(), {"which": which, "value": value}
    states = {"which": 20, "value": 10}
    base = {name: CategoricalComponents.of(x[name], known, torch.ones(states[name]).bool()) for name in x}
    rows = WeightedRows(x, {name: known for name in x}, torch.ones(n))
    test, train = rows.at(slice(200)), rows.at(slice(200, None))
    sharp = {"which": CategoricalComponents(torch.eye(20)[:, None]), "value": base["value"].repeated(20)}
    law = ProductMixture(torch.full((20,), 0.05), sharp)
    found = latent_classes._best_prior(law, train, test, base).rows["value"][:, 0]
    assert found[0] <= 1
    assert (found[1:] >= 10).all()
    right = CategoricalComponents.expected
    monkeypatch.setattr(CategoricalComponents, "expected", lambda *of: right(*of).sum(0, keepdim=True))
    assert latent_classes._best_prior(law, train, test, base).rows["value"].numel() == 1


def test_components_of_few_rows_take_what_they_do_not_know_from_coarser_ones(monkeypatch):
    """Two groups of rows with values of their own; the twin's components are drawn to the law of all rows."""
    group = torch.randint(2, (600, 1), generator=rng())
    x = 20 * group + torch.randint(20, (600, 3), generator=rng(1))
    base, known = CategoricalComponents.of(x, torch.ones_like(x).bool(), torch.ones(40).bool()), torch.ones_like(x)
    rows = WeightedRows(x, known.bool(), torch.ones(600))
    coarse = latent_classes._first(Prior.of(base, 3.0), rows, 2, rng())
    for _ in range(20):
        coarse, _ = em_step(coarse, rows, Prior.of(base, 3.0))
    law = latent_classes._first(Prior.of(base, 3.0), rows, 60, rng(2))
    taken = latent_classes._coarser(law, coarse, rows)
    halves = taken.probs.unflatten(-1, (2, 20)).sum(-1)  # (60, 3, 2)
    assert (halves.max(-1).values > 0.9).all()
    of_law = law.parts.probs.unflatten(-1, (2, 20)).sum(-1)
    assert (halves.argmax(-1) == of_law.argmax(-1)).float().mean() > 0.95
