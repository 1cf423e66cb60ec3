"""Grids: where the times lie."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes import edm
from unnoise.samplers.grids import Fitted, Karras, LogNormalGrid, UniformGrid, UniformLogSNR
from unnoise.spaces import Euclidean

GRIDS = {"uniform": UniformGrid(), "log-snr": UniformLogSNR(), "karras": Karras(), "karras-3": Karras(rho=3.0)}
GRIDS |= {"log-normal": LogNormalGrid(), "fitted": Fitted((3.0, 1.0, 0.5, -2.0))}


@pytest.fixture
def process(gaussian):
    return gaussian(2)


@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
@pytest.mark.parametrize("count", [2, 3, 50])
def test_times_decrease_from_one_to_zero(grid, process, count):
    times = grid(process, count)
    assert times.shape == (count,)
    assert times.dtype == torch.float64
    assert times[0] == 1
    assert times[-1] == 0
    assert (times.diff() < 0).all()


def equal_steps(values):
    return (values.diff().diff().abs() < 1e-8 * (values[-1] - values[0]).abs()).all()


def test_uniform_is_uniform_in_time(process):
    assert equal_steps(UniformGrid()(process, 30))


def test_log_snr_is_uniform_in_log_snr(process):
    assert equal_steps(process.log_snr(UniformLogSNR()(process, 30)))


@pytest.mark.parametrize("rho", [1.0, 3.0, 7.0])
def test_karras_is_uniform_in_a_root_of_the_noise_level(process, rho):
    levels = torch.exp(-0.5 * process.log_snr(Karras(rho)(process, 30)))
    assert equal_steps(levels ** (1 / rho))


def test_on_edm_time_itself_is_the_grid_of_karras():
    """Karras et al. 2022, eq. 5, from the largest level down."""
    process = edm(Euclidean(2))
    torch.testing.assert_close(Karras()(process, 18), UniformGrid()(process, 18), rtol=0, atol=1e-12)
    i = torch.arange(18, dtype=torch.float64)
    levels = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    torch.testing.assert_close(process.alpha_sigma(UniformGrid()(process, 18))[1], levels, rtol=1e-10, atol=0)


def test_log_normal_is_dense_around_its_mean():
    levels = LogNormalGrid(-1.0, 0.5, 0.0).log_levels(8.0, -8.0, 4001)
    torch.testing.assert_close(levels.mean(), torch.tensor(-1.0).double(), rtol=0, atol=0.01)
    torch.testing.assert_close(levels[1:-1].std(), torch.tensor(0.5).double(), rtol=0.02, atol=0)


def test_a_fitted_grid_has_the_density_that_it_is_fitted_to():
    r"""Density $e^{-\ell}$ on levels from 0 to -1: shares of $(e^{-\ell} - 1)/(e - 1)$ above."""
    levels = torch.linspace(0, -1, 2001, dtype=torch.float64)
    found = Fitted.of(levels, torch.exp(-levels), knots=33).log_levels(0.0, -1.0, 33)
    expected = -torch.log1p(torch.linspace(0, 1, 33, dtype=torch.float64) * (math.e - 1))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    even = Fitted.of(levels, torch.exp(-levels), uniform=1.0).log_levels(0.0, -1.0, 9)
    torch.testing.assert_close(even, torch.linspace(0, -1, 9, dtype=torch.float64), rtol=0, atol=1e-9)


@pytest.mark.parametrize("knots", [(1.0,), (0.0, 1.0), (1.0, 1.0), (1.0, math.nan)])
def test_knots_must_decrease(knots):
    with pytest.raises(InputError, match="got knots"):
        Fitted(knots)


@pytest.mark.parametrize(
    "grid", [UniformLogSNR(), Karras(), LogNormalGrid(), Fitted((3.0, 0.5, -1.0))], ids=lambda grid: type(grid).__name__
)
def test_levels_run_from_the_highest_to_the_lowest_that_they_are_told(grid):
    """Also those of a grid that was fitted between other ends."""
    levels = grid.log_levels(4.0, -5.0, 9)
    assert (float(levels[0]), float(levels[-1])) == pytest.approx((4.0, -5.0))
    assert (levels.diff() < 0).all()


def test_levels_of_the_log_normal_grid_are_at_equal_shares_of_both_laws():
    grid = LogNormalGrid(mean=0.5, deviation=1.2, uniform=0.3)
    levels = grid.log_levels(3.0, -4.0, 201)
    below = 0.3 * (levels + 4) / 7 + 0.7 * torch.special.ndtr((levels - 0.5) / 1.2)
    expected = torch.linspace(float(below[0]), float(below[-1]), 201, dtype=torch.float64)
    torch.testing.assert_close(below, expected, rtol=0, atol=1e-6)
    assert (float(levels[0]), float(levels[-1])) == (3.0, -4.0)
