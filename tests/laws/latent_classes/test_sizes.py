"""Priors are chosen for each component."""

import torch

from unnoise.laws import CategoricalComponents, ProductMixture
from unnoise.laws.latent_classes import WeightedRows
from unnoise.laws.latent_classes.sizes import best_prior


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


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
    found = best_prior(law, train, test, base).rows["value"][:, 0]
    assert found[0] <= 1
    assert (found[1:] >= 10).all()
    right = CategoricalComponents.expected
    monkeypatch.setattr(CategoricalComponents, "expected", lambda *of: right(*of).sum(0, keepdim=True))
    assert best_prior(law, train, test, base).rows["value"].numel() == 1
