"""Distances between samples agree with closed forms and with the search over all matchings."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.evaluation import distances, sliced_wasserstein, wasserstein


@pytest.fixture
def pair():
    return np.random.default_rng(0).normal(size=(2, 6, 3))


class TestWasserstein:
    @pytest.mark.parametrize("order", [1.0, 2.0, 3.0])
    def test_it_is_the_best_of_all_matchings(self, pair, order):
        x, y = pair
        costs = (np.linalg.norm(x - y[list(p)], axis=1) ** order for p in itertools.permutations(range(6)))
        assert wasserstein(x, y, order=order) == pytest.approx(min(c.mean() for c in costs) ** (1 / order))

    @pytest.mark.parametrize("d", [1, 4])
    def test_a_shift_costs_its_length_and_order_does_not_count(self, d):
        x = np.random.default_rng(0).normal(size=(200, d))
        shift = np.arange(1.0, d + 1)
        assert wasserstein(x, np.flipud(x) + shift) == pytest.approx(np.linalg.norm(shift))

    def test_gaussians_have_the_distance_of_their_closed_form(self):
        # |m - m'|^2 + d (s - s')^2; matched quantiles of 20,000 rows come within a per cent
        x, y = np.random.default_rng(0).normal(size=(2, 20_000, 1)) * [[[1.0]], [[3.0]]] + [[[0.0]], [[2.0]]]
        assert wasserstein(x, y, max_rows=20_000) == pytest.approx(np.sqrt(2.0**2 + 2.0**2), rel=0.02)

    def test_the_larger_sample_is_thinned(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(900, 2)), torch.randn(300, 2, generator=torch.Generator().manual_seed(0)) + 5
        assert wasserstein(x, y) == pytest.approx(np.sqrt(50), rel=0.05)
        assert wasserstein(x, y, max_rows=50) == wasserstein(x, y, max_rows=50, seed=0)
        assert wasserstein(x, y, max_rows=50) != wasserstein(x, y, max_rows=50, seed=1)

    def test_bad_input(self, pair):
        with pytest.raises(InputError, match=r"got order = 0\.5; expected a finite number at least 1"):
            wasserstein(*pair, order=0.5)
        with pytest.raises(InputError, match="the rows of y hold NaN"):
            wasserstein(pair[0], pair[1] * np.nan)
        with pytest.raises(InputError, match="expected equally many"):
            wasserstein(pair[0], pair[1][:, :2])


class TestSlicedWasserstein:
    def test_one_column_is_the_distance_itself(self):
        x, y = np.random.default_rng(0).normal(size=(2, 50, 1)) + np.arange(2.0)[:, None, None]
        for order in (1.0, 2.0):
            found = sliced_wasserstein(x, y, order=order, directions=3)
            assert found == pytest.approx(wasserstein(x, y, order=order))

    def test_unequal_numbers_of_rows_are_like_repeated_ones(self):
        x, y = np.random.default_rng(0).normal(size=(2, 6, 3))
        found = sliced_wasserstein(x[:4], y)
        expected = sliced_wasserstein(np.repeat(x[:4], 3, 0), np.repeat(y, 2, 0))
        assert found == pytest.approx(expected)

    @pytest.mark.parametrize("d", [2, 20])
    def test_a_shift_costs_its_length_over_the_root_of_the_dimension(self, d):
        x = np.random.default_rng(0).normal(size=(30, d))
        directions = 4000
        found = sliced_wasserstein(x, x + 1.0, directions=directions)
        # E (theta . v)^2 = |v|^2 / d = 1, of standard deviation below sqrt(2); five of them
        assert abs(found**2 - 1) < 5 * np.sqrt(2 / directions)

    def test_directions_come_in_groups_of_any_size(self, monkeypatch):
        x, y = np.random.default_rng(0).normal(size=(2, 40, 1))
        whole = sliced_wasserstein(x, y, directions=10)
        monkeypatch.setattr(distances, "NUMBERS_AT_ONCE", 100)
        assert sliced_wasserstein(x, y, directions=10) == pytest.approx(whole)

    def test_bad_input(self):
        with pytest.raises(InputError, match="got directions = 0; expected a whole number from 1"):
            sliced_wasserstein(np.zeros((3, 2)), np.ones((3, 2)), directions=0)
