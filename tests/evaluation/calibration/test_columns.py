"""Draws, truths and observations as arrays, and as features."""

from __future__ import annotations

import numpy as np

from unnoise.evaluation.calibration._columns import features, in_order, together

NAN = float("nan")


def test_levels_angles_and_holes_become_features() -> None:
    rows = np.array([[2.0, 0.0, 10.0], [2.0, 90.0, 30.0], [5.0, NAN, 50.0]])
    found = features(rows, categorical=[0], periods={1: 360.0})
    np.testing.assert_allclose(found[:, :2], [[1, 0], [1, 0], [0, 1]])  # the more frequent level first
    np.testing.assert_allclose(found[:, 2:5], [[1, 0, 0], [0, 1, 0], [0, 0, 1]], atol=1e-12)  # cosine, sine, missing
    np.testing.assert_allclose(found[:, 5], np.array([-1, 0, 1]) * 1.5**0.5)


def test_many_levels_share_features_and_empty_columns_say_that_they_are() -> None:
    rows = np.stack([np.arange(50.0), np.full(50, NAN), np.full(50, 3.0)], axis=1)
    found = features(rows, categorical=[0])
    assert found.shape == (50, 20 + 2 + 1)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, 20:], [[0, 1, 0]] * 50)


def test_draws_and_truths_have_the_same_scales() -> None:
    draws, truths = np.array([[[0.0], [4.0]], [[8.0], [0.0]]]), np.array([[4.0], [8.0]])
    near, far = together(draws, truths, (), None)
    assert near.shape == (2, 2, 1)
    assert near[0, 1, 0] == far[0, 0]
    assert near[1, 0, 0] == far[1, 0]


def test_angles_are_ordered_around_their_mean_and_holes_come_last() -> None:
    draws = np.array([[350.0, 20.0, 5.0, NAN]])[..., None]
    ordered, truth = in_order(draws, np.array([[2.0]]), {0: 360.0})
    assert np.argsort(ordered[0, :, 0]).tolist() == [0, 2, 1, 3]
    assert ordered[0, 0, 0] < truth[0, 0] < ordered[0, 2, 0]
    turned, _ = in_order(np.mod(draws + 100.0, 360.0), np.array([[102.0]]), {0: 360.0})
    np.testing.assert_allclose(turned, ordered)
