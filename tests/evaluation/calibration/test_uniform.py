"""The law of the curve of uniform ranks, which is computed without simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import binom, multinomial

from unnoise.evaluation.calibration import _uniform
from unnoise.evaluation.calibration._uniform import band, cells_test, curve_of, ranks_among, uniform_cells
from unnoise.testing.statistics import FAILURE_RATE, assert_frequencies

CELLS = (0.5, 0.3, 0.2)


def test_the_p_value_is_that_of_all_outcomes() -> None:
    """Of five ranks in three cells the 21 outcomes are counted one by one."""
    n = 5
    outcomes = [c for c in itertools.product(range(n + 1), repeat=3) if sum(c) == n]
    chances = [multinomial.pmf(c, n, CELLS) for c in outcomes]
    tested = [cells_test(np.repeat(np.arange(3), c), CELLS) for c in outcomes]
    for statistic, p_value in tested:
        exact = sum(p for p, (other, _) in zip(chances, tested, strict=True) if other <= statistic * (1 + 1e-6))
        assert p_value == pytest.approx(min(1.0, 2 * statistic, exact), rel=1e-9)


def test_a_p_value_is_as_seldom_small_as_it_says() -> None:
    rng, cells, draws = np.random.default_rng(0), uniform_cells(10), 400
    p_values = np.array([cells_test(rng.integers(0, 10, 60), cells)[1] for _ in range(draws)])
    for level in (0.05, 0.3):
        rejected = int((p_values <= level).sum())
        assert binom.sf(rejected - 1, draws, level) > FAILURE_RATE
        assert binom.cdf(rejected, draws, 0.6 * level) > FAILURE_RATE  # counts are whole
    skewed = np.array([cells_test(rng.integers(0, 9, 60), cells)[1] for _ in range(draws)])
    assert binom.sf(int((skewed <= 0.05).sum()) - 1, draws, 0.05) < FAILURE_RATE


def test_a_curve_leaves_its_band_where_its_p_value_is_small() -> None:
    rng, cells = np.random.default_rng(0), uniform_cells(8)
    tilted = [rng.choice(8, 50, p=np.arange(1, 9) ** power / (np.arange(1, 9) ** power).sum()) for power in (0, 0.4, 1)]
    seen = set()
    for ranks in [*tilted, *(rng.integers(0, 8, (60, 50)))]:
        statistic, p_value = cells_test(ranks, cells)
        curve = curve_of(ranks, cells, 0.1)
        assert bool(curve.outside.any()) == (p_value <= 0.1), (statistic, p_value)
        seen.add(bool(curve.outside.any()))
    assert seen == {True, False}


def test_the_band_holds_as_many_curves_as_it_says() -> None:
    rng, n, cells = np.random.default_rng(1), 40, uniform_cells(6)
    lower, upper = band(n, cells, 0.2)
    counts = np.stack([np.bincount(rng.integers(0, 6, n), minlength=6).cumsum() for _ in range(2000)])
    left = int(((counts < lower) | (counts > upper)).any(1).sum())
    assert binom.sf(left - 1, 2000, 0.2) > FAILURE_RATE
    assert binom.cdf(left, 2000, 0.1) > FAILURE_RATE


def test_tiny_p_values_keep_their_digits() -> None:
    statistic, p_value = cells_test(np.zeros(200, dtype=np.int64), uniform_cells(10))
    assert statistic == pytest.approx(2 * 0.1**200, rel=1e-6, abs=0)
    assert p_value == pytest.approx(9 * statistic, rel=1e-6, abs=0)
    assert _uniform.exceeded(1e-8, 50, uniform_cells(4)) <= 3e-8


def test_ties_are_broken_evenly() -> None:
    rng = np.random.default_rng(0)
    ranks = ranks_among(np.zeros((4000, 3)), np.zeros(4000), rng)
    assert_frequencies(torch.from_numpy(np.bincount(ranks, minlength=4)), torch.full((4,), 0.25))
    assert ranks_among(np.array([[1.0, 3.0]]), np.array([2.0]), rng).tolist() == [1]
