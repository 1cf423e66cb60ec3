"""Cells that say little of each other have mixtures of their own."""

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.laws import CategoricalComponents, fit_latent_classes
from unnoise.laws.latent_classes import fitting, groups


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


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
    monkeypatch.setattr(fitting, "BETTER", math.inf)
    monkeypatch.setattr(groups.Search, "crossed", lambda self, found, *of: found)
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
    monkeypatch.setattr(fitting, "BETTER", math.inf)
    monkeypatch.setattr(groups.Search, "crossed", lambda self, found, *of: found)
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
