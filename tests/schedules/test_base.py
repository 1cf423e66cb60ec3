"""Schedules: the rate is the derivative, the inverse inverts, the endpoints are those of the docstrings."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes import CTMC, Brownian, PureDeath, WrightFisher, rates, variance_preserving
from unnoise.schedules import (
    ByLogSNR,
    Cosine,
    Erasing,
    Exponential,
    Geometric,
    Learned,
    Linear,
    LinearLogSNR,
    LogitLogSNR,
    LogSNR,
    PowerLogSNR,
    Schedule,
    SquaredNoise,
)
from unnoise.spaces import Counts, Euclidean, Finite, Simplex, Sphere


def curved(t):
    """A log SNR that falls fast at first."""
    return 6 - 4 * t - 8 * torch.sqrt(t + 0.01)


SCHEDULES = {
    "linear": Linear(),
    "linear-other": Linear(start=0.5, end=4.0, tau_min=0.01),
    "linear-flat": Linear(start=3.0, end=3.0),
    "cosine": Cosine(),
    "cosine-other": Cosine(tau_min=0.05, tau_max=0.9),
    "log-snr": LinearLogSNR(),
    "log-snr-other": LinearLogSNR(maximum=4.0, minimum=-6.0),
    "any-log-snr": LogSNR(curved),
    "power": PowerLogSNR(),
    "power-other": PowerLogSNR(0.1, 9.0, 3.0),
    "logit": LogitLogSNR(),
    "logit-other": LogitLogSNR(0.1, 0.7),
    "squared": SquaredNoise(Linear(tau_min=1e-3)),
    "learned": Learned(5.0, -6.0, units=8),
    "erasing": Erasing(),
    "erasing-other": Erasing(lost=0.01, survival=0.2),
    "geometric": Geometric(1e-6, 8.0),
    "exponential": Exponential(),
    "exponential-other": Exponential(scale=0.5, base=30.0, tau_min=1e-3),
}


@pytest.fixture(params=SCHEDULES.values(), ids=SCHEDULES)
def schedule(request):
    return request.param


@pytest.fixture
def times():
    return torch.linspace(0, 1, 101, dtype=torch.float64)


def test_rate_is_the_derivative(schedule, times):
    t = times.requires_grad_()
    (derivative,) = torch.autograd.grad(schedule.value(t).sum(), t)
    torch.testing.assert_close(schedule.rate(t), derivative, rtol=1e-10, atol=0)


def test_inverse_inverts(schedule, times):
    torch.testing.assert_close(schedule.inverse(schedule.value(times)), times, rtol=0, atol=1e-10)


def test_value_increases_from_above_zero(schedule, times):
    value = schedule.value(times)
    assert value[0] > 0
    assert (value.diff() > 0).all()


def test_float32_is_accurate_at_both_ends(schedule, times):
    torch.testing.assert_close(schedule.value(times.float()).double(), schedule.value(times), rtol=2e-4, atol=0)
    torch.testing.assert_close(schedule.rate(times.float()).double(), schedule.rate(times), rtol=2e-4, atol=0)
    inverse = schedule.inverse(schedule.value(times).float()).double()
    torch.testing.assert_close(inverse, times, rtol=0, atol=1e-5)


ENDPOINTS = {  # alpha and sigma of a variance-preserving process at t = 0 and t = 1, to the digits of the docstrings
    "linear": (Linear(), {"alpha": (1 - 5e-7, 0.0066), "B": (1e-6, 10.05)}, {"alpha": (1e-7, 5e-5), "B": (1e-8, 1e-4)}),
    "cosine": (
        Cosine(),
        {"alpha": (1 - 1.2e-6, 0.0016), "sigma": (0.0016, 1.0)},
        {"alpha": (1e-7, 5e-5), "sigma": (5e-5, 5e-6)},
    ),
    "log-snr": (
        LinearLogSNR(),
        {"sigma": (0.0013, 1.0), "alpha": (1.0, 0.0067)},
        {"sigma": (5e-5, 5e-5), "alpha": (5e-6, 5e-5)},
    ),
}


@pytest.mark.parametrize(("schedule", "stated", "digits"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints_are_those_of_the_docstring(schedule, stated, digits):
    value = schedule.value(torch.tensor([0.0, 1.0], dtype=torch.float64))
    found = {"B": value, "alpha": torch.exp(-0.5 * value), "sigma": torch.sqrt(-torch.expm1(-value))}
    for name, ends in stated.items():
        for end, expected, tolerance in zip(found[name].tolist(), ends, digits[name], strict=True):
            assert end == pytest.approx(expected, abs=tolerance), name


@pytest.mark.parametrize("name", ["log-snr-other", "any-log-snr", "power", "logit", "squared", "learned"])
class TestLogSNR:
    def test_it_is_that_of_a_variance_preserving_process(self, name, times):
        schedule = SCHEDULES[name]
        kept = torch.exp(-schedule.value(times))
        torch.testing.assert_close(schedule.log_snr(times), torch.log(kept / (1 - kept)), rtol=1e-9, atol=1e-9)

    def test_levels_beyond_the_ends_have_times_beyond_the_ends(self, name):
        schedule, ends = SCHEDULES[name], torch.tensor([0.0, 1.0], dtype=torch.float64)
        further = torch.tensor([1e-4, -1e-4], dtype=torch.float64)
        beyond = schedule.log_snr(ends).detach() + further
        expected = ends + further / schedule.log_snr_rate(ends).detach()
        torch.testing.assert_close(schedule.time_at(beyond).detach(), expected, rtol=0, atol=1e-7)


class Square(Schedule):
    """One's own: B = 0.01 + 3 t^2, without an inverse."""

    def value(self, t):
        return 0.01 + 3 * (t + 0.1) ** 2

    def rate(self, t):
        return 6 * (t + 0.1)


class SquareLevels(ByLogSNR):
    """One's own: a log SNR of 6 - 9 (t + 0.1)^2, without an inverse."""

    def log_snr(self, t):
        return 6 - 9 * (t + 0.1) ** 2

    def log_snr_rate(self, t):
        return -18 * (t + 0.1)


@pytest.mark.parametrize("own", [Square(), SquareLevels()], ids=["value", "log-snr"])
def test_a_schedule_of_ones_own_needs_no_inverse(own, times):
    torch.testing.assert_close(own.inverse(own.value(times)), times, rtol=0, atol=1e-10)
    torch.testing.assert_close(own.time_at(own.log_snr(times)), times, rtol=0, atol=1e-10)
    found = own.inverse(own.value(times.float())).double()
    torch.testing.assert_close(found, times, rtol=0, atol=2e-6)


def test_the_inverse_of_ones_own_has_the_gradient_of_the_inverse(times):
    value = Square().value(times[1:]).requires_grad_()
    (slope,) = torch.autograd.grad(Square().inverse(value).sum(), value)
    torch.testing.assert_close(slope, 1 / Square().rate(times[1:]))


class Mine(Schedule):
    """A schedule of a user's own, by two functions."""

    def __init__(self, value, rate):
        self.value, self.rate = value, rate

    value = rate = None


PROCESSES = [
    lambda schedule: CTMC(Finite(2, 3), rates.UniformRates(3), schedule),
    lambda schedule: PureDeath(Counts(2), 4.0, schedule),
    lambda schedule: Brownian(Sphere(2), schedule),
    lambda schedule: WrightFisher(Simplex(3), 1.0, schedule),
]
MINE = {
    "falls": (lambda t: 5 * (1 - t), lambda t: torch.full_like(t, -5.0), "must be finite and increase from"),
    "is negative": (lambda t: t - 0.5, torch.ones_like, "is -0.5 at t = 0"),
    "is flat": (torch.ones_like, torch.zeros_like, "is 1 at t = 0 and 1 at t = 1"),
    "is infinite": (lambda t: 1 / (1 - t), lambda t: (1 - t) ** -2, "inf at t = 1; it must be finite"),
    "is a number": (lambda t: 1.0, torch.ones_like, "got a value of type float; expected one number for each of 1025"),
    "has a number for a rate": (lambda t: 5 * (t + 0.01), lambda t: 5.0, "got a rate of the value of type float"),
    "has another rate": (
        lambda t: 5 * (t + 0.01),
        lambda t: torch.full_like(t, 6.0),
        "rate of the value is 6 at t = 0.5, where its slope is 5; it must be the derivative",
    ),
}


@pytest.mark.parametrize("name", MINE)
def test_a_schedule_of_ones_own_that_is_none_is_refused_by_every_process(name):
    """A falling one, and a rate that is not the derivative, were taken in silence."""
    value, rate, words = MINE[name]
    for make in PROCESSES:
        with pytest.raises(InputError, match=words):
            make(Mine(value, rate))


def test_a_schedule_of_ones_own_for_gaussian_noise_has_the_rate_of_its_log_snr():
    wrong = Mine(lambda t: 5 * (t + 0.01), lambda t: torch.full_like(t, 6.0))
    with pytest.raises(InputError, match=r"the rate of the log SNR is .* at t = 0.5, where its slope is"):
        variance_preserving(Euclidean(2), wrong)
    variance_preserving(Euclidean(2), Mine(lambda t: 5 * (t + 0.01), lambda t: torch.full_like(t, 5.0)))


def test_noise_from_zero_is_for_kernels_that_are_not_singular_there():
    zero = Mine(lambda t: 5 * t, lambda t: torch.full_like(t, 5.0))
    for make in PROCESSES[:2]:
        make(zero)
    for make in PROCESSES[2:]:
        with pytest.raises(InputError, match=r"value of the schedule is 0 at t = 0 .* increase from above 0 at t = 0"):
            make(zero)
