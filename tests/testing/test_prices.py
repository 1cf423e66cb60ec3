from __future__ import annotations

import pytest
import torch
from caught import assert_caught
from gaussians import Flow, case

from unnoise.spaces import Diffusion
from unnoise.testing import prices


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


class FluctuationOfTheWrongDimension(Flow):
    def control_variate(self, x_0, x_t, t):
        return super().control_variate(x_0, x_t, t) - 0.5 * self.log_snr_rate(t)


TWINS = [
    (prices.price_is_least_at_the_target, Offset),
    (prices.price_is_least_at_the_target, Negative),
    (prices.price_is_flat_at_the_target, Kinked),
    (prices.price_is_phi, MissingHalf),
    (prices.price_is_phi, TooLate),
    (prices.denoising_and_implicit_prices_differ_by_a_constant, MissingHalf),
    (prices.denoising_and_implicit_prices_differ_by_a_constant, ReverseWrongSign),
    (prices.divergence_decays_at_the_price, MissingHalf),
    (prices.divergence_decays_at_the_price, HalfTheRate),
    (prices.divergence_decays_at_the_price, TooLate),
    (prices.fluctuation_has_mean_zero, FluctuationOfTheWrongDimension),
    (prices.bound_is_tight_at_the_exact_denoiser, MissingHalf),
    (prices.bound_is_tight_at_the_exact_denoiser, HalfTheRate),
]


@pytest.mark.parametrize(("law", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(law, twin) -> None:
    assert_caught(law(case(twin)))


def test_every_law_has_a_twin() -> None:
    assert {law for law, _ in TWINS} == set(prices.LAWS)


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
    torch.testing.assert_close(prices.implicit(one, one.weights, stat, x, t), expected)
