from __future__ import annotations

import math

import pytest
import torch
from caught import assert_caught
from gaussians import ATOMS, PLANE, Flow, case

from unnoise.processes import rectified_flow
from unnoise.spaces import Euclidean
from unnoise.testing import gaussian
from unnoise.testing.processes import case_of


class ClockOffByOne(Flow):
    def rates(self, t):
        return super().rates(t + 0.01)


class Turning(Flow):
    """Noise that falls again at the end."""

    def log_snr(self, t):
        return super().log_snr(t - 0.6 * t**2)


class TimeOfAnotherClock(Flow):
    def time_at(self, log_snr):
        return super().time_at(log_snr) ** 1.01


class ScoreWrongSign(Flow):
    def score(self, x_t, stat, t):
        return -super().score(x_t, stat, t)


class MissingE(Flow):
    """d/2 log(2 pi s^2): the entropy of the decoder without its half a nat per dimension."""

    def reconstruction(self, x_0):
        return super().reconstruction(x_0) - 0.5 * self.space.dimension


class MissingHalf(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return 2 * super().kl_rate(stat, target, x_t, t)


class SlightlyOff(Flow):
    def reconstruction(self, x_0):
        return super().reconstruction(x_0) + 0.03


TWINS = [
    (gaussian.rates_are_derivatives, ClockOffByOne),
    (gaussian.noise_grows, Turning),
    (gaussian.time_inverts_the_noise_level, TimeOfAnotherClock),
    (gaussian.score_is_the_gradient, ScoreWrongSign),
    (gaussian.bound_is_the_likelihood, MissingE),
    (gaussian.bound_is_the_likelihood, MissingHalf),
]


@pytest.mark.parametrize(("check", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(check, twin) -> None:
    assert_caught(check(case(twin)))


def test_every_property_has_a_twin() -> None:
    assert {check for check, _ in TWINS} == set(gaussian.PROPERTIES)


@pytest.mark.slow
def test_many_draws_see_three_hundredths_of_a_nat() -> None:
    kept, broken = (
        gaussian.bound_is_the_likelihood(case_of(process(PLANE), ATOMS, times=(0.5,), draws=100_000))
        for process in (Flow, SlightlyOff)
    )
    assert kept.passed, kept
    assert_caught(broken)


def test_images_have_no_mixture_to_compare_with() -> None:
    atoms = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0))
    one = case_of(rectified_flow(Euclidean((2, 2))), atoms, times=(0.5,))
    assert gaussian.bound_is_the_likelihood(one).passed is None
    assert math.isfinite(gaussian.score_is_the_gradient(one).error)
