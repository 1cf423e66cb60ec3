"""Draws under two tangents: laws with known distribution functions, wherever the tangents touch."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from unnoise._errors import NonFiniteError
from unnoise.laws.heat import concave
from unnoise.laws.heat.concave import draw_concave, tent
from unnoise.testing import ImprobableError, assert_law

FLOAT64 = torch.float64


def number(x):
    return torch.tensor([x], dtype=FLOAT64)


def normal(x, mean):
    return -0.5 * (x - mean) ** 2, mean - x


def drawn(rng, mean, *, about=None, sd=1.0, ends=(-2.0, 3.0), log_density=normal, n=10_000):
    about = mean if about is None else about
    rows = torch.zeros(n, dtype=torch.int64)
    return draw_concave(log_density, ends, number(mean), rows, number(about), number(sd), rng)


def truncated(mean, low=-2.0, high=3.0):
    return stats.truncnorm(low - mean, high - mean, loc=mean).cdf


@pytest.mark.parametrize("mean", [0.0, 1.0, 2.9, 6.0, -30.0])
@pytest.mark.parametrize(("shift", "sd"), [(0.0, 1.0), (0.7, 0.5), (-1.0, 1.0), (0.0, 1e-9), (0.3, 40.0)])
def test_draws_follow_the_law_wherever_the_tangents_touch(mean, shift, sd, rng):
    x = drawn(rng, mean, about=mean + shift, sd=sd, n=3_000)
    assert float(x.min()) >= -2
    assert float(x.max()) <= 3
    assert_law(x, truncated(mean))


def test_a_flat_law(rng):
    x = drawn(rng, 0.0, log_density=lambda x, mean: (0 * x, 0 * x))
    assert_law(x, stats.uniform(-2, 5).cdf)


def test_rows_of_different_laws(rng):
    means, rows = torch.tensor([-1.0, 0.5, 2.0], dtype=FLOAT64), torch.arange(9_000) % 3
    x = draw_concave(normal, (-2.0, 3.0), means, rows, means, torch.ones(3, dtype=FLOAT64), rng)
    for row, mean in enumerate(means.tolist()):
        assert_law(x[rows == row], truncated(mean))


def test_three_in_four_are_kept(rng, monkeypatch):
    def share():
        place = tent(normal, (-9.0, 9.0), number(0.0), number(0.0), number(1.0))
        x = place.draw(torch.rand(2, 20_000, generator=rng, dtype=FLOAT64))
        return float(torch.exp(normal(x, 0.0)[0] - place.at(x)).mean())

    assert share() == pytest.approx(math.sqrt(2 * math.pi) / (2 * math.exp(0.5)), abs=0.01)


def test_a_density_above_its_tangents_is_caught(rng):
    """Cauchy's tails are no longer concave."""
    x = drawn(rng, 0.0, ends=(-5.0, 5.0), log_density=lambda x, mean: (-torch.log(1 + x**2), -2 * x / (1 + x**2)))
    with pytest.raises(ImprobableError):
        assert_law(x, lambda x: 0.5 + 0.5 * np.arctan(np.asarray(x)) / math.atan(5))


def test_rejection_ends_where_nothing_is_ever_kept(monkeypatch, rng):
    monkeypatch.setattr(concave, "MOST_ROUNDS", 3)
    with pytest.raises(NonFiniteError, match=r"3 rounds kept no draw from a law at 0\.5"):
        drawn(rng, 0.5, log_density=lambda x, mean: (x * math.nan, -x))
