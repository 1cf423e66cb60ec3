"""The coverage of regions of highest density."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from linear import log_density, posterior

from unnoise._errors import InputError
from unnoise.evaluation import density_coverage
from unnoise.testing.statistics import FAILURE_RATE, assert_probable


def densities(kind: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draws, truths, x = posterior(kind, seed=seed)
    return log_density(kind, draws, x), log_density(kind, truths, x)


@pytest.mark.parametrize("kind", ["exact", "blind"])
def test_an_exact_posterior_and_one_that_ignores_what_was_seen_pass(kind: str) -> None:
    for seed in range(3):
        assert_probable(density_coverage(*densities(kind, seed)).p_value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("narrow", "regions are too small"), ("wide", "regions are too large"), ("shifted", "regions are too small")],
)
def test_a_wrong_posterior_is_seen(kind: str, words: str) -> None:
    found = density_coverage(*(torch.from_numpy(part) for part in densities(kind)))
    assert found.p_value < FAILURE_RATE
    assert found.words == words
    assert found.curve.gap * found.curve.excess > 0


def test_noise_of_an_estimate_is_no_difference() -> None:
    rng = np.random.default_rng(0)
    noisy = [part + rng.normal(size=part.shape) for part in densities("exact")]
    assert_probable(density_coverage(*noisy).p_value)


def test_the_curve_is_the_share_of_truths_in_each_region() -> None:
    """With draws of log densities 1 to 4 a truth of 4.5 is in every region, one of 2.5 in those of 3 / 5 and above."""
    drawn = np.tile(np.arange(1.0, 5.0), (10, 1))
    curve = density_coverage(drawn, np.array([4.5] * 4 + [2.5] * 6)).curve
    np.testing.assert_allclose(curve.level, [0, 0.2, 0.4, 0.6, 0.8, 1])
    np.testing.assert_allclose(curve.share, [0, 0.4, 0.4, 1, 1, 1])


@pytest.mark.parametrize(
    ("drawn", "truths", "words"),
    [
        (np.zeros((20, 4)), np.zeros(19), "19 log densities of truths for 20 rows"),
        (np.zeros((5, 4)), np.zeros(5), "expected at least 10"),
        (np.full((20, 4), np.nan), np.zeros(20), "hold NaN"),
        (np.zeros(20), np.zeros(20), "one row per example"),
    ],
)
def test_bad_input_is_named(drawn, truths, words) -> None:
    with pytest.raises(InputError, match=words):
        density_coverage(drawn, truths)
