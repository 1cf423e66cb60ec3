"""Climbs end at tops, or are told to have been cut short."""

from __future__ import annotations

import torch

from unnoise.chains import Density
from unnoise.walking import climbing
from unnoise.walking.climbing import climbed

F64 = torch.float64


def normals(n, d=2):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(0), dtype=F64)


def test_climbs_end_at_the_top_on_a_bent_ridge():
    """Rosenbrock's, at (1, 1)."""
    found = climbed(
        Density(lambda x: -100 * (x[:, 1] - x[:, 0].square()).square() - (1 - x[:, 0]).square()), 3 * normals(20)
    )
    assert float((found.ends - 1).abs().max()) < 1e-3
    assert float(found.heights.abs().max()) < 1e-6


def test_a_climb_that_is_cut_short_is_no_mode(monkeypatch):
    monkeypatch.setattr(climbing, "CLIMBS", 12)
    target = Density(lambda x: -torch.log1p((x / torch.tensor([1.0, 30.0])).square().sum(1)))
    start = torch.cat([torch.zeros(1, 2, dtype=F64), 1e3 * normals(5)])
    heights = climbed(target, start).heights
    assert float(heights[0]) == 0
    assert bool(heights.isneginf().any())


def test_later_climbs_leave_what_was_visited():
    bell = Density(lambda x: -0.5 * x.square().sum(1))
    one, two = climbed(bell, normals(3)), climbed(bell, normals(4))
    both = one.and_then(two)
    assert both.ends.shape == (7, 2)
    assert torch.equal(both.heights, torch.cat([one.heights, two.heights]))
    assert both.visited is one.visited


def test_a_climb_that_is_stuck_far_below_others_has_not_ended(monkeypatch):
    """One is where no step rises, others are cut short."""

    def log_prob(x):
        return torch.where(x[:, 0] > 90, -1e9 * torch.ones_like(x[:, 0]) + 0 * x[:, 0], -torch.log1p(x[:, 0].square()))

    start = torch.tensor([[95.0], [50.0]], dtype=F64)
    assert climbed(Density(log_prob), start).ended
    monkeypatch.setattr(climbing, "CLIMBS", 9)
    found = climbed(Density(log_prob), torch.tensor([[95.0], [80.0]], dtype=F64))
    assert found.heights.isfinite().tolist() == [True, False]
    assert not found.ended


def test_of_no_points_nothing_climbs():
    found = climbed(Density(lambda x: -x.square().sum(1)), torch.zeros(0, 2, dtype=F64))
    assert found.ends.shape == (0, 2)
    assert not found.ended
