from __future__ import annotations

import pytest
import torch
from caught import assert_caught
from gaussians import Flow, case

from unnoise.spaces import Diffusion
from unnoise.testing import kl_rates


class Offset(Flow):
    """An error of the target itself is paid for."""

    def kl_rate(self, stat, target, x_t, t):
        return super().kl_rate(stat, 0.99 * target, x_t, t)


class Negative(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return -super().kl_rate(stat, target, x_t, t)


class Kinked(Flow):
    """A distance in the place of its square."""

    def kl_rate(self, stat, target, x_t, t):
        return super().kl_rate(stat, target, x_t, t).sqrt()


class MissingHalf(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return 2 * super().kl_rate(stat, target, x_t, t)


class HalfTheRate(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return 0.5 * super().kl_rate(stat, target, x_t, t)


class TooLate(Flow):
    def kl_rate(self, stat, target, x_t, t):
        return super().kl_rate(stat, target, x_t, t + 0.02)


class ReverseWrongSign(Flow):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t, churn=churn)
        return Diffusion(-local.drift, local.scale)


class OfTheWrongDimension(Flow):
    def control_variate(self, x_0, x_t, t):
        return super().control_variate(x_0, x_t, t) - 0.5 * self.log_snr_rate(t)


TWINS = [
    (kl_rates.kl_rate_is_least_at_the_target, Offset),
    (kl_rates.kl_rate_is_least_at_the_target, Negative),
    (kl_rates.kl_rate_is_flat_at_the_target, Kinked),
    (kl_rates.kl_rate_is_phi, MissingHalf),
    (kl_rates.kl_rate_is_phi, TooLate),
    (kl_rates.denoising_and_implicit_losses_differ_by_a_constant, MissingHalf),
    (kl_rates.denoising_and_implicit_losses_differ_by_a_constant, ReverseWrongSign),
    (kl_rates.laws_approach_at_the_kl_rate, MissingHalf),
    (kl_rates.laws_approach_at_the_kl_rate, HalfTheRate),
    (kl_rates.laws_approach_at_the_kl_rate, TooLate),
    (kl_rates.control_variate_has_mean_zero, OfTheWrongDimension),
    (kl_rates.bound_is_tight_at_the_exact_denoiser, MissingHalf),
    (kl_rates.bound_is_tight_at_the_exact_denoiser, HalfTheRate),
]


@pytest.mark.parametrize(("check", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(check, twin) -> None:
    assert_caught(check(case(twin)))


def test_every_property_has_a_twin() -> None:
    assert {check for check, _ in TWINS} == set(kl_rates.PROPERTIES)


def test_ism_is_the_formula_of_euclidean_space() -> None:
    """Half the squared score and the divergence of the score, times g^2 (Benton et al. 2024; Hyvarinen 2005)."""
    one, t = case(Flow), torch.tensor(0.45, dtype=torch.float64)
    x = one.noised(t).sample(one.rng("x"), (50,))
    stat = one.exact()(x, t)
    scale = one.process.forward(x, t).scale

    def score(y: torch.Tensor) -> torch.Tensor:
        return one.process.score(y, one.exact()(y, t), t)

    value, laplacian = one.process.space.divergence(score, x)
    expected = scale**2 * (laplacian + 0.5 * value.square().sum(-1))
    torch.testing.assert_close(kl_rates.implicit(one, one.weights, stat, x, t), expected)
