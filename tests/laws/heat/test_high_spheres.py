"""Spheres of any dimension: digits, mass, closed moments, scores and draws, where series cancel and areas underflow."""

from __future__ import annotations

import math
from functools import partial

import exact_kernels
import mpmath as mp
import numpy as np
import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.laws.heat import Jet, concave, sphere_angle
from unnoise.laws.heat.high_spheres import HighSphereAngle
from unnoise.laws.heat.spheres import log_area
from unnoise.testing import ImprobableError, assert_law, assert_mean

FLOAT64 = torch.float64
DIMENSIONS = [1, 2, 3, 4, 10, 30, 63, 100, 127, 300, 1000]
TIMES = [1e-4, 1e-3, 0.01, 0.1, 1.0, 10.0]
NODES, WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(300))
dimensions = pytest.mark.parametrize("dimension", DIMENSIONS)


def number(x):
    return torch.tensor(x, dtype=FLOAT64)


def middle(dimension, time):
    """About the mean of the angle, and ten deviations or more."""
    mean = 2 * math.asin(math.sqrt(-0.5 * math.expm1(-0.5 * dimension * time)))
    return mean, 10 * math.sqrt(min(time, 4 / dimension))


def rule(dimension, time):
    """Angles that hold all the mass, and the weights of a quadrature over the sphere."""
    mean, reach = middle(dimension, time)
    low, high = max(0.0, mean - reach), min(math.pi, mean + reach)
    angle = low + 0.5 * (high - low) * (NODES + 1)
    around = math.log(2) + 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension)
    return angle, around + (dimension - 1) * angle.sin().log() + torch.log(0.5 * (high - low) * WEIGHTS)


def wrong(kernel, time):
    r"""What mass, $E(1 - c)$, the second Gegenbauer moment and $E\nabla\log p\cdot\nabla c = d E c$ are off."""
    d = kernel.dimension
    angle, log_weights = rule(d, time)
    jet, c = kernel.jet(angle, number(time)), angle.cos()
    mass = torch.exp(jet.log + log_weights)
    first = -math.expm1(-0.5 * d * time)
    away = (mass * 2 * torch.sin(0.5 * angle) ** 2).sum() / first - 1
    second = (mass * ((d + 1) * c**2 - 1) / d).sum() - math.exp(-(d + 1) * time)
    score = (mass * jet.slope * angle.sin() ** 2).sum() / d - (1 - first)
    return max(abs(float(part)) for part in (mass.sum() - 1, away, second, score))


@dimensions
def test_mass_moments_and_score(dimension):
    for time in TIMES:
        assert wrong(sphere_angle(dimension), time) < 1e-11, time


class Series(HighSphereAngle):
    """The spectral series alone."""

    def early(self, angle, time):
        return self.series(time).jet(angle.cos())


class Louder(HighSphereAngle):
    def early(self, angle, time):
        jet = super().early(angle, time)
        return Jet(jet.log, jet.slope * (1 + 1e-9), jet.curvature)


def test_broken_twins_have_other_moments():
    assert not wrong(Series(100), 0.01) < 1e-3
    assert wrong(Louder(100), 0.01) > 1e-10


def errors(dimension, angle, time):
    """Of the log density, and relative ones of its derivative in the angle."""
    jet = sphere_angle(dimension).jet(number(angle), number(time))
    log, slope = exact_kernels.log_and_slope(partial(exact_kernels.sphere, dimension), angle, time)
    return abs(float(float(jet.log) - log)), abs(float(-float(jet.slope) * mp.sin(mp.mpf(angle)) / slope - 1))


@pytest.mark.parametrize(
    ("dimension", "angle", "time"),
    [(4, 0.3, 0.1), (4, math.pi - 1e-3, 0.3), (30, 2.5, 0.05), (100, 1.3, 0.02), (1000, 1.2, 0.01)],
)
def test_digits(dimension, angle, time):
    assert max(errors(dimension, angle, time)) < 2e-12


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [4, 10, 63, 300, 1000])
def test_digits_everywhere(dimension):
    """From the middle of the mass to far beyond it, before and after the series takes over."""
    for time in (0.004, 0.02, min(0.4, 20 / dimension)):
        for angle in (1e-3, 1.5, 2.5, math.pi - 1e-3):
            assert max(errors(dimension, angle, time)) < 4e-12, (time, angle)


@pytest.mark.parametrize("dimension", [4, 30, 1000])
def test_derivatives_are_differences(dimension):
    """Of the log density and of the slope, in the cosine, with five points."""
    kernel, h = sphere_angle(dimension), 1e-3
    for time in (1e-4, 1e-3, 3 / dimension):
        mean, reach = middle(dimension, time)
        c = torch.linspace(max(0.02, mean - 0.5 * reach), min(3.1, mean + 0.5 * reach), 7, dtype=FLOAT64).cos()
        step = h * min(math.sqrt(time), 0.1) * (1 - c**2).sqrt()
        places = [kernel.jet((c + k * step).arccos(), number(time)) for k in (-2, -1, 1, 2)]
        here = kernel.jet(c.arccos(), number(time))
        for part, derivative in ((0, here.slope), (1, here.curvature)):
            a, b, e, f = (place[part] - here[part] for place in places)
            difference = (a - 8 * b + 8 * e - f) / (12 * step)
            scale = here.slope.abs() if part == 0 else here.slope.abs() / time
            assert float(((difference - derivative) / scale).abs().max()) < 1e-6, (time, part)


@pytest.mark.parametrize("dimension", [4, 9, 10, 100, 1000])
def test_integral_and_series_meet(dimension):
    kernel, angle = HighSphereAngle(dimension), torch.linspace(0, math.pi, 40, dtype=FLOAT64)
    time = number(kernel.early_until).expand(40)
    pairs = zip(kernel.early(angle, time), kernel.series(time).jet(angle.cos()), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)


@dimensions
def test_no_angle_and_no_time_breaks_it(dimension):
    angle = torch.tensor([0.0, 1e-300, 1e-12, math.pi / 2, math.pi - 1e-12, math.pi], dtype=FLOAT64)
    time = torch.tensor([1e-12, 1e-4, 0.01, 0.1, 0.5, 1.0, 100.0, 1e4], dtype=FLOAT64)[:, None]
    assert all(torch.isfinite(part).all() for part in sphere_angle(dimension).jet(angle, time))


def test_angles_are_taken_in_groups(monkeypatch):
    angle, time = torch.rand(2, 7, 3, generator=torch.Generator().manual_seed(0), dtype=FLOAT64) * 0.1 + 1e-3
    kernel = sphere_angle(30)
    whole = kernel.jet(angle, time)
    monkeypatch.setattr("unnoise.laws.heat.high_spheres.GROUP", 4)
    for one, other in zip(whole, kernel.jet(angle, time), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=0)


def distribution(dimension, time):
    """The distribution function of the angle, by quadrature on a fine grid."""
    mean, reach = middle(dimension, time)
    grid = torch.linspace(max(1e-9, mean - reach), min(math.pi, mean + reach), 2001, dtype=FLOAT64)
    around = math.log(2) + 0.5 * dimension * math.log(math.pi) - math.lgamma(0.5 * dimension)
    log = sphere_angle(dimension).jet(grid, number(time)).log + (dimension - 1) * grid.sin().log() + around
    steps = torch.cat([torch.zeros(1, dtype=FLOAT64), torch.cumulative_trapezoid(log.exp(), grid)])
    return lambda angle: np.interp(angle, grid.numpy(), steps.numpy())


@pytest.mark.parametrize("dimension", [6, 10, 30, 100, 300, 1000])
@pytest.mark.parametrize("factor", [1e-4, 0.3, 2.0, 8.0])
def test_draws_follow_the_density(dimension, factor, rng, monkeypatch):
    """In a few rounds: three in four are kept."""
    monkeypatch.setattr(concave, "MOST_ROUNDS", 16)
    time = factor / dimension
    drawn = sphere_angle(dimension).draw(torch.full((5_000,), time, dtype=FLOAT64), rng)
    assert_law(drawn, distribution(dimension, time))


class Uncut(HighSphereAngle):
    """Draws as if the direction had one dimension less."""

    def _latitude(self, angle, time):
        log, slope = super()._latitude(angle, time)
        return log - angle.sin().log(), slope - angle.cos() / angle.sin()


def test_broken_draws_are_caught(rng):
    times = torch.full((20_000,), 0.003, dtype=FLOAT64)
    for drawn in (Uncut(100).draw(times, rng), sphere_angle(100).draw(1.02 * times, rng)):
        with pytest.raises(ImprobableError):
            assert_law(drawn, distribution(100, 0.003))


@dimensions
def test_draws_at_times_of_their_own(dimension, rng):
    """The cosine against its closed mean, over its closed deviation, at each of many times."""
    d, times = dimension, torch.logspace(-4, 1, 2_000, dtype=FLOAT64)
    drawn = sphere_angle(dimension).draw(times, rng)
    variance = (d * torch.exp(-d * times) * torch.expm1(-times) - torch.expm1(-d * times)) / (d + 1)
    assert_mean((drawn.cos() - torch.exp(-0.5 * d * times)) / variance.sqrt(), 0.0)


def test_time_zero_stays_and_bad_times_are_refused(rng):
    kernel = sphere_angle(50)
    drawn = kernel.draw(torch.tensor([[0.0, 0.1], [0.0, 1e-3]], dtype=FLOAT64), rng)
    assert (drawn == 0).tolist() == [[True, False], [True, False]]
    assert kernel.draw(torch.zeros(3, dtype=FLOAT64), rng).tolist() == [0.0] * 3
    for time in (-1.0, math.nan, math.inf):
        with pytest.raises(NonFiniteError, match="the time of a heat kernel is negative or not finite"):
            kernel.draw(number([0.1, time]), rng)


def test_areas_by_their_logarithms():
    for dimension in (1, 2, 343, 1000):
        half = mp.mpf(dimension + 1) / 2
        assert log_area(dimension) == pytest.approx(float(mp.log(2 * mp.pi**half) - mp.loggamma(half)), rel=1e-14)


def test_a_sphere_of_no_dimension_has_no_kernel():
    with pytest.raises(InputError, match="got dimension = 0; expected a whole number from 1"):
        sphere_angle(0)
