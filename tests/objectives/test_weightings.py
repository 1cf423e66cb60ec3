"""Weightings: as factors on the bound they are the losses of the literature."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.objectives.weightings import (
    BoundWeighting,
    EDMWeighting,
    SimpleWeighting,
    StepWeighting,
    factor_at,
)

FLOAT64 = torch.float64


@pytest.fixture
def case(gaussian, rng):
    """A process, times, and the price of an estimate that misses x_0 by `error`."""
    process, t = gaussian(3), torch.linspace(0, 1, 41, dtype=FLOAT64)
    x_0, error = torch.randn(2, 41, 3, generator=rng, dtype=FLOAT64)
    return process, t, error, process.kl_rate(x_0 + error, x_0, x_0, t)


def test_bound_changes_nothing(case):
    process, t, _, price = case
    assert torch.equal(BoundWeighting()(process, t) * price, price)


def test_simple_is_the_error_of_the_noise(case):
    """Ho et al. 2020, eq. 14: an error e in x_0 is an error alpha e / sigma in the noise."""
    process, t, error, price = case
    alpha, sigma = process.alpha_sigma(t)
    expected = (alpha / sigma) ** 2 * error.square().sum(-1)
    torch.testing.assert_close(SimpleWeighting()(process, t) * price, expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("sigma_data", [1.0, 0.5])
def test_edm_is_the_weighted_error_under_its_law_of_levels(case, sigma_data):
    """Karras et al. 2022, table 1: lambda |x_0 - estimate|^2, times the density of the noise level on the clock t."""
    process, t, error, price = case
    level = torch.exp(-0.5 * process.log_snr(t))
    weight = (level**2 + sigma_data**2) / (level * sigma_data) ** 2
    z = (level.log() + 1.2) / 1.1
    density = torch.exp(-0.5 * z**2) / (1.1 * math.sqrt(2 * math.pi)) * -0.5 * process.log_snr_rate(t)
    found = EDMWeighting(-1.2, 1.1, sigma_data)(process, t) * price
    torch.testing.assert_close(found, weight * density * error.square().sum(-1), rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize("weighting", [BoundWeighting(), SimpleWeighting(), EDMWeighting()], ids=repr)
def test_factors_are_positive_per_row_and_in_the_dtype_of_the_times(weighting, gaussian):
    t = torch.linspace(0, 1, 7)
    factor = weighting(gaussian(3), t)
    assert factor.shape == (7,)
    assert factor.dtype == torch.float32
    assert torch.isfinite(factor).all()
    assert (factor > 0).all()


@pytest.mark.parametrize("steps", [1, 7])
def test_steps_are_the_gain_in_snr_times_the_squared_error(case, steps):
    """Kingma et al. 2021, eq. 13; the first step of the grid ends at 1/T."""
    process, t, error, price = case
    later = t * steps >= 1
    gained = process.log_snr((t - 1 / steps).clamp(min=0)).exp() - process.log_snr(t).exp()
    expected = 0.5 * steps * gained * error.square().sum(-1)
    found = StepWeighting(steps)(process, t) * price
    torch.testing.assert_close(found[later], expected[later], rtol=1e-8, atol=0)


@pytest.mark.parametrize("wrong", [None, "one", [1.0, 2.0]])
def test_factors_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(InputError, match=r"^the weighting gave .* for times of shape \(2,\); return one factor"):
        factor_at(lambda process, t: wrong, None, torch.zeros(2))


def test_one_number_is_the_factor_of_all_times():
    assert factor_at(lambda process, t: 2, None, torch.zeros(2)).tolist() == [2.0, 2.0]
