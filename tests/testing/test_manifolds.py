from __future__ import annotations

import pytest
import torch
from caught import assert_caught

from unnoise.spaces import Diffusion, Euclidean, Torus
from unnoise.testing import check_space, manifolds

POINTS = torch.tensor([[0.5, 1.0], [1.0, -0.7], [-0.8, 0.3], [0.1, -0.2]], dtype=torch.float64)


def case(space: Euclidean) -> manifolds.ManifoldCase:
    local = manifolds.pulled_home(Euclidean(2), POINTS, torch.Generator().manual_seed(0))
    return manifolds.ManifoldCase(space, POINTS, local, draws=4000, functions=6, seed=0)


def test_a_curved_line_keeps_the_properties() -> None:
    check_space(Torus(1), torch.tensor([[0.3], [2.0], [-1.5]]))


class LogBackwards(Euclidean):
    def log(self, x, y):
        return x - y


class SquaredDistance(Euclidean):
    def distance(self, x, y):
        return super().distance(x, y) ** 2


class OneWay(Euclidean):
    def distance(self, x, y):
        return super().distance(x, y) + 0.1 * (y - x).sum(-1)


class Louder(Euclidean):
    def noise(self, x, rng):
        return 1.1 * super().noise(x, rng)


class HalfTrace(Euclidean):
    def divergence(self, field, x, probes=None):
        value, divergence = super().divergence(field, x, probes)
        return value, 0.5 * divergence


class HalfEstimate(Euclidean):
    def divergence(self, field, x, probes=None):
        value, divergence = super().divergence(field, x, probes)
        return value, divergence if probes is None else 0.5 * divergence


class Against(Euclidean):
    def move(self, x, local, dt):
        return super().move(x, Diffusion(-local.drift, local.scale), dt)


class MissingHalf(Euclidean):
    def move(self, x, local, dt):
        return super().move(x, Diffusion(local.drift, local.scale * 2**0.5), dt)


TWINS = [
    (manifolds.log_inverts_exp, LogBackwards),
    (manifolds.distance_is_the_length_of_log, SquaredDistance),
    (manifolds.distance_is_a_metric, OneWay),
    (manifolds.noise_is_standard_normal, Louder),
    (manifolds.hutchinson_is_unbiased, HalfEstimate),
    (manifolds.divergence_obeys_leibniz, HalfTrace),
    (manifolds.moves_follow_the_drift, Against),
    (manifolds.moves_spread_as_the_scale, MissingHalf),
]


@pytest.mark.parametrize(("check", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(check, twin) -> None:
    assert check(case(Euclidean(2))).passed
    assert_caught(check(case(twin(2))))


def test_every_property_has_a_twin() -> None:
    assert {check for check, _ in TWINS} == set(manifolds.PROPERTIES)
