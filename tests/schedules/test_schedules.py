"""Schedules: the rate is the derivative, the inverse inverts, the endpoints are those of the docstrings."""

from __future__ import annotations

import math
import re

import pytest
import torch

from unnoise import _config
from unnoise._errors import InputError
from unnoise.schedules import (
    Cosine,
    Erasing,
    Exponential,
    Geometric,
    Knots,
    Learned,
    Linear,
    LinearLogSNR,
    LogSNR,
)


def curved(t):
    """A log SNR that falls fast at first."""
    return 6 - 4 * t - 8 * torch.sqrt(t + 0.01)


def learned(maximum=5.0, minimum=-6.0, **settings):
    """A schedule that looks as if it had learnt something: far from the line that it starts near."""
    schedule = Learned(maximum, minimum, units=8, **settings)
    with torch.no_grad():
        schedule.weights.copy_(torch.linspace(-1, 2, 9))
        schedule.centres.add_(torch.linspace(0.1, -0.2, 8))
    return schedule


SCHEDULES = {
    "linear": Linear(),
    "linear-other": Linear(start=0.5, end=4.0, tau_min=0.01),
    "linear-flat": Linear(start=3.0, end=3.0),
    "cosine": Cosine(),
    "cosine-other": Cosine(tau_min=0.05, tau_max=0.9),
    "log-snr": LinearLogSNR(),
    "log-snr-other": LinearLogSNR(maximum=4.0, minimum=-6.0),
    "any-log-snr": LogSNR(curved),
    "knots": Knots((0.0, 0.123, 0.456, 1.0), (7.0, 5.0, -3.0, -4.0)),
    "learned": learned(),
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


@pytest.mark.parametrize("name", ["log-snr-other", "any-log-snr", "knots", "learned"])
class TestLogSNR:
    def test_it_is_that_of_a_variance_preserving_process(self, name, times):
        schedule = SCHEDULES[name]
        kept = torch.exp(-schedule.value(times))
        torch.testing.assert_close(schedule.log_snr(times), torch.log(kept / (1 - kept)), rtol=1e-9, atol=1e-9)

    def test_levels_beyond_the_ends_have_times_beyond_the_ends(self, name):
        schedule, ends = SCHEDULES[name], torch.tensor([0.0, 1.0], dtype=torch.float64)
        beyond = schedule.log_snr(ends).detach() + torch.tensor([0.1, -0.1], dtype=torch.float64)
        expected = ends + torch.tensor([0.1, -0.1]) / schedule.log_snr_rate(ends).detach()
        torch.testing.assert_close(schedule.time_at(beyond).detach(), expected, rtol=0, atol=1e-7)


BAD = {
    "flat": (
        lambda: LogSNR(lambda t: 5 - 4 * t.clamp(max=0.5)),
        "goes from 3 at t = 0.5 to 3 at t = 0.501; it must de",
    ),
    "rising": (lambda: LogSNR(lambda t: t), "goes from 0 at t = 0 to"),
    "infinite": (lambda: LogSNR(lambda t: -torch.log(t)), "not finite everywhere"),
    "one number": (lambda: LogSNR(lambda t: t.sum()), "expected one finite number for each of 1025 times"),
    "rising knots": (lambda: Knots((0.0, 0.5, 1.0), (1.0, 2.0, -1.0)), "goes from 1 at t = 0 to 2 at t = 0.5"),
    "other ends": (lambda: Knots((0.1, 1.0), (1.0, -1.0)), "times that increase from 0 to 1"),
    "too few": (lambda: Knots((0.0, 1.0), (1.0,)), "got 1 values of the log SNR at the times (0.0, 1.0)"),
    "ends": (lambda: Learned(-3.0, 3.0), "from -3.0 to 3.0; expected a maximum above the minimum"),
    "units": (lambda: Learned(units=0), "got 0 units"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_what_is_no_schedule_is_refused(build, message):
    with pytest.raises(InputError, match=re.escape(message)):
        build()


class TestLearned:
    def test_it_starts_near_a_line(self, times):
        line = 13.3 - 23.3 * times
        assert float((Learned().log_snr(times) - line).abs().max()) < 0.05 * 23.3

    def test_the_ends_are_exact_whatever_the_interior(self):
        found = learned(7.0, -2.0).log_snr(torch.tensor([0.0, 1.0], dtype=torch.float64))
        torch.testing.assert_close(found, torch.tensor([7.0, -2.0], dtype=torch.float64), rtol=1e-12, atol=1e-12)

    def test_each_end_moves_on_its_own_side_of_the_middle(self):
        schedule = learned(4.0, -2.0, learn_ends=True)
        with torch.no_grad():
            schedule.reach.copy_(torch.tensor([0.5, -3.0]))
        first, last = schedule.log_snr(torch.tensor([0.0, 1.0], dtype=torch.float64)).tolist()
        assert first == pytest.approx(1 + 3 * math.exp(0.5), rel=1e-6)
        assert last == pytest.approx(1 - 3 * math.exp(-3), rel=1e-6)

    def test_values_have_gradients_in_the_ends_and_none_in_the_interior(self, times):
        schedule = learned(learn_ends=True)
        (schedule.value(times) + schedule.rate(times) + schedule.time_at(0 * times)).sum().backward()
        assert schedule.reach.grad.abs().min() > 0
        assert all(part.grad is None for part in (schedule.weights, schedule.slopes, schedule.centres))
        assert not learned().reach.requires_grad

    @pytest.mark.parametrize("name", ["weights", "slopes", "centres"])
    def test_the_gradient_of_the_density_is_that_at_a_fixed_level(self, name):
        """Against central differences of -log|d lambda / dt| at the time at which the moved schedule has the level."""
        schedule, t = learned().double(), torch.tensor([0.2, 0.45, 0.9], dtype=torch.float64)
        level, part = schedule.log_snr(t).detach(), getattr(schedule, name)
        schedule.log_density(t).sum().backward()
        step = 1e-6 * torch.linspace(-1, 1, part.numel(), dtype=torch.float64)

        def density(sign):
            with torch.no_grad():
                part.add_(sign * step)
                value = -torch.log(-schedule.log_snr_rate(schedule.time_at(level))).sum()
                part.sub_(sign * step)
            return value

        expected = (density(1) - density(-1)) / 2
        assert abs(float(expected)) > 1e-8
        torch.testing.assert_close((part.grad * step).sum(), expected, rtol=1e-4, atol=1e-12)

    def test_it_is_described_by_where_it_starts(self):
        described = _config.encode(Learned(maximum=5.0, minimum=-4.0, units=3, learn_ends=True))
        again = _config.decode(described)
        assert (again.maximum, again.minimum, again.units, again.learn_ends) == (5.0, -4.0, 3, True)
