"""The properties of schedules: kept by those of the package, broken by twins."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes import Betas, linear_betas
from unnoise.schedules import Erasing, Linear, LinearLogSNR, Schedule
from unnoise.testing import PropertyError, check_schedule
from unnoise.testing import schedules as properties


class Own(Schedule):
    def value(self, t):
        return 0.01 + 3 * (t + 0.1) ** 2

    def rate(self, t):
        return 6 * (t + 0.1)


class HalfTheRate(Own):
    def rate(self, t):
        return super().rate(t) / 2


class Falling(Own):
    def value(self, t):
        return super().value(1 - t)


class LateInverse(Own):
    def inverse(self, value):
        return super().inverse(value) + 1e-3


class AnotherLogSNR(Own):
    def log_snr(self, t):
        return super().log_snr(t) + 0.01


@pytest.mark.parametrize(
    "schedule",
    [Own(), Erasing(), LinearLogSNR(), Betas(linear_betas(12, 0.01, 0.4))],
    ids=lambda schedule: type(schedule).__name__,
)
def test_schedules_keep_them(schedule):
    assert not check_schedule(schedule).failed


TWINS = [
    (properties.rates_are_derivatives, HalfTheRate),
    (properties.value_increases, Falling),
    (properties.inverse_inverts, LateInverse),
    (properties.words_agree, AnotherLogSNR),
]


@pytest.mark.parametrize(("found", "twin"), TWINS)
def test_twins_are_caught(found, twin):
    assert found(Own()).passed
    assert not found(twin()).passed
    assert torch.isfinite(twin().value(torch.linspace(0, 1, 11))).all()
    with pytest.raises(PropertyError):
        check_schedule(twin())


def test_a_class_is_no_schedule():
    with pytest.raises(InputError, match=r"got schedule = the class Linear; expected an object of this class"):
        check_schedule(Linear)
