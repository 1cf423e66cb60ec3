"""Products of spaces: sums over factors, geometry factor by factor, and what is said about wrong points."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from checked import OF_MANIFOLD, OF_SPACE, assert_checked

from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.spaces import Diffusion, Euclidean, ProductManifold, product
from unnoise.testing import ImprobableError, PropertyError, assert_mean, check_space

FLOAT64 = torch.float64
SPACE = product({"a": Euclidean(2), "rest": product({"b": Euclidean(1), "c": Euclidean((1, 2))})})
ONE = Euclidean(5)


@pytest.fixture
def points(rng):
    x = torch.randn(4, 5, generator=rng, dtype=FLOAT64)
    return x, split(x)


def split(x):
    return {"a": x[..., :2], "rest": {"b": x[..., 2:3], "c": x[..., None, 3:]}}


def joined(x):
    return torch.cat([x["a"], x["rest"]["b"], x["rest"]["c"][..., 0, :]], -1)


def test_a_product_of_manifolds_is_one_and_keeps_the_properties(points):
    assert isinstance(SPACE, ProductManifold)
    assert_checked(check_space(SPACE, points[1], draws=4000), OF_SPACE, OF_MANIFOLD)


def test_it_survives_copies_and_files():
    for again in (copy.deepcopy(SPACE), pickle.loads(pickle.dumps(SPACE)), decode(encode(SPACE))):
        assert again == SPACE
        assert type(again) is type(SPACE)


class TestAgainstOneSpaceOfAllNumbers:
    """A product of Euclidean spaces is Euclidean space."""

    def field(self, x):
        return torch.stack([x[..., 1] * x[..., 2], x[..., 0] ** 2, x[..., 2] ** 3, x[..., 4].sin(), x[..., 4]], -1)

    def f(self, x):
        return (x * torch.arange(1, 6)).sum(-1).sin()

    def test_generators(self, points):
        x, parts = points
        local = Diffusion(self.field(x), torch.tensor(0.7, dtype=FLOAT64))
        drift = split(local.drift)
        locals_ = {"a": Diffusion(drift["a"], local.scale), "rest": {}}
        locals_["rest"] = {name: Diffusion(part, local.scale) for name, part in drift["rest"].items()}
        for method in ("apply", "phi"):
            found = getattr(SPACE, method)(locals_, lambda y: self.f(joined(y)), parts)
            torch.testing.assert_close(found, getattr(ONE, method)(local, self.f, x))

    def test_the_price_of_undoing(self, points):
        x, parts = points

        def locals_of(drift):
            return lambda y: _locals(split(drift(joined(y))))

        def _locals(drift):
            if isinstance(drift, dict):
                return {name: _locals(part) for name, part in drift.items()}
            return Diffusion(drift, torch.tensor(0.7, dtype=FLOAT64))

        found = SPACE.implicit(locals_of(lambda y: -y), locals_of(self.field), parts)
        scale = torch.tensor(0.7, dtype=FLOAT64)
        there, back = (lambda y: Diffusion(-y, scale)), (lambda y: Diffusion(self.field(y), scale))
        torch.testing.assert_close(found, ONE.implicit(there, back, x))

    def test_divergence(self, points, rng):
        x, parts = points
        value, divergence = SPACE.divergence(lambda y: split(self.field(joined(y))), parts)
        expected, trace = ONE.divergence(self.field, x)
        torch.testing.assert_close(joined(value), expected)
        torch.testing.assert_close(divergence, trace)
        probes = torch.randn(20_000, 4, 5, generator=rng, dtype=FLOAT64)
        _, estimate = SPACE.divergence(lambda y: split(self.field(joined(y))), parts, split(probes))
        assert_mean(estimate, trace)
        with pytest.raises(ImprobableError):
            assert_mean(estimate, 1.1 * trace)

    def test_geometry(self, points, rng):
        x, parts = points
        v = split(SPACE.dimension * x)
        assert SPACE.dimension == 5
        torch.testing.assert_close(SPACE.distance(parts, SPACE.exp(parts, v)), ONE.distance(x, 6 * x))
        torch.testing.assert_close(SPACE.dot(v, parts), ONE.dot(5 * x, x))
        torch.testing.assert_close(joined(SPACE.gradient(lambda y: self.f(joined(y)), parts)), ONE.gradient(self.f, x))
        assert torch.equal(joined(SPACE.frame(parts)), ONE.frame(x))
        for method in (SPACE.tangent, SPACE.riemannian_gradient):
            assert torch.equal(joined(method(parts, v)), 5 * x)
        assert torch.equal(joined(SPACE.project(parts)), x)
        torch.testing.assert_close(joined(SPACE.log(parts, v)), 4 * x)


def test_parts_with_further_leading_axes_meet_the_others(points):
    """What a factor may ask for: f at many of its own points at once."""
    x = points[1]

    class Enumerating(Euclidean):
        def apply(self, local, f, x):
            return f(torch.stack([x, 2 * x, 3 * x])).sum(0)

    space = product({"a": Enumerating(2), "b": Euclidean(1)})
    local = {"a": None, "b": Diffusion(torch.zeros(4, 1, dtype=FLOAT64), torch.zeros((), dtype=FLOAT64))}
    found = space.apply(local, lambda y: space.features(y).sum(-1), {"a": x["a"], "b": x["rest"]["b"]})
    torch.testing.assert_close(found, 6 * x["a"].sum(-1) + 3 * x["rest"]["b"].sum(-1))


class OneFactorTwice(ProductManifold):
    def apply(self, local, f, x):
        return super().apply(local, f, x) + self.parts["a"].apply(local["a"], lambda y: f({**x, "a": y}), x["a"])


class OneFactorOnly(ProductManifold):
    def divergence(self, field, x, probes=None):
        value, _ = super().divergence(field, x, probes)
        _, divergence = self.parts["a"].divergence(lambda y: field({**x, "a": y})["a"], x["a"], probes and probes["a"])
        return value, divergence


@pytest.mark.parametrize(
    ("twin", "law"),
    [(OneFactorTwice, "small moves follow the generator"), (OneFactorOnly, "the divergence obeys Leibniz's rule")],
)
def test_a_broken_twin_is_caught(twin, law, points):
    with pytest.raises(PropertyError, match=f"BROKEN  {law}"):
        check_space(twin(SPACE.parts), points[1], draws=4000)


BAD = {
    "no dict": (lambda x: x["a"], "got a Tensor; a product expects a dict of points with the names 'a', 'rest'"),
    "missing": (lambda x: {"a": x["a"]}, "without 'rest'"),
    "missing below": (
        lambda x: {**x, "rest": {"b": x["rest"]["b"]}},
        "in 'rest': got a point of a product without 'c'",
    ),
    "unknown": (lambda x: {**x, "z": x["a"]}, "the unknown name 'z'; expected 'a', 'rest'"),
    "a bad part": (lambda x: {**x, "a": x["a"] / 0}, "in 'a': got NaN or infinite values"),
    "lengths": (lambda x: {**x, "a": x["a"][:3]}, "different numbers of points of the factors of a product: {'a': 3"),
}


@pytest.mark.parametrize(("spoil", "message"), BAD.values(), ids=BAD)
def test_what_is_no_point_is_refused_in_one_sentence(spoil, message, points):
    with pytest.raises(InputError, match=message):
        SPACE.check(spoil(points[1]))


def test_a_product_of_nothing_is_refused():
    with pytest.raises(InputError, match="a dict of Space objects by their names, at least one"):
        product({})


def test_langevin_steps_of_a_product_are_those_of_its_most_careful_factor():
    """A factor with a steep slope needs short steps; a longer one would overshoot there."""
    space = product({"gentle": Euclidean(1), "steep": Euclidean(1)})
    one, longest = torch.ones(3, 1), torch.tensor(1e9)
    local = {"gentle": Diffusion(-one, one), "steep": Diffusion(-50 * one, one)}
    steps = {name: space.parts[name].langevin_step(part, 0.1, longest) for name, part in local.items()}
    assert steps["steep"] < 0.01 * steps["gentle"]
    assert space.langevin_step(local, 0.1, longest) == steps["steep"]
    swapped = {"gentle": local["steep"], "steep": local["gentle"]}
    assert space.langevin_step(swapped, 0.1, longest) == steps["steep"]
