"""What all radial kernels promise: digits, total mass, the heat equation, and draws that follow the density."""

from __future__ import annotations

import math
from functools import partial

import exact_kernels
import numpy as np
import pytest
import torch
from scipy.integrate import quad

from unnoise.laws.heat import Jet, RotationAngle, sphere_angle
from unnoise.laws.heat.spheres import GlobeAngle
from unnoise.testing import ImprobableError, assert_law

FLOAT64 = torch.float64
KERNELS = {
    "circle": (sphere_angle(1), exact_kernels.circle),
    "globe": (sphere_angle(2), exact_kernels.globe),
    "three-sphere": (sphere_angle(3), exact_kernels.three_sphere),
    "rotations": (RotationAngle(), exact_kernels.rotation),
    "five-sphere": (sphere_angle(5), partial(exact_kernels.sphere, 5)),
}
EXACT = {name: pair for name, pair in KERNELS.items() if name != "five-sphere"}
kernels = pytest.mark.parametrize("kernel", [kernel for kernel, _ in KERNELS.values()], ids=KERNELS)
TIMES = [1e-4, 0.02, 0.2, 0.499, 0.501, 3.0, 10.0]
ANGLES = [1e-3, 0.29, 1.0, 2.5, math.pi - 0.05, math.pi - 1e-3]


def number(x):
    return torch.tensor(x, dtype=FLOAT64)


def errors(kernel, exact, angle, time):
    """Relative errors of the log density and of its derivative in the angle, the length of the score."""
    jet = kernel.jet(number(angle), number(time))
    log, slope = exact_kernels.log_and_slope(exact, angle, time)
    found = -float(jet.slope) * math.sin(angle)
    return abs(float((float(jet.log) - log) / log)), abs(float((found - slope) / slope))


@pytest.mark.parametrize("name", [name for name in EXACT if name != "globe"])
def test_digits_of_the_image_sums(name):
    for time in TIMES:
        for angle in ANGLES:
            assert max(errors(*EXACT[name], angle, time)) < 1e-9, (time, angle)


def test_digits_of_the_globe():
    for time, angle in ((0.2, math.pi - 1e-3), (0.499, 2.5), (0.501, 2.5), (10.0, 1.0)):
        assert max(errors(*EXACT["globe"], angle, time)) < 1e-9, (time, angle)


@pytest.mark.slow
def test_digits_of_the_globe_everywhere():
    for time in (1e-3, 0.02, 0.2):
        for angle in ANGLES:
            assert max(errors(*EXACT["globe"], angle, time)) < 1e-9, (time, angle)


@pytest.mark.parametrize("dimension", [4, 5, 8])
def test_digits_of_higher_spheres(dimension):
    """1e-8 up to 2.2 from the start, for any time; and at every angle from the time 0.45 on."""
    exact = partial(exact_kernels.sphere, dimension)
    for time, angle in ((0.03, 0.3), (0.03, 2.2), (0.1, 1.6), (0.1, 2.0), (0.45, 2.9), (3.0, math.pi - 1e-3)):
        jet = sphere_angle(dimension).jet(number(angle), number(time))
        log, slope = exact_kernels.log_and_slope(exact, angle, time)
        assert abs(float(float(jet.log) - log)) < 3e-8, (time, angle)
        assert abs(float(-float(jet.slope) * math.sin(angle) / slope - 1)) < 1e-8, (time, angle)


def test_the_two_definitions_of_the_kernels_agree():
    """The spectral sums and the image sums, in 50 digits: what the constants are."""
    for angle in (0.3, 2.0):
        assert abs(exact_kernels.three_sphere(angle, 0.7) / exact_kernels.sphere(3, angle, 0.7) - 1) < 1e-45
    assert abs(exact_kernels.globe(1.0, 0.299) / exact_kernels.sphere(2, 1.0, 0.299) - 1) < 1e-40


def area_element(kernel, angle):
    """The volume of points per angle."""
    around = 2 * math.pi ** (kernel.dimension / 2) / math.gamma(kernel.dimension / 2)
    element = kernel.log_inverse_jacobian(number(angle)).neg().exp() * number(angle) ** (kernel.dimension - 1)
    return float(element) * around


@kernels
@pytest.mark.parametrize("time", [1e-3, 0.1, 0.49, 0.51, 4.0])
def test_the_total_mass_is_one(kernel, time):
    def mass(angle):
        return float(kernel.jet(number(angle), number(time)).log.exp()) * area_element(kernel, angle)

    last = min(math.pi, 12 * time**0.5)
    total = sum(quad(mass, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in ((0, last / 3), (last / 3, last)))
    assert total == pytest.approx(1, abs=1e-9)


@kernels
@pytest.mark.parametrize("time", [0.05, 0.3, 0.7])
def test_the_heat_equation(kernel, time):
    r"""d log p/dt = (Delta log p + |grad log p|^2) / 2, which ties the two derivatives of the jet to the first part."""
    angle, h = torch.linspace(0.05, 2.2, 9, dtype=FLOAT64), 1e-5
    later, earlier = (kernel.jet(angle, number(time + sign * h)).log for sign in (1, -1))
    jet, sine = kernel.jet(angle, number(time)), angle.sin()
    squared = (jet.slope * sine) ** 2
    period = 2.0 if isinstance(kernel, RotationAngle) else 1.0  # of the Jacobian, (period sin(theta/period))^(d-1)
    cotangent = (kernel.dimension - 1) / period / torch.tan(angle / period)
    laplacian = jet.curvature * sine**2 - jet.slope * angle.cos() - cotangent * jet.slope * sine
    torch.testing.assert_close((later - earlier) / (2 * h), 0.5 * (laplacian + squared), rtol=1e-6, atol=1e-6)


@kernels
def test_no_angle_and_no_time_breaks_it(kernel):
    angle = torch.tensor([0.0, 1e-300, 1e-12, math.pi / 2, math.pi - 1e-12, math.pi], dtype=FLOAT64)
    time = torch.tensor([1e-12, 1e-4, 0.1, 0.5, 1.0, 100.0, 1e4], dtype=FLOAT64)[:, None]
    assert all(torch.isfinite(part).all() for part in kernel.jet(angle, time))


@kernels
def test_every_row_has_its_own_time(kernel):
    angle, time = torch.tensor([0.3, 1.0, 2.0], dtype=FLOAT64), torch.tensor([0.1, 0.9, 0.4], dtype=FLOAT64)
    together = kernel.jet(angle, time)
    for i in range(3):
        for whole, part in zip(together, kernel.jet(angle[i], time[i]), strict=True):
            torch.testing.assert_close(whole[i], part, rtol=1e-14, atol=0)


def distribution(kernel, time):
    """The distribution function of the angle, by quadrature on a fine grid."""
    grid = torch.linspace(1e-9, math.pi, 4001, dtype=FLOAT64)
    around = 2 * math.pi ** (kernel.dimension / 2) / math.gamma(kernel.dimension / 2)
    element = kernel.log_inverse_jacobian(grid).neg().exp() * grid ** (kernel.dimension - 1) * around
    density = kernel.jet(grid, number(time)).log.exp() * element.nan_to_num(0.0)
    steps = torch.cat([torch.zeros(1, dtype=FLOAT64), torch.cumulative_trapezoid(density, grid)])
    return lambda angle: np.interp(angle, grid.numpy(), steps.numpy())


@kernels
@pytest.mark.parametrize("factor", [0.003, 0.4, 0.9, 1.4, 1.6, 4.0])
def test_draws_follow_the_density(kernel, factor, rng):
    time = factor / kernel.spectral_gap
    drawn = kernel.draw(torch.full((20_000,), time, dtype=FLOAT64), rng)
    assert_law(drawn, distribution(kernel, time))
    if factor < 1:  # later the law is nearly uniform at any time
        with pytest.raises(ImprobableError):
            assert_law(drawn, distribution(kernel, 1.1 * time))


@kernels
def test_draws_at_times_of_their_own(kernel, rng):
    times = torch.tensor([0.01, 0.5, 2.0], dtype=FLOAT64).repeat(5000).reshape(5000, 3)
    drawn = kernel.draw(times, rng)
    assert drawn.shape == (5000, 3)
    for column, time in zip(drawn.T, (0.01, 0.5, 2.0), strict=True):
        assert_law(column, distribution(kernel, time))


@kernels
def test_the_bound_of_the_rejection_holds(kernel):
    if isinstance(kernel, GlobeAngle):
        pytest.skip("draws by turning a point, without rejection of its own")
    time = (torch.linspace(0.001, 1.5, 50, dtype=FLOAT64) / kernel.spectral_gap)[:, None]
    excess = kernel.excess(torch.linspace(0, math.pi, 500, dtype=FLOAT64), time)
    assert ((excess.log() - kernel.log_bound(time)).nan_to_num(-1.0) < 1e-9).all()


class Shifted(RotationAngle):
    def early(self, angle, time):
        jet = super().early(angle, time)
        return Jet(jet.log, jet.slope * (1 + 1e-7), jet.curvature)


class Louder(RotationAngle):
    def excess(self, angle, time):
        return super().excess(angle, time) * (1 + 0.1 * angle)

    def log_bound(self, time):
        return super().log_bound(time) + math.log(1 + 0.1 * math.pi)


def test_broken_twins_are_caught(rng):
    assert max(errors(Shifted(), exact_kernels.rotation, 1.0, 0.2)) > 1e-8
    drawn = Louder().draw(torch.full((20_000,), 0.9, dtype=FLOAT64), rng)
    with pytest.raises(ImprobableError):
        assert_law(drawn, distribution(RotationAngle(), 0.9))


def test_many_angles_on_the_globe_are_handled_in_groups(monkeypatch):
    angle, time = torch.rand(2, 7, 3, generator=torch.Generator().manual_seed(0), dtype=FLOAT64) * 0.4
    whole = GlobeAngle().jet(angle, time)
    monkeypatch.setattr("unnoise.laws.heat.spheres.GROUP", 4)
    for one, other in zip(whole, GlobeAngle().jet(angle, time), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=0)
