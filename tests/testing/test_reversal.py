from __future__ import annotations

import pytest
import torch
from caught import assert_caught
from gaussians import Flow, case

from unnoise._tree import expand
from unnoise.spaces import Diffusion, Jump
from unnoise.testing import reversal


class Bent(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return super().reverse(x_t, stat + 1e-3 * stat**2, t, churn=churn)


class ScaleSeesTheStatistic(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t, churn=churn)
        return Diffusion(local.drift, local.scale + 1e-3 * stat.abs())


class DividesByTime(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t, churn=churn)
        return Diffusion(local.drift / t * t, local.scale)


def with_score(process: Flow, x_t, stat, t, churn: float, factor: float) -> Diffusion:
    """The reverse as the literature writes it, -f x + factor * (1 + c^2) / 2 * g^2 * score."""
    f, _ = process.rates(t)
    scale = process.forward(x_t, t).scale
    score = process.score(x_t, stat, t)
    return Diffusion(-f * x_t + factor * 0.5 * (1 + churn**2) * scale**2 * score, churn * scale)


class Literature(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return with_score(self, x_t, stat, t, churn, 1.0)


class MissingHalf(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return with_score(self, x_t, stat, t, churn, 0.5)


class WrongSign(Flow):
    """+f x, as it is often misprinted."""

    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t, churn=churn)
        f, _ = self.rates(t)
        return Diffusion(local.drift + 2 * f * x_t, local.scale)


class TooLate(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return super().reverse(x_t, stat, t + 0.05, churn=churn)


class ChurnNotSquared(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return Diffusion(
            with_score(self, x_t, stat, t, churn**0.5, 1.0).drift, super().reverse(x_t, stat, t, churn=churn).scale
        )


class TargetOfTheBatch(Flow):
    def target(self, x_0, x_t, t):
        return x_0 - 0.1 * x_0.mean(-2, keepdim=True)


class DecodesWithNoise(Flow):
    def decode(self, x_0, stat, rng):
        return stat + expand(torch.tensor(0.05), stat)


TWINS = [
    (reversal.reverse_is_affine_in_the_statistic, Bent),
    (reversal.reverse_is_affine_in_the_statistic, ScaleSeesTheStatistic),
    (reversal.reverse_is_finite, DividesByTime),
    (reversal.reverse_is_the_time_reversal, MissingHalf),
    (reversal.reverse_is_the_time_reversal, WrongSign),
    (reversal.reverse_is_the_time_reversal, TooLate),
    (reversal.churn_keeps_the_marginals, MissingHalf),
    (reversal.churn_keeps_the_marginals, ChurnNotSquared),
    (reversal.exact_denoiser_is_the_posterior_mean, TargetOfTheBatch),
    (reversal.decoding_reaches_the_data, DecodesWithNoise),
]


@pytest.mark.parametrize(("check", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(check, twin) -> None:
    assert_caught(check(case(twin)))


def test_every_property_has_a_twin() -> None:
    assert {check for check, _ in TWINS} == set(reversal.PROPERTIES)


@pytest.mark.parametrize("check", reversal.PROPERTIES, ids=lambda check: check.__name__)
def test_the_reverse_as_the_literature_writes_it_keeps_the_properties(check) -> None:
    assert check(case(Literature)).passed


def test_characteristics_have_names_at_any_depth() -> None:
    one = torch.ones(1)
    local = {"x": Diffusion(one, 2 * one), "y": {"z": Jump(3 * one)}}
    assert {name: float(leaf) for name, leaf in reversal.characteristics(local).items()} == {
        "x.drift": 1.0,
        "x.scale": 2.0,
        "y.z.rates": 3.0,
    }
