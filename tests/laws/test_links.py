"""How much cells say of each other."""

from __future__ import annotations

import torch

from unnoise.laws.links import links_of


def test_links_are_found_beside_holes_and_what_chance_makes_is_none() -> None:
    """Letters and numbers of one of two kinds of rows, and a number that is of none."""
    rng = torch.Generator().manual_seed(7)
    kind = torch.randint(2, (2000, 1), generator=rng)
    letters = torch.where(torch.rand(2000, 2, generator=rng) < 0.8, kind, 1 - kind)
    numbers = torch.cat([3.0 * kind, torch.zeros(2000, 1)], 1) + torch.randn(2000, 2, generator=rng)
    x = {"letters": letters, "numbers": numbers}
    known = {"letters": torch.ones(2000, 2).bool(), "numbers": torch.rand(2000, 2, generator=rng) > 0.1}
    links = links_of(x, known)
    assert (links[3, :3] == 0).all(), "the number that is of none"
    assert (links[[0, 0, 1], [1, 2, 2]] > 0).all()
    torch.testing.assert_close(links, links.T)
