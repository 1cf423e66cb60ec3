from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from caught import assert_caught
from gaussians import Flow, case

from unnoise.laws import Normal
from unnoise.spaces import Diffusion
from unnoise.testing import kernels


@dataclass(frozen=True)
class TooNarrow(Normal):
    """Draws with a smaller width than its density has."""

    def sample(self, rng, shape=()):
        return Normal(self.mean, 0.9 * self.scale, self.event_ndim).sample(rng, shape)


@dataclass(frozen=True)
class MissingConstant(Normal):
    def log_prob(self, x):
        return super().log_prob(x) + 0.5 * math.log(2 * math.pi)


class NarrowKernel(Flow):
    def marginal(self, x_0, t):
        law = super().marginal(x_0, t)
        return TooNarrow(law.mean, law.scale, law.event_ndim)


class PriorOfAnotherMeasure(Flow):
    def prior(self, n):
        law = super().prior(n)
        return MissingConstant(law.mean, law.scale, law.event_ndim)


class ForwardMissingTwo(Flow):
    """g^2 = sigma^2 (h - f)."""

    def forward(self, x, t):
        local = super().forward(x, t)
        return Diffusion(local.drift, local.scale / 2**0.5)


class ForwardWrongSign(Flow):
    def forward(self, x, t):
        local = super().forward(x, t)
        return Diffusion(-local.drift, local.scale)


class ForwardTooLate(Flow):
    def forward(self, x, t):
        return super().forward(x, t + 0.05)


class StartsLate(Flow):
    def marginal(self, x_0, t):
        return super().marginal(x_0, t + 0.05)


class WidePrior(Flow):
    def prior(self, n):
        law = super().prior(n)
        return Normal(law.mean, 1.2 * law.scale, law.event_ndim)


class NarrowBridge(Flow):
    def bridge(self, x_0, x_t, t, s, *, churn=1.0):
        law = super().bridge(x_0, x_t, t, s, churn=churn)
        return TooNarrow(law.mean, law.scale, law.event_ndim)


class BridgeWithTheWrongIndex(Flow):
    """The posterior mean as it is often misprinted: alpha_t in the place of alpha_s."""

    def bridge(self, x_0, x_t, t, s, *, churn=1.0):
        law = super().bridge(x_0, x_t, t, s, churn=churn)
        (alpha_t, _), (alpha_s, _) = self.alpha_sigma(t), self.alpha_sigma(s)
        return Normal(law.mean + (alpha_t - alpha_s) * x_0, law.scale, law.event_ndim)


class BridgeWithoutNoise(Flow):
    """DDIM's bridge: it keeps the marginals, and is that of no Markov process."""

    def bridge(self, x_0, x_t, t, s, *, churn=1.0):
        return super().bridge(x_0, x_t, t, s, churn=0.7 * churn)


TWINS = [
    (kernels.kernel_samples_follow_its_density, NarrowKernel),
    (kernels.kernel_and_prior_share_a_measure, PriorOfAnotherMeasure),
    (kernels.kernel_solves_the_forward_equation, ForwardMissingTwo),
    (kernels.kernel_solves_the_forward_equation, ForwardWrongSign),
    (kernels.kernel_solves_the_forward_equation, ForwardTooLate),
    (kernels.noising_starts_at_the_data, StartsLate),
    (kernels.noising_ends_at_the_prior, WidePrior),
    (kernels.bridge_samples_follow_their_density, NarrowBridge),
    (kernels.bridge_keeps_the_marginals, BridgeWithTheWrongIndex),
    (kernels.bridge_is_markov, BridgeWithTheWrongIndex),
    (kernels.bridge_is_markov, BridgeWithoutNoise),
]


@pytest.mark.parametrize(("check", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(check, twin) -> None:
    assert_caught(check(case(twin)))


def test_every_property_has_a_twin() -> None:
    assert {check for check, _ in TWINS} == {*kernels.PROPERTIES, *kernels.BRIDGE_PROPERTIES}


def test_a_bridge_with_less_noise_keeps_the_marginals() -> None:
    assert kernels.bridge_keeps_the_marginals(case(BridgeWithoutNoise)).passed


def test_time_derivative() -> None:
    t = torch.tensor(0.3, dtype=torch.float64)
    assert float(kernels.time_derivative(torch.sin, t)) == pytest.approx(math.cos(0.3), rel=1e-8)
