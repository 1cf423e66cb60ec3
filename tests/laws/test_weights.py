"""Weights of draws: their effective number, and draws by them."""

from __future__ import annotations

import pytest
import torch

from unnoise.laws.categorical import effective_size, systematic

FLOAT64 = torch.float64


def test_systematic_draws_are_as_many_as_the_weights_say(rng):
    weights = torch.tensor([[0.1, 0.2, 0.0, 0.7], [0.25, 0.25, 0.25, 0.25]], dtype=FLOAT64)
    counts = torch.stack([torch.bincount(row, minlength=4) for row in systematic(weights.log(), 5, rng)])
    assert ((counts - 5 * weights).abs() < 1).all()
    mean = torch.stack([systematic(weights[:1].log(), 5, rng) == 1 for _ in range(2000)]).double().sum(-1).mean()
    assert float(mean) == pytest.approx(1.0, abs=1e-12)
    assert effective_size(weights.log()).tolist() == pytest.approx([1 / 0.54, 4.0])
