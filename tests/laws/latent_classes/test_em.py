"""EM keeps its promises: it climbs, and a weight is as many rows."""

import torch

from unnoise import _tree
from unnoise.laws import NormalComponents
from unnoise.laws.latent_classes import Prior, WeightedRows, em_step
from unnoise.laws.latent_classes.beginning import first


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def climb(prior, rows, steps=30):
    law, heights = first(prior, rows, 4, rng()), []
    for _ in range(steps):
        law, height = em_step(law, rows, prior)
        heights.append(height)
    return torch.tensor(heights, dtype=torch.float64).diff()


def test_the_log_posterior_never_falls(mixed):
    base, rows = mixed()
    assert (climb(Prior.of(base, 0.7), rows) > -1e-3).all()


def test_an_m_step_that_forgets_the_prior_is_found(mixed, monkeypatch):
    base, rows = mixed()
    right = NormalComponents.refitted
    monkeypatch.setattr(
        NormalComponents, "refitted", lambda self, tally, base, rows: right(self, tally, base, rows / 1000)
    )
    assert climb(Prior.of(base, 30.0), rows).min() < -1e-3


def test_a_weight_is_as_many_rows(mixed):
    base, rows = mixed(200)
    whole = Prior.of(base, 1.0)
    law = first(whole, rows, 2, rng())
    weighted, _ = em_step(law, WeightedRows(rows.x, rows.known, torch.full((200,), 2.0)), whole)
    twice = WeightedRows(
        *(_tree.map(lambda leaf: leaf.repeat(2, 1), tree) for tree in (rows.x, rows.known)), torch.ones(400)
    )
    doubled, _ = em_step(law, twice, whole)
    torch.testing.assert_close(weighted.log_prob(rows.x), doubled.log_prob(rows.x), rtol=1e-4, atol=1e-4)
