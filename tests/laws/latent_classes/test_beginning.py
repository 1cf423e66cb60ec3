"""Components begin apart, and are drawn to those of a coarser mixture."""

import torch

from unnoise.laws import CategoricalComponents
from unnoise.laws.latent_classes import Prior, WeightedRows, em_step
from unnoise.laws.latent_classes.beginning import coarser, first


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_components_of_few_rows_take_what_they_do_not_know_from_coarser_ones(monkeypatch):
    """Two groups of rows with values of their own; the twin's components are drawn to the law of all rows."""
    group = torch.randint(2, (600, 1), generator=rng())
    x = 20 * group + torch.randint(20, (600, 3), generator=rng(1))
    base, known = CategoricalComponents.of(x, torch.ones_like(x).bool(), torch.ones(40).bool()), torch.ones_like(x)
    rows = WeightedRows(x, known.bool(), torch.ones(600))
    coarse = first(Prior.of(base, 3.0), rows, 2, rng())
    for _ in range(20):
        coarse, _ = em_step(coarse, rows, Prior.of(base, 3.0))
    law = first(Prior.of(base, 3.0), rows, 60, rng(2))
    taken = coarser(law, coarse, rows)
    halves = taken.probs.unflatten(-1, (2, 20)).sum(-1)  # (60, 3, 2)
    assert (halves.max(-1).values > 0.9).all()
    of_law = law.parts.probs.unflatten(-1, (2, 20)).sum(-1)
    assert (halves.argmax(-1) == of_law.argmax(-1)).float().mean() > 0.95
