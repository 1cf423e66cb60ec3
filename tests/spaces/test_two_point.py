"""Heat kernels and geodesic steps as laws on points: digits, moments, symmetry, derivatives."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.laws.heat import radial
from unnoise.spaces import Diffusion, Rotations, Sphere, Torus
from unnoise.testing import ImprobableError, assert_mean, check_law

FLOAT64 = torch.float64
SPACES = {"globe": Sphere(2), "three-sphere": Sphere(3), "five-sphere": Sphere(5), "rotations": Rotations()}
spaces = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


def number(x):
    return torch.tensor(x, dtype=FLOAT64)


def points(space, rng, n=6):
    return space.draw_uniform((n,), rng)


@spaces
@pytest.mark.parametrize("time", [0.05, 0.45, 2.0])
def test_the_mean_of_the_cosine(space, time, rng):
    """E cos theta = e^{-d t/2} on spheres, and E[1 + 2 cos omega] = 3 e^{-t} for rotations."""
    x_0 = points(space, rng, 1)[0]
    cosine = space.cosine(space.heat(x_0, number(time)).sample(rng, (40_000,)), x_0)
    wanted = math.exp(-space.spectral_gap * time)
    if isinstance(space, Rotations):
        wanted = 0.5 * (3 * wanted - 1)
    assert_mean(cosine, wanted)
    with pytest.raises(ImprobableError):
        assert_mean(cosine, 0.95 * wanted if time < 1 else wanted + 0.05)


@spaces
def test_the_semigroup(space, rng):
    """Two steps of times s and t are one step of time s + t: the law of the angle agrees."""
    x_0 = points(space, rng, 1).expand(20_000, *space.event_shape)
    there = space.heat(space.heat(x_0, number(0.2)).sample(rng), number(0.35)).sample(rng)
    direct = space.heat(x_0, number(0.55)).sample(rng)
    for power in (1, 2, 3):
        one, other = (space.cosine(x, x_0) ** power for x in (there, direct))
        assert_mean(one - other)


@spaces
def test_the_score_is_the_gradient(space, rng):
    x_0, x = points(space, rng), points(space, rng)
    for time in (0.01, 0.3, 1.0):
        kernel = space.heat(x_0, number(time))
        torch.testing.assert_close(kernel.score(x), space.gradient(kernel.log_prob, x).detach(), rtol=1e-10, atol=1e-10)


@spaces
def test_the_score_is_the_slope_of_the_density(space, rng):
    x_0 = points(space, rng)
    kernel = space.heat(x_0, number(0.3))
    x = kernel.sample(rng)
    v = space.noise(x, rng)
    forward, backward = (kernel.log_prob(space.exp(x, sign * 1e-5 * v)) for sign in (1, -1))
    slope = space.dot(kernel.score(x), v)
    torch.testing.assert_close((forward - backward) / 2e-5, slope, rtol=1e-6, atol=1e-6)


@spaces
def test_the_divergence_of_the_score(space, rng):
    """Along geodesics: the mean of second differences over the frame."""
    x_0 = points(space, rng)
    kernel, h = space.heat(x_0, number(0.3)), 1e-4
    x = kernel.sample(rng)
    _, found = space.divergence(kernel.score, x)
    middle = kernel.log_prob(x)
    second = sum(
        (kernel.log_prob(space.exp(x, h * v)) + kernel.log_prob(space.exp(x, -h * v)) - 2 * middle) / h**2
        for v in space.frame(x)
    )
    torch.testing.assert_close(found, second, rtol=1e-5, atol=1e-4)


@spaces
def test_nothing_breaks_at_the_start_and_at_the_cut_locus(space, rng):
    x_0 = points(space, rng, 1)[0]
    direction = space.frame(x_0)[0]
    x = torch.stack([x_0, space.exp(x_0, math.pi * direction), space.exp(x_0, (math.pi - 1e-9) * direction)])
    for time in (1e-4, 0.3, 5.0):
        kernel = space.heat(x_0, number(time))
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(kernel.log_prob(y).sum(), y, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), y)
        for values in (kernel.log_prob(x), kernel.score(x), slope, curvature):
            assert torch.isfinite(values).all()


def exact_angle(x, y):
    """Between the rays of two vectors, in 50 digits."""
    with mp.workdps(50):
        a, b = ([mp.mpf(float(value)) for value in row] for row in (x, y))
        size_a, size_b = (mp.sqrt(mp.fsum(value**2 for value in row)) for row in (a, b))
        chord, sum_ = (
            mp.sqrt(mp.fsum((p / size_a + sign * q / size_b) ** 2 for p, q in zip(a, b, strict=True)))
            for sign in (-1, 1)
        )
        return 2 * mp.atan2(chord, sum_)


@pytest.mark.parametrize("rest", [1.0, 0.05, 1e-3])
@pytest.mark.parametrize("time", [1e-4, 0.1])
def test_digits_from_coordinates_to_the_score(rest, time, rng):
    """On the three-sphere, to within 1e-3 of the antipode."""
    space = Sphere(3)
    x_0 = points(space, rng, 1)[0]
    x = space.turned(x_0, number(math.pi - rest), rng)
    kernel = space.heat(x_0, number(time))
    with mp.workdps(50):
        angle, t = exact_angle(x, x_0), mp.mpf(time)
        places = [angle + 2 * mp.pi * n for n in range(-9, 10)]
        weights = [place * mp.exp(-(place**2) / (2 * t)) for place in places]
        total = mp.fsum(weights)
        log = mp.log(mp.exp(t / 2) * total / mp.sin(angle) / (2 * mp.pi * t) ** mp.mpf(1.5))
        change = mp.fsum((1 - place**2 / t) * mp.exp(-(place**2) / (2 * t)) for place in places) / total
        slope = abs(change - mp.cot(angle))
        score = kernel.score(x)
        assert abs(float((float(kernel.log_prob(x)) - log) / log)) < 1e-8
        assert abs(float(float(space.dot(score, score).sqrt()) / slope - 1)) < 1e-8


@spaces
def test_the_kernel_is_symmetric_and_invariant(space, rng):
    x, y, time = points(space, rng), points(space, rng), number(0.3)
    one, other = space.heat(x, time).log_prob(y), space.heat(y, time).log_prob(x)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    if isinstance(space, Rotations):
        g = points(space, rng, 1)
        for left, right in ((g @ x, g @ y), (x @ g, y @ g)):
            torch.testing.assert_close(space.heat(left, time).log_prob(right), one, rtol=1e-11, atol=1e-11)


@spaces
def test_batches_broadcast_and_single_precision_stays(space, rng):
    x_0, x = points(space, rng, 4), points(space, rng, 5)
    times = torch.linspace(0.01, 3, 5, dtype=FLOAT64)
    kernel = space.heat(x_0[None], times[:, None])
    table, scores = kernel.log_prob(x[:, None]), kernel.score(x[:, None])
    assert table.shape == (5, 4)
    assert scores.shape == (5, 4, *space.event_shape)
    torch.testing.assert_close(table[2, 3], space.heat(x_0[3], times[2]).log_prob(x[2]), rtol=1e-12, atol=1e-12)
    assert kernel.sample(rng, (2,)).shape == (2, 5, 4, *space.event_shape)
    low = space.heat(x_0.float(), torch.tensor(0.1))
    for values in (low.sample(rng), low.log_prob(x_0.float()), low.score(x_0.float())):
        assert values.dtype == torch.float32


@spaces
def test_a_geodesic_step_follows_its_density(space, rng):
    """Against the heat kernel of the same width from where the step leads."""
    x = points(space, rng, 1)[0]
    drift, scale = 0.5 * space.noise(x, rng), number(0.5)
    law = space.move(x, Diffusion(drift, scale), number(1.0))
    check_law(law, space.heat(space.exp(x, drift), number(0.3)), features=space.features, draws=4000)


@pytest.mark.parametrize("space", [Sphere(1), Sphere(2), Sphere(3), Sphere(7), Rotations(), Torus(2)], ids=str)
def test_at_time_zero_a_draw_is_the_point_itself(space):
    """Also where the noise of a draw is that of the points, from one seed."""
    first, second = (torch.Generator().manual_seed(0) for _ in range(2))
    x = space.draw_uniform((3,), first)
    torch.testing.assert_close(space.heat(x, number(0.0)).sample(second), x, rtol=0, atol=1e-15)
    mixed = space.heat(x, number([0.0, 1.0, 0.0])).sample(second)
    assert (mixed == x).flatten(1).all(1).tolist() == [True, False, True] or isinstance(space, Torus)


@pytest.mark.parametrize("space", [Sphere(1), Sphere(2), Sphere(3), Sphere(7), Rotations(), Torus(2)], ids=str)
@pytest.mark.parametrize("time", [-1.0, math.nan, math.inf, -math.inf, [0.5, -0.5, 0.5]])
def test_times_that_are_none_are_refused_at_once(space, time, rng):
    x = space.draw_uniform((3,), rng)
    with pytest.raises(InputError, match=r"got time = .*; expected finite times, 0 or later"):
        space.heat(x, number(time))


def test_a_time_that_is_no_tensor_is_refused(rng):
    with pytest.raises(InputError, match=r"got time = 0\.5; expected a tensor"):
        Sphere(2).heat(points(Sphere(2), rng), 0.5)


@pytest.mark.parametrize("time", [-1.0, math.nan, math.inf])
def test_rejection_never_begins_for_a_time_that_is_none(time, rng):
    with pytest.raises(NonFiniteError, match="the time of a heat kernel is negative or not finite"):
        Sphere(3).radial.draw(number([0.1, time]), rng)


def test_rejection_ends_where_nothing_is_ever_kept(monkeypatch, rng):
    monkeypatch.setattr(radial, "MOST_ROUNDS", 3)
    monkeypatch.setattr(radial.Radial, "_walk", lambda self, t, normals: (normals[:, 0], torch.zeros_like(t)))
    with pytest.raises(NonFiniteError, match=r"3 rounds kept no draw from a heat kernel at time 0\.1"):
        Sphere(3).radial.draw(number([0.1]), rng)


HIGH = pytest.mark.parametrize("dimension", [30, 100, 1000])


@HIGH
def test_draws_on_high_spheres_have_the_closed_moments(dimension, rng):
    """Each row at its own time: the cosine, and a coordinate across, which is one of d alike."""
    space, d = Sphere(dimension), dimension
    x_0, times = points(space, rng, 1_000), torch.logspace(-4, 0, 1_000, dtype=FLOAT64)
    x = space.heat(x_0, times).sample(rng)
    space.check(x)
    variance = (d * torch.exp(-d * times) * torch.expm1(-times) - torch.expm1(-d * times)) / (d + 1)
    assert_mean((space.cosine(x, x_0) - torch.exp(-0.5 * d * times)) / variance.sqrt(), 0.0)
    across = space.project(space.noise(x_0, rng))
    squared = -d * torch.expm1(-(d + 1) * times) / (d + 1)  # the mean of sin^2
    share = space.dot(across, x) ** 2 / (squared / d)
    assert_mean(share, 1.0)
    with pytest.raises(ImprobableError):
        assert_mean(2 * share, 1.0)


@HIGH
@pytest.mark.parametrize("dtype", [torch.float32, FLOAT64])
def test_scores_on_high_spheres_are_differences_along_geodesics(dimension, dtype, rng):
    space, n, h = Sphere(dimension), 20, 1e-5
    times = torch.logspace(-4, math.log10(3 / dimension), n, dtype=FLOAT64)
    x_0 = points(space, rng, n).to(dtype)
    kernel = space.heat(x_0, times)
    x = kernel.sample(rng)
    exact = space.heat(x_0.double(), times)
    x_64 = space.project(x.double())
    v = space.log(x_64, x_0.double())
    v = v / space.dot(v, v).sqrt()[:, None]
    step = h * times.sqrt()[:, None]
    ahead, behind = (exact.log_prob(space.project(space.exp(x_64, sign * step * v))) for sign in (1, -1))
    slope = (ahead - behind) / (2 * step[:, 0])
    found = space.dot(kernel.score(x).double(), v)
    torch.testing.assert_close(found, slope, rtol=1e-4, atol=0)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(1.001 * found, slope, rtol=1e-4, atol=0)


@pytest.mark.parametrize("dimension", [2, 300])
def test_a_geodesic_step_is_a_normal_law_over_the_jacobian(dimension):
    """Far from the start, where in many dimensions the Jacobian is e^{235}."""
    space, scale = Sphere(dimension), number(0.1)
    x = torch.eye(dimension + 1, dtype=FLOAT64)[0]
    y = space.exp(x, 2.0 * torch.eye(dimension + 1, dtype=FLOAT64)[1])
    found = space.move(x, Diffusion(torch.zeros_like(x), scale), number(1.0)).log_prob(y)
    wanted = -200 - dimension * math.log(0.1 * math.sqrt(2 * math.pi))
    wanted += (dimension - 1) * math.log(2 / math.sin(2))
    assert float(found) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("space", [Sphere(1), Sphere(2), Sphere(3), Rotations()], ids=repr)
@pytest.mark.parametrize("time", [0.05, 0.4, 2.0])
def test_the_log_density_has_its_slope_in_the_time(space, time):
    """By the heat equation, beside central differences; at angles between the point itself and its cut locus."""
    rng = torch.Generator().manual_seed(0)
    centre, x = space.uniform(6).sample(rng), space.uniform(6).sample(rng)
    x[0] = centre[0]
    times = torch.full((6,), time, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(space.heat(centre, times).log_prob(x).sum(), times)
    later, earlier = (space.heat(centre, times.detach() * (1 + step)).log_prob(x) for step in (1e-5, -1e-5))
    torch.testing.assert_close(slope, (later - earlier) / (2e-5 * time), rtol=1e-6, atol=1e-6)
