from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from unnoise._errors import InputError
from unnoise.evaluation import memorisation, nearest_training
from unnoise.testing import ImprobableError, assert_probable


@pytest.fixture
def draws() -> np.ndarray:
    """Training rows, held-out rows and samples of one law."""
    return np.random.default_rng(0).normal(size=(3, 300, 3)) + 1e4


def test_nearest_rows_are_those_of_all_distances(draws: np.ndarray):
    train, _, samples = draws
    everything = np.linalg.norm(samples[:, None] - train, axis=-1)
    found = nearest_training(samples, train, k=4)
    np.testing.assert_array_equal(found.indices, everything.argsort(axis=1)[:, :4])
    np.testing.assert_allclose(found.distances, np.sort(everything, axis=1)[:, :4])


def test_copies_are_at_distance_zero_however_far_the_rows_are_from_zero(draws: np.ndarray):
    train = draws[0]
    found = nearest_training(train[[7, 3]], train)
    assert found.indices.ravel().tolist() == [7, 3]
    assert found.distances.ravel().tolist() == [0.0, 0.0]


def test_images_are_compared_pixel_by_pixel():
    train = np.zeros((2, 4, 4))
    train[1] = 1.0
    found = nearest_training(np.full((1, 4, 4), 0.75), train, k=5)
    assert found.indices.tolist() == [[1, 0]]
    np.testing.assert_allclose(found.distances, [[1.0, 3.0]])


def test_fresh_draws_are_as_new_as_held_out_rows(draws: np.ndarray):
    train, held_out, samples = draws
    found = memorisation(samples, held_out, train)
    assert_probable(2 * norm.sf(abs(found.ratio - 1) / found.ratio_se), "the ratio is 1")
    wider = memorisation(1e4 + 3 * (samples - 1e4), held_out, train)
    with pytest.raises(ImprobableError):
        assert_probable(2 * norm.sf(abs(wider.ratio - 1) / wider.ratio_se), "the ratio is 1")
    assert 0.0 < found.ratio_se < 0.15
    assert found.near_share < 0.05


def test_copies_are_found_exact_or_blurred_or_mixed_with_fresh_draws(draws: np.ndarray):
    train, held_out, samples = draws
    blurred = train + 0.001 * np.random.default_rng(1).normal(size=train.shape)
    assert memorisation(train, held_out, train).ratio == 0.0
    assert memorisation(blurred, held_out, train).ratio < 0.02
    mixed = memorisation(np.concatenate([samples[:200], train[:100]]), held_out, train)
    assert mixed.near_share > 0.3


def test_rows_that_repeat_do_not_divide_by_zero():
    train = np.arange(4.0)[:, None]
    repeats = np.array([[0.0], [1.0], [1.0]])
    assert memorisation(repeats, repeats, train).ratio == 1.0
    assert memorisation(repeats + 0.5, repeats, train).ratio == np.inf


@pytest.mark.parametrize("repeats", [0, 1, 30])
def test_copies_are_counted_where_held_out_rows_repeat_training_rows_too(repeats: int):
    """40 of 100 samples are copies, the others are held-out rows, of which the first few repeat."""
    train = np.arange(100.0)[:, None]
    fresh = train + np.linspace(0.2, 0.4, 100)[:, None]
    held_out = np.concatenate([train[:repeats], fresh[repeats:]])
    found = memorisation(np.concatenate([train[40:80], held_out[:60]]), held_out, train)
    nearest = max(repeats, 1)  # without repeats the nearest row alone is near
    assert found.near_share == pytest.approx(0.4 + nearest / 100)
    assert found.held_out_near_share == pytest.approx(nearest / 100)


@pytest.mark.parametrize("step", [0.5, 1.0])
def test_rounded_draws_of_one_law_repeat_equally_often(step: float):
    draws = np.random.default_rng(0).normal(scale=20.0, size=(3, 2000, 2))
    train, held_out, samples = np.round(draws / step) * step

    def p_value(samples: np.ndarray) -> float:
        found = memorisation(samples, held_out, train)
        assert 0.05 < found.held_out_near_share < 0.5, "rounding should make rows repeat"
        shares = np.array([found.near_share, found.held_out_near_share])
        return float(2 * norm.sf(abs(shares[0] - shares[1]) / np.sqrt((shares * (1 - shares)).sum() / 2000)))

    assert_probable(p_value(samples), "samples repeat training rows as often as held-out rows")
    with pytest.raises(ImprobableError):
        assert_probable(p_value(np.concatenate([samples[:1600], train[:400]])), "a fifth are copies")


def test_different_columns_are_refused():
    with pytest.raises(InputError, match="the samples have 2 columns and the training rows 3"):
        nearest_training(np.zeros((4, 2)), np.zeros((4, 3)))
