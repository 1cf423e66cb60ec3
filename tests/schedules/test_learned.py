"""A learnt schedule: its ends, its gradients, and the density of its levels."""

from __future__ import annotations

import math
import re

import pytest
import torch

from unnoise import _config
from unnoise._errors import InputError
from unnoise.schedules import (
    Learned,
)


def learned(maximum=5.0, minimum=-6.0, **settings):
    """A schedule that looks as if it had learnt something: far from the line that it starts near."""
    schedule = Learned(maximum, minimum, units=8, **settings)
    with torch.no_grad():
        schedule.weights.copy_(torch.linspace(-1, 2, 9))
        schedule.centres.add_(torch.linspace(0.1, -0.2, 8))
    return schedule


@pytest.fixture
def times():
    return torch.linspace(0, 1, 101, dtype=torch.float64)


BAD = {
    "ends": (lambda: Learned(-3.0, 3.0), "from -3.0 to 3.0; expected a maximum above the minimum"),
    "units": (lambda: Learned(units=0), "got units = 0; expected a whole number from 1"),
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

    def test_far_from_its_start_the_rate_is_the_derivative_and_the_inverse_inverts(self, times):
        schedule, t = learned(), times.requires_grad_()
        (derivative,) = torch.autograd.grad(schedule.value(t).sum(), t)
        torch.testing.assert_close(schedule.rate(t), derivative, rtol=1e-10, atol=0)
        torch.testing.assert_close(schedule.inverse(schedule.value(t)), t, rtol=0, atol=1e-10)
