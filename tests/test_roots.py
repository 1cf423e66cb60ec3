"""Bisection, elementwise."""

from __future__ import annotations

import torch

from unnoise._roots import bisect


def test_every_root_is_bracketed_on_its_own():
    wanted = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    low, high = bisect(lambda x: x**3 < wanted, torch.zeros(3).double(), torch.ones(3).double(), 30)
    assert (low**3 <= wanted).all()
    assert (wanted <= high**3).all()
    torch.testing.assert_close(high - low, torch.full((3,), 2.0**-30, dtype=torch.float64))


def test_a_root_at_or_beyond_an_end_leaves_that_end():
    low, high = bisect(lambda x: x < torch.tensor([-1.0, 2.0]), torch.zeros(2), torch.ones(2), 10)
    assert low[0] == 0
    assert high[1] == 1
