"""Laws of times: their densities are those of what they draw."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from unnoise._errors import InputError
from unnoise.objectives import times as module
from unnoise.objectives.times import ImportanceTimes, LogNormalTimes, OneLevel, StepTimes, UniformTimes, WholeSteps
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_law

FLOAT64 = torch.float64
TIMES = {
    "uniform": UniformTimes(),
    "log-snr": ImportanceTimes(),
    "log-normal": LogNormalTimes(),
    "log-normal-other": LogNormalTimes(0.5, 0.8),
}


@pytest.fixture(params=TIMES.values(), ids=TIMES)
def times(request):
    return request.param


@pytest.fixture
def process(gaussian):
    return gaussian(2)


def test_the_density_is_one_over_the_slope(times, process):
    """If t(u) is the image of a uniform u, its density is du/dt."""
    u = torch.linspace(0.001, 0.999, 200, dtype=FLOAT64, requires_grad=True)
    t, density = times(process, u)
    (slope,) = torch.autograd.grad(t.sum(), u)
    torch.testing.assert_close(density * slope, torch.ones_like(u), rtol=1e-7, atol=0)


def test_it_covers_the_unit_interval_and_integrates_to_one(times, process):
    t, density = times(process, torch.linspace(0, 1, 20_001, dtype=FLOAT64))
    assert abs(float(t[0])) < 1e-7
    assert abs(float(t[-1]) - 1) < 1e-7
    assert (t.diff() > 0).all()
    assert float(torch.trapezoid(density, t)) == pytest.approx(1, abs=2e-3)


LEVELS = {  # the law of log(sigma / alpha) = -log SNR / 2 between its values at the two ends
    "log-snr": (ImportanceTimes(), lambda low, high: stats.uniform(low, high - low)),
    "log-normal": (
        LogNormalTimes(-0.5, 1.2),
        lambda low, high: stats.truncnorm((low + 0.5) / 1.2, (high + 0.5) / 1.2, -0.5, 1.2),
    ),
}


@pytest.mark.parametrize(("times", "law"), LEVELS.values(), ids=LEVELS)
def test_draws_follow_the_stated_law(times, law, process, rng):
    t, _ = times(process, torch.rand(4000, generator=rng, dtype=FLOAT64))
    low, high = (-0.5 * process.log_snr(torch.tensor([0.0, 1.0], dtype=FLOAT64))).tolist()
    levels = -0.5 * process.log_snr(t)
    assert_law(levels, law(low, high).cdf)
    with pytest.raises(ImprobableError):
        assert_law(0.8 * levels, law(low, high).cdf)


def test_the_default_is_that_of_edm_for_data_of_unit_variance():
    """P_mean = -1.2 and P_std = 1.2 for images of deviation 1/2; twice the data, twice the noise."""
    assert LogNormalTimes().mean == pytest.approx(-1.2 + math.log(2))
    assert LogNormalTimes().deviation == 1.2


def test_float32_stays_finite_and_inside(times, process):
    t, density = times(process, torch.linspace(0, 1, 1001)[:-1])
    assert t.dtype == density.dtype == torch.float32
    assert torch.isfinite(density).all()
    assert (density > 0).all()
    assert t.min() > -1e-5
    assert t.max() < 1 + 1e-5


class TestLowDiscrepancy:
    def test_one_draw_in_every_cell(self, rng):
        for _ in range(20):
            cells = (module.low_discrepancy(50, rng).double() * 50).floor().long().clamp(max=49)
            assert len(cells.unique()) >= 49  # rounding may move one number over an edge

    def test_every_number_is_uniform(self, rng):
        draws = torch.stack([module.low_discrepancy(3, rng) for _ in range(3000)])
        assert draws.min() >= 0
        assert draws.max() < 1
        for place in range(3):
            assert_law(draws[:, place], lambda u: u)
            with pytest.raises(ImprobableError):
                assert_law(draws[:, place] ** 1.2, lambda u: u)


@pytest.mark.parametrize("sigma", [0.05, 0.5, 3.0])
def test_one_level_is_the_time_at_which_the_noise_is_so_large(process, sigma):
    t, density = OneLevel(sigma)(process, torch.linspace(0, 1, 5, dtype=FLOAT64))
    alpha, noise = process.alpha_sigma(t)
    torch.testing.assert_close(noise / alpha, torch.full_like(t, sigma), rtol=1e-6, atol=0)
    assert (density == 1).all()


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, 1e9])
def test_a_level_that_the_process_does_not_have(process, sigma):
    with pytest.raises(InputError, match="expected one of the process's levels"):
        OneLevel(sigma)(process, torch.linspace(0, 1, 5))


def test_steps_are_the_ends_of_equal_steps_each_as_likely(process):
    t, density = StepTimes(4)(process, torch.linspace(0, 1, 1001, dtype=FLOAT64)[:-1])
    values, counts = t.unique(return_counts=True)
    assert values.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert counts.tolist() == [250] * 4
    assert (density == 1).all()
    assert float(StepTimes(4)(process, torch.ones(1))[0]) == 1  # rounding may bring a draw there


def test_no_steps_are_refused():
    with pytest.raises(InputError, match="got steps = 0; expected a whole number from 1"):
        StepTimes(0)


def test_whole_steps_are_evenly_spread_from_data_to_noise():
    """As in the published code: t = 0, 1 / (T - 1), ..., 1, each equally often."""
    t, density = WholeSteps(5)(variance_preserving(Euclidean(1)), (torch.arange(50) + 0.5) / 50)
    torch.testing.assert_close(t.unique(), torch.linspace(0, 1, 5))
    assert torch.bincount((4 * t).round().long()).tolist() == [10] * 5
    assert (density == 1).all()
