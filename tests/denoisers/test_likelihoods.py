"""What was measured: densities against torch.distributions, averages over noise against the normal they must be."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers.likelihoods import LinearGaussian, Masked, OfFactors, log_twist, noisy
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
MATRIX = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]], dtype=FLOAT64)
VALUES = torch.tensor([0.5, -1.0], dtype=FLOAT64)


@pytest.mark.parametrize("variance", [0.0, 0.7])
def test_a_linear_measurement_averaged_over_noise_is_a_wider_normal(variance, rng):
    x = torch.randn(4, 3, generator=rng, dtype=FLOAT64)
    covariance = 0.3**2 * torch.eye(2, dtype=FLOAT64) + variance * MATRIX @ MATRIX.T
    exact = torch.distributions.MultivariateNormal(x @ MATRIX.T, covariance).log_prob(VALUES)
    r = LinearGaussian(MATRIX, VALUES, 0.3)
    torch.testing.assert_close(r.blurred(x, torch.tensor(variance, dtype=FLOAT64)), exact)
    torch.testing.assert_close(r.blurred(x, torch.full((4,), variance, dtype=FLOAT64)), exact)
    if not variance:
        torch.testing.assert_close(r(x), exact)


def test_the_average_is_that_of_draws(rng):
    """The definition itself, by Monte Carlo."""
    r, x = LinearGaussian(MATRIX, VALUES, 0.8), torch.zeros(1, 3, dtype=FLOAT64)
    seen = r(x + 0.6 * torch.randn(50_000, 3, generator=rng, dtype=FLOAT64)).exp()
    assert_mean(seen, r.blurred(x, torch.tensor(0.36, dtype=FLOAT64)).exp()[0])
    with pytest.raises(ImprobableError):
        assert_mean(seen, r.blurred(x, torch.tensor(0.6, dtype=FLOAT64)).exp()[0])  # a deviation for a variance


def test_a_mask_is_a_matrix_of_unit_rows_and_noise_a_full_mask(rng):
    x = torch.randn(5, 2, 2, generator=rng, dtype=FLOAT64)
    values = torch.arange(4.0, dtype=FLOAT64).reshape(2, 2)
    mask = torch.tensor([[True, False], [False, True]])
    rows = torch.eye(4, dtype=FLOAT64)
    variance = torch.linspace(0, 1, 5, dtype=FLOAT64)
    for masked, kept in ((Masked(mask, values, 0.4), [0, 3]), (noisy(values, 0.4), [0, 1, 2, 3])):
        same = LinearGaussian(rows[kept], values.flatten()[kept], 0.4)
        torch.testing.assert_close(masked.blurred(x, variance), same.blurred(x, variance))


def test_a_function_is_taken_as_it_is_and_blur_only_where_it_is_known():
    x, variance = torch.zeros(3, 1, dtype=FLOAT64), torch.tensor(2.0, dtype=FLOAT64)
    r = noisy(torch.zeros(1, dtype=FLOAT64), 1.0)
    assert torch.equal(log_twist(lambda y: r(y), x, variance), r(x))
    assert torch.equal(log_twist(r, x, variance), r.blurred(x, variance))


def test_numbers_known_without_noise_are_blurred_by_the_noise_around_a_point():
    x, variance = torch.ones(3, 2, dtype=FLOAT64), torch.tensor(0.25, dtype=FLOAT64)
    known, seen = (noisy(torch.zeros(2, dtype=FLOAT64), scale) for scale in (0.0, 0.5))
    assert torch.equal(known.blurred(x, variance), seen.blurred(x, 0 * variance))


def test_observations_of_factors_multiply():
    """The logarithm is the sum of the factors' own, each blurred by the noise of its factor."""
    x = {"a": torch.ones(3, 1, dtype=FLOAT64), "b": torch.zeros(3, 2, dtype=FLOAT64), "unseen": torch.ones(3, 1)}
    variance = {"a": torch.tensor(0.3, dtype=FLOAT64), "b": torch.tensor(0.0, dtype=FLOAT64), "unseen": None}
    one, two = noisy(torch.zeros(1, dtype=FLOAT64), 1.0), noisy(torch.ones(2, dtype=FLOAT64), 0.5)
    both = OfFactors({"a": one, "b": two})
    assert torch.equal(both.blurred(x, variance), one.blurred(x["a"], variance["a"]) + two(x["b"]))
    assert torch.equal(both(x), one(x["a"]) + two(x["b"]))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: LinearGaussian(MATRIX, torch.zeros(3), 1.0), r"expected \(k, d\) and \(k,\)"),
        (lambda: LinearGaussian(MATRIX, VALUES * math.nan, 1.0), "NaN or infinite numbers in the values"),
        (
            lambda: LinearGaussian(MATRIX, VALUES, 0.0),
            r"got scale = 0\.0; expected a finite number above 0",
        ),
        (lambda: LinearGaussian(MATRIX, VALUES, 1.0)(torch.zeros(2, 5)), "got points of 5 numbers, .* measures 3"),
        (lambda: Masked(torch.zeros(2, dtype=torch.bool), torch.zeros(2), 1.0), "0 of it true"),
        (lambda: Masked(torch.ones(2), torch.zeros(2), 1.0), "a boolean mask"),
        (lambda: noisy(torch.zeros(2), -1.0), r"got scale = -1\.0; expected a finite number at least 0"),
        (lambda: noisy(torch.zeros(2), 0.0)(torch.zeros(4, 2)), "no density at a point: give a scale above 0"),
        (lambda: noisy(torch.zeros(2), 1.0)(torch.zeros(4, 3)), r"points of shape \(3,\) for a mask of shape \(2,\)"),
    ],
)
def test_what_cannot_have_been_measured_is_refused(make, match):
    with pytest.raises(InputError, match=match):
        make()


def test_gaps_outside_the_mask_may_hold_anything():
    r = Masked(torch.tensor([True, False]), torch.tensor([1.0, math.nan]), 1.0)
    assert torch.isfinite(r(torch.zeros(2, 2))).all()
