"""A bridge finds the integral of a known density; with another's draws it is off, or says nothing."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.walking import evidence
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


def test_each_half_meets_the_law_of_the_other(monkeypatch):
    """The value is the mean of both, and the error that of the mean, or of their distance where that is more."""
    met = []

    def one(target, law, x, rng):
        met.append((law, x[:, 0].tolist()))
        return float(len(met)), errors[0]

    monkeypatch.setattr(evidence, "fitted", lambda x, modes: x[:, 0].tolist())
    monkeypatch.setattr(evidence, "_one", one)
    errors = [0.3]
    assert bridged(TARGET, torch.arange(4.0)[:, None], 4, rng()) == (1.5, pytest.approx(0.5))
    assert met == [([2.0, 3.0], [0.0, 1.0]), ([0.0, 1.0], [2.0, 3.0])]
    errors[0] = 4.0
    assert bridged(TARGET, torch.arange(4.0)[:, None], 4, rng())[1] == pytest.approx(8**0.5)


class Fixed:
    """N(0, 1), with draws of one's own."""

    def __init__(self, drawn):
        self.drawn = drawn

    def sample(self, rng, shape):
        return self.drawn

    def log_prob(self, x):
        return -0.5 * x.square().sum(-1)


@pytest.mark.parametrize("varied", ["draws", "particles"])
def test_the_error_counts_what_varies_on_either_side(varied):
    still, moved = torch.zeros(100, 1, dtype=F64), torch.randn(100, 1, dtype=F64, generator=rng())
    wide = Density(lambda x: -0.5 * (x / 2).square().sum(-1))
    drawn, x = (moved, still) if varied == "draws" else (still, moved)
    log_z, error = evidence._one(wide, Fixed(drawn), x, rng())
    ratios = (0.375 * moved[:, 0].square()).exp()
    share = ratios / (ratios + math.exp(log_z)) if varied == "draws" else 1 / (ratios + math.exp(log_z))
    assert error == pytest.approx(float(share.std() / share.mean()) / 10)
