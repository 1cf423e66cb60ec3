"""Euclidean space: geometry, differential operators against closed forms, and what it refuses."""

from __future__ import annotations

import itertools

import pytest
import torch

from unnoise._errors import InputError
from unnoise.spaces import Diffusion, Euclidean

SHAPES = {"scalar": (), "vector": (3,), "image": (2, 3)}
FLOAT64 = torch.float64


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def space(request):
    return Euclidean(request.param)


@pytest.fixture
def x(space, rng):
    return torch.randn(5, *space.event_shape, generator=rng, dtype=FLOAT64)


@pytest.fixture
def local(space, x, rng):
    drift = torch.randn(5, *space.event_shape, generator=rng, dtype=FLOAT64)
    scale = (0.5 + torch.rand(5, generator=rng, dtype=FLOAT64)).reshape(5, *(1 for _ in space.event_shape))
    return Diffusion(drift, scale)


def per_row(values, space):
    return values.reshape(len(values), space.dimension).sum(-1)


def test_an_integer_means_a_vector():
    assert Euclidean(3) == Euclidean((3,))
    assert Euclidean(3).dimension == 3
    assert Euclidean((2, 4)).dimension == 8
    assert Euclidean(()).dimension == 1


def test_straight_lines(space, x, rng):
    y = space.noise(x, rng)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    torch.testing.assert_close(space.exp(x, space.log(x, y)), y, rtol=0, atol=1e-14)
    torch.testing.assert_close(space.distance(x, y), per_row((x - y) ** 2, space).sqrt())
    torch.testing.assert_close(space.dot(x, y), per_row(x * y, space))
    assert torch.equal(space.features(x), x)


def test_move_is_the_euler_step(space, x, local):
    law = space.move(x, local, torch.tensor(0.04, dtype=FLOAT64))
    torch.testing.assert_close(law.mean, x + 0.04 * local.drift)
    torch.testing.assert_close(law.scale, 0.2 * local.scale)
    assert law.event_ndim == len(space.event_shape)
    assert law.log_prob(x).shape == (5,)


def test_a_zero_move_stays(space, x, local, rng):
    assert torch.equal(space.move(x, local, torch.zeros((), dtype=FLOAT64)).sample(rng), x)


def test_exact_divergence_of_a_nonlinear_field(space, x):
    matrix = torch.linspace(-1, 1, space.dimension**2, dtype=FLOAT64).reshape(space.dimension, -1)

    def field(y):
        flat = y.reshape(len(y), -1)
        return (flat @ matrix.T + flat**3).reshape(y.shape)

    value, divergence = space.divergence(field, x)
    torch.testing.assert_close(value, field(x))
    torch.testing.assert_close(divergence, matrix.trace() + per_row(3 * x**2, space), rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        value, divergence = space.divergence(field, x)
    assert not value.requires_grad
    assert not divergence.requires_grad


def test_hutchinson_over_all_signs_is_the_exact_divergence(rng):
    """The mean over all 2^d sign vectors has no error at all."""
    space, x = Euclidean(3), torch.randn(4, 3, generator=rng, dtype=FLOAT64)
    mixing = torch.randn(3, 3, generator=rng, dtype=FLOAT64)

    def field(y):
        return torch.sin(y @ mixing)

    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3)), dtype=FLOAT64)
    value, estimates = space.divergence(field, x, signs[:, None].expand(-1, 4, -1))
    assert estimates.shape == (8, 4)
    assert estimates.std(0).min() > 0.01
    torch.testing.assert_close(value, field(x))
    torch.testing.assert_close(estimates.mean(0), space.divergence(field, x)[1], rtol=1e-12, atol=1e-12)


FUNCTIONS = {  # f, its gradient and its Laplacian, as functions of points flattened to (n, d)
    "linear": (lambda y: y.sum(-1), lambda y: torch.ones_like(y), lambda y: torch.zeros(len(y), dtype=FLOAT64)),
    "constant": (lambda y: 0 * y.sum(-1) + 2, torch.zeros_like, lambda y: torch.zeros(len(y), dtype=FLOAT64)),
    "cubic": (lambda y: (y**3).sum(-1), lambda y: 3 * y**2, lambda y: 6 * y.sum(-1)),
    "mixed": (
        lambda y: torch.exp(-0.5 * (y**2).sum(-1)),
        lambda y: -y * torch.exp(-0.5 * (y**2).sum(-1, keepdim=True)),
        lambda y: ((y**2).sum(-1) - y.shape[-1]) * torch.exp(-0.5 * (y**2).sum(-1)),
    ),
}


@pytest.mark.parametrize(("f", "gradient", "laplacian"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_apply_is_the_generator(space, x, local, f, gradient, laplacian):
    flat, drift = x.reshape(5, -1), local.drift.reshape(5, -1)
    expected = (drift * gradient(flat)).sum(-1) + 0.5 * local.scale.reshape(5) ** 2 * laplacian(flat)
    found = space.apply(local, lambda y: f(y.reshape(len(y), -1)), x)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_apply_takes_a_scalar_scale(space, x, local):
    one = Diffusion(local.drift, torch.tensor(0.7, dtype=FLOAT64))
    full = Diffusion(local.drift, torch.full_like(x, 0.7))
    results = [space.apply(each, lambda y: per_row(y**4, space), x) for each in (one, full)]
    torch.testing.assert_close(*results)


def test_phi_is_its_definition(space, x, local):
    """Phi(f) = L f / f - L log f, and half the squared norm of scale * grad log f."""

    def log_f(y):
        return per_row(torch.sin(y) + 0.3 * y**2, space)

    definition = space.apply(local, lambda y: log_f(y).exp(), x) / log_f(x).exp() - space.apply(local, log_f, x)
    gradient = torch.cos(x) + 0.6 * x
    closed = 0.5 * local.scale.reshape(5) ** 2 * per_row(gradient**2, space)
    torch.testing.assert_close(space.phi(local, log_f, x), definition, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(space.phi(local, log_f, x), closed, rtol=1e-12, atol=1e-12)


def test_check_accepts_batches_of_points(space, x):
    space.check(x)
    space.check(x[None].float())


def test_check_names_the_rows_that_are_not_finite(space, x):
    x = x.clone()
    x[3] = torch.nan
    x[4] = torch.inf
    with pytest.raises(InputError, match=r"NaN or infinite values, first at batch index \[\[3\], \[4\]\]"):
        space.check(x)


BAD = {
    "shape": (torch.zeros(5, 2), r"got points of shape \(2,\); Euclidean expects \(3,\)"),
    "no-batch-axis": (torch.zeros(2), r"Euclidean expects \(3,\)"),
    "integers": (torch.zeros(5, 3, dtype=torch.int64), "got torch.int64; Euclidean expects floating point"),
}


@pytest.mark.parametrize(("points", "message"), BAD.values(), ids=BAD)
def test_check_refuses_what_is_no_batch_of_points(points, message):
    with pytest.raises(InputError, match=message):
        Euclidean(3).check(points)


@pytest.mark.parametrize("shape", [0, -1, (2, 0)])
def test_an_empty_axis_is_refused(shape):
    with pytest.raises(InputError, match="expected a whole number from 1"):
        Euclidean(shape)
