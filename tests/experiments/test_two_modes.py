"""The budget that all methods keep, and the measures they are judged by."""

from __future__ import annotations

import math

import pytest
import torch

from experiments import two_modes
from experiments.at_equal_cost import LAST, METHODS, Problem
from experiments.two_modes import Found, sequential
from unnoise.targets import TwoModes
from unnoise.testing import ImprobableError, assert_probable


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


def assert_near(found: tuple[float, float], truth: float, tolerance: float = 0.0) -> None:
    """Fail unless a value with its standard error has the mean `truth`, up to a bias."""
    z = max(0.0, abs(found[0] - truth) - tolerance) / found[1]
    assert_probable(math.erfc(z / math.sqrt(2)), f"{found[0]} has the mean {truth}")


class TestFound:
    def test_exact_draws_have_the_weight_and_the_variance(self, rng: torch.Generator) -> None:
        target = TwoModes(8)
        found = Found(target, target.sample(rng, (4000,)), 0, 0.0)
        assert_near(found.weight, 0.8)
        assert found.weight[1] == pytest.approx(0.4 / 4000**0.5, rel=0.05)
        assert_near(found.variance, 1.0)
        assert found.variance[1] == pytest.approx((2 / 8 / 4000) ** 0.5, rel=0.1)
        assert found.error == pytest.approx(abs(found.weight[0] - 0.8), abs=1e-6)

    def test_broken_twins_are_seen(self, rng: torch.Generator) -> None:
        target = TwoModes(8)
        even = Found(target, TwoModes(8, weight=0.5).sample(rng, (4000,)), 0, 0.0)
        narrow = Found(target, TwoModes(8, scale=0.9).sample(rng, (4000,)), 0, 0.0)
        assert even.error > 0.25
        assert_near(narrow.variance, 0.81)
        for value, truth in ((even.weight, 0.8), (narrow.variance, 1.0)):
            with pytest.raises(ImprobableError):
                assert_near(value, truth)


def test_the_jumps_of_sms_have_the_variance_of_theory(rng: torch.Generator) -> None:
    """And a few exact steps give them that of the target; weights are compared by `make reproduce NAME=two-modes`."""
    jumps, samples = sequential(8, 1500, rng)
    bias = 0.02  # of the steps of the chains
    assert_near(jumps.variance, 1 / (1 + LAST**2), bias)
    assert_near(samples.variance, 1.0, bias)
    assert_near(samples.weight, 0.8, 0.004)
