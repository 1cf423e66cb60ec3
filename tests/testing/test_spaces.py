from __future__ import annotations

from functools import partial

import pytest
import torch
from caught import assert_caught
from checked import OF_MANIFOLD, OF_SPACE, assert_checked
from toys import EXAMPLES

from unnoise._errors import InputError
from unnoise.laws import Normal
from unnoise.processes import variance_preserving
from unnoise.spaces import Diffusion, Euclidean
from unnoise.testing import check_space, spaces
from unnoise.testing.case import in_double
from unnoise.testing.manifolds import pulled_home

POINTS = torch.tensor([[0.5, 1.0], [1.0, -0.7], [-0.8, 0.3], [0.1, -0.2]], dtype=torch.float64)
HALF = torch.tensor(0.5, dtype=torch.float64)


def case(space: Euclidean) -> spaces.SpaceCase:
    local = pulled_home(Euclidean(2), POINTS, torch.Generator().manual_seed(0))
    return spaces.SpaceCase(space, POINTS, local, draws=10_000, functions=6, seed=0)


@pytest.mark.parametrize("shape", [(1,), (2,), (2, 3)], ids=str)
def test_euclidean_keeps_the_properties(shape: tuple[int, ...]) -> None:
    points = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    assert_checked(check_space(Euclidean(shape), points), OF_SPACE, OF_MANIFOLD)


def test_euclidean_keeps_the_properties_under_a_process() -> None:
    process = variance_preserving(Euclidean(2))
    check_space(process.space, POINTS, partial(process.forward, t=HALF))


@pytest.mark.parametrize("name", EXAMPLES)
def test_spaces_that_are_not_in_the_package_keep_the_properties(name: str) -> None:
    process, points = EXAMPLES[name]
    local = partial(process.forward, t=HALF)
    families = (OF_SPACE, OF_MANIFOLD) if name == "circle" else (OF_SPACE,)
    assert_checked(check_space(process.space, in_double(points), local, draws=4000), *families)


class Stray(Euclidean):
    def move(self, x, local, dt):
        return Normal(x / 0, local.scale * dt**0.5, 1)


class Accepting(Euclidean):
    def check(self, x):
        pass


class Restless(Euclidean):
    def move(self, x, local, dt):
        return super().move(x, local, dt + 1e-3)


class WrongSign(Euclidean):
    def apply(self, local, f, x):
        return super().apply(Diffusion(-local.drift, local.scale), f, x)


class MissingHalf(Euclidean):
    def apply(self, local, f, x):
        return super().apply(Diffusion(local.drift, local.scale * 2**0.5), f, x)


class ScaleForVariance(Euclidean):
    def move(self, x, local, dt):
        return super().move(x, Diffusion(local.drift, local.scale**2), dt)


class Killed(Euclidean):
    def apply(self, local, f, x):
        return super().apply(local, f, x) - 0.1 * f(x)


class Backwards(Euclidean):
    def apply(self, local, f, x):
        forward = super().apply(local, f, x)
        return 2 * super().apply(Diffusion(local.drift, 0 * local.scale), f, x) - forward


class NegativePhi(Euclidean):
    def phi(self, local, log_f, x):
        return -super().phi(local, log_f, x)


class PhiOfF(Euclidean):
    def phi(self, local, log_f, x):
        return super().phi(local, lambda y: log_f(y).exp(), x)


class PhiMissingHalf(Euclidean):
    def phi(self, local, log_f, x):
        return 2 * super().phi(local, log_f, x)


TWINS = [
    (spaces.moves_stay_in_the_space, Stray),
    (spaces.not_a_number_is_refused, Accepting),
    (spaces.no_time_no_move, Restless),
    (spaces.moves_follow_the_generator, WrongSign),
    (spaces.moves_follow_the_generator, MissingHalf),
    (spaces.moves_follow_the_generator, ScaleForVariance),
    (spaces.generator_is_linear, Killed),
    (spaces.generator_is_markov, Backwards),
    (spaces.phi_is_positive, NegativePhi),
    (spaces.phi_ignores_constants, PhiOfF),
    (spaces.phi_is_defined_by_the_generator, PhiMissingHalf),
]


@pytest.mark.parametrize(("check", "twin"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(check, twin) -> None:
    finding = check(case(twin(2)))
    if twin is Stray:
        assert not finding.passed
    else:
        assert_caught(finding)


def test_every_property_has_a_twin() -> None:
    assert {check for check, _ in TWINS} == set(spaces.PROPERTIES)


def test_a_space_without_a_metric_needs_to_know_what_happens() -> None:
    process, points = EXAMPLES["chain"]
    with pytest.raises(InputError, match="`local` must say what happens"):
        check_space(process.space, points)


class Leaping(Euclidean):
    def move(self, x, local, dt):
        return Normal(x + 1, torch.ones_like(local.scale), 1)


def test_a_move_that_is_never_small_is_refused() -> None:
    with pytest.raises(InputError, match="is `move` continuous"):
        check_space(Leaping(2), POINTS)
