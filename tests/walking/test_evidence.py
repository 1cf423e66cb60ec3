"""A bridge finds the integral of a known density; with another's draws it is off, or says nothing."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.walking.evidence import bridged

F64 = torch.float64
TARGET = Density(lambda x: 5 - 0.5 * (x / 3).square().sum(-1))
TRUTH = 5 + math.log(2 * math.pi * 9)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_integral_is_found_within_its_error():
    x = 3 * torch.randn(4000, 2, dtype=F64, generator=rng())
    value, error = bridged(TARGET, x, 4, rng(1))
    assert error < 0.02
    assert value == pytest.approx(TRUTH, abs=0.1)


def test_draws_of_another_law_give_another_value():
    x = 1.0 * torch.randn(4000, 2, dtype=F64, generator=rng())
    value, error = bridged(TARGET, x, 4, rng(1))
    assert abs(value - TRUTH) > 0.5 > error


def test_nothing_is_said_without_overlap():
    x = 1e-4 * torch.randn(4000, 2, dtype=F64, generator=rng())
    narrow = Density(lambda x: torch.where(x.norm(dim=1) > 1, 0.0, -torch.inf))
    assert bridged(narrow, x, 4, rng(1)) is None
