"""The properties of bare generators hold for processes that are right, and each catches a twin that is wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from caught import assert_caught
from checked import OF_GENERATOR, OF_SPACE, assert_checked
from spin_glass import GENERATOR, POINTS, PROCESS, SPACE

from unnoise._errors import InputError
from unnoise.laws import Normal
from unnoise.processes import DiffusionProcess, JumpProcess
from unnoise.spaces import Diffusion, Euclidean, Jump
from unnoise.testing import PropertyError, check_generator, generators

FLOAT64 = torch.float64
START = torch.tensor([[1.0, 0.5], [-1.0, 0.0], [0.3, -1.2]])


def normal(scale=1.0, dimension=2):
    size = torch.tensor(scale, dtype=FLOAT64)
    return lambda n: Normal(torch.zeros(n, dimension, dtype=FLOAT64), size, 1)


def rate(t):
    return 1 + 15 * t


def diffusion(**changes):
    usual = {
        "space": Euclidean(2),
        "drift": lambda x, t: -0.5 * rate(t) * x,
        "scale": lambda t: rate(t).sqrt(),
        "prior_law": normal(),
    }
    return DiffusionProcess(**(usual | changes))


STATIONARY = torch.linalg.matrix_power(torch.matrix_exp(GENERATOR), 64)[0]


def mixing(x, t):
    """The rates of the toy, faster, so that noise ends where its prior says."""
    return 4 * PROCESS.rates(x, t)


@dataclass(frozen=True)
class End:
    """The stationary law of `mixing`, n times."""

    n: int

    def sample(self, rng, shape=()):
        drawn = torch.multinomial(STATIONARY, self.n, replacement=True, generator=rng)
        return POINTS[drawn]

    def log_prob(self, x):
        return STATIONARY.log()[3 * x[..., 0] + x[..., 1]]


def jumps(**changes):
    return JumpProcess(**({"space": SPACE, "rates": mixing, "prior_law": lambda n: End(n)} | changes))


def test_right_processes_keep_all_properties():
    assert not check_generator(diffusion(), START, draws=2000).failed
    assert_checked(check_generator(jumps(), POINTS[::4], draws=2000), OF_GENERATOR, OF_SPACE)


class WrongSign(DiffusionProcess):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = self.forward(x_t, t)
        return Diffusion(local.drift + local.scale**2 * stat, local.scale)


class HalfTheRates(JumpProcess):
    def reverse(self, x_t, stat, t, *, churn=1.0):
        return Jump(0.5 * super().reverse(x_t, stat, t).rates)


class FlatLand(Euclidean):
    """A plane of which only the first direction is tangent."""

    def tangent(self, x, v):
        return v * torch.tensor([1.0, 0.0], dtype=v.dtype)


TWINS = {
    generators.generator_is_finite: (
        diffusion(scale=lambda t: 3 * t),
        jumps(rates=lambda x, t: mixing(x, t) - 6),
        diffusion(drift=lambda x, t: x / t),
    ),
    generators.rows_have_their_own_time: (
        diffusion(drift=lambda x, t: -0.5 * rate(t.mean()) * x),
        diffusion(drift=lambda x, t: -8 * (x - x.mean(0))),
        jumps(rates=lambda x, t: mixing(x, t) * t.max()),
    ),
    generators.drift_is_tangent: (diffusion(space=FlatLand(2)),),
    generators.prior_is_on_the_space: (
        diffusion(prior_law=normal(1.0, 3)),
        diffusion(prior_law=lambda n: normal()(2 * n)),
    ),
    generators.noise_ends_at_the_prior: (
        diffusion(prior_law=normal(1.4)),
        diffusion(drift=lambda x, t: -0.02 * x),
        jumps(rates=lambda x, t: 0.05 * mixing(x, t)),
    ),
    generators.reverse_undoes_the_noise: (WrongSign(**vars(diffusion())), HalfTheRates(**vars(jumps()))),
}


@pytest.mark.parametrize(
    ("check", "twin"),
    [
        pytest.param(check, twin, id=f"{check.__name__}-{i}")
        for check, twins in TWINS.items()
        for i, twin in enumerate(twins)
    ],
)
def test_a_wrong_twin_is_caught(check, twin):
    points = POINTS[::4] if isinstance(twin, JumpProcess) else START.double()
    assert_caught(check(generators.GeneratorCase(twin, points, draws=2000, functions=6, seed=0)))


def test_a_broken_property_raises_with_the_table():
    with pytest.raises(PropertyError, match="BROKEN  noise ends at the prior"):
        check_generator(diffusion(prior_law=normal(1.5)), START, draws=1000)


def test_two_points_are_too_few():
    with pytest.raises(InputError, match="got 2 points; the properties need 3 or more"):
        check_generator(diffusion(), START[:2])
