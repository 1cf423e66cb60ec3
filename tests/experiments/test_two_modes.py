"""The budget that all methods keep, and the measures they are judged by."""

from __future__ import annotations

import pytest
import torch

from experiments import two_modes
from experiments.at_equal_cost import LAST, METHODS, Problem
from experiments.two_modes import Found, sequential
from unnoise.targets import TwoModes


@pytest.mark.parametrize("name", METHODS)
def test_every_method_spends_what_it_has_and_no_more(name: str, rng: torch.Generator) -> None:
    """But for less than one level of annealing, or what a few more steps of localization would take."""
    budget = 300
    problem = Problem.of(2, budget)
    x = METHODS[name][1](problem, problem.start(20, rng), rng)
    assert x.shape == (20, 2)
    assert 0.95 * budget <= problem.denoiser.calls <= budget


@pytest.mark.parametrize("dimension", two_modes.DIMENSIONS)
def test_sequential_measurements_take_fewer_than_a_thousand_scores(dimension: int, rng: torch.Generator) -> None:
    jumps, samples = sequential(dimension, 3, rng)
    assert jumps.calls < samples.calls <= 1000
    assert jumps.x.shape == samples.x.shape == (3, dimension)


class TestFound:
    def test_exact_draws_have_the_weight_and_the_variance(self, rng: torch.Generator) -> None:
        target = TwoModes(8)
        found = Found(target, target.sample(rng, (4000,)), 0, 0.0)
        (weight, weight_se), (variance, variance_se) = found.weight, found.variance
        assert abs(weight - 0.8) < 4 * weight_se
        assert weight_se == pytest.approx(0.4 / 4000**0.5, rel=0.05)
        assert abs(variance - 1) < 4 * variance_se
        assert variance_se == pytest.approx((2 / 8 / 4000) ** 0.5, rel=0.1)
        assert found.error == pytest.approx(abs(weight - 0.8), abs=1e-6)

    def test_broken_twins_are_seen(self, rng: torch.Generator) -> None:
        target = TwoModes(8)
        even = Found(target, TwoModes(8, weight=0.5).sample(rng, (4000,)), 0, 0.0)
        narrow = Found(target, TwoModes(8, scale=0.9).sample(rng, (4000,)), 0, 0.0)
        assert even.error > 0.25
        assert abs(narrow.variance[0] - 0.81) < 4 * narrow.variance[1]


def test_the_jumps_of_sms_have_the_variance_of_theory(rng: torch.Generator) -> None:
    """And a few exact steps give them that of the target; weights are compared by `make reproduce NAME=two-modes`."""
    jumps, samples = sequential(8, 1500, rng)
    (raw, raw_se), (done, done_se) = jumps.variance, samples.variance
    assert abs(raw - 1 / (1 + LAST**2)) < 0.02 + 4 * raw_se
    assert abs(done - 1) < 0.02 + 4 * done_se
    assert samples.error < 0.004 + 4 * samples.weight[1]
