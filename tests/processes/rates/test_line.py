"""Walks on a line and on a circle, against Bessel functions at 50 digits."""

from __future__ import annotations

import mpmath
import pytest
import torch

from unnoise.processes.rates import BirthDeath, Cyclic
from unnoise.processes.rates._line import circle, log_line

FLOAT64 = torch.float64
TIMES = (1e-4, 1e-3, 0.02, 0.3, 1.0, 4.0, 10.0)


def eigen(states, time):
    """P_t(i, j) = (1 + 2 sum_k exp(-4 t sin^2) cos cos) / S, at 400 digits, which is exact enough when tiny."""
    with mpmath.workdps(400):
        t, pi = mpmath.mpf(time), mpmath.pi
        decay = [mpmath.exp(-4 * t * mpmath.sin(pi * k / (2 * states)) ** 2) for k in range(states)]
        waves = [[mpmath.cos(pi * k * (2 * j + 1) / (2 * states)) for j in range(states)] for k in range(states)]
        return [
            [
                (1 + 2 * sum(decay[k] * waves[k][i] * waves[k][j] for k in range(1, states))) / states
                for j in range(states)
            ]
            for i in range(states)
        ]


def largest_error(found, expected, floor=mpmath.mpf(10) ** -290):
    return max(
        abs(mpmath.mpf(float(f)) / e - 1)
        for row, wanted in zip(found, expected, strict=True)
        for f, e in zip(row, wanted, strict=True)
        if e > floor
    )


@pytest.mark.parametrize("time", TIMES)
def test_birth_and_death_keeps_its_digits_however_small(time):
    """1e-8 relative, from t = 1e-4 to 10, down to probabilities of 1e-290."""
    states = 24
    found = BirthDeath(states, normalised=False).row(torch.arange(states), torch.tensor(time, dtype=FLOAT64))
    assert largest_error(found, eigen(states, time)) < 1e-11


@pytest.mark.parametrize("states", [2, 3, 7])
@pytest.mark.parametrize("time", TIMES)
def test_birth_and_death_on_few_states(states, time):
    found = BirthDeath(states, normalised=False).row(torch.arange(states), torch.tensor(time, dtype=FLOAT64))
    assert largest_error(found, eigen(states, time)) < 1e-11


@pytest.mark.parametrize("points", [3, 4, 9, 64])
@pytest.mark.parametrize("time", TIMES)
def test_the_circle_is_the_sum_over_images(points, time):
    with mpmath.workdps(50):
        z = 2 * mpmath.mpf(time)
        images = [
            sum(mpmath.exp(-z) * mpmath.besseli(abs(n + k * points), z) for k in range(-12, 13)) for n in range(points)
        ]
    found = circle(torch.tensor([2 * time], dtype=FLOAT64), points)
    assert largest_error(found, [images]) < 1e-11


@pytest.mark.parametrize("z", [1e-6, 1e-2, 1.0, 30.0, 700.0])
def test_logarithms_of_bessel_functions(z):
    with mpmath.workdps(50):
        expected = [mpmath.log(mpmath.besseli(n, z)) - z for n in range(0, 200, 7)]
    found = log_line(torch.tensor([z], dtype=FLOAT64), 200)[0, ::7]
    for f, e in zip(found, expected, strict=True):
        assert abs(float(f) - float(e)) < 1e-11 * max(1, abs(float(e)))


def test_images_and_series_meet():
    """Just below and above where one takes over from the other."""
    switch = 64**2 / 96
    below, above = circle(torch.tensor([switch * (1 - 1e-12), switch], dtype=FLOAT64), 64)
    torch.testing.assert_close(below, above, rtol=1e-9, atol=0)


def test_no_time_no_move():
    assert torch.equal(BirthDeath(5).row(torch.arange(5), torch.zeros((), dtype=FLOAT64)), torch.eye(5, dtype=FLOAT64))
    assert torch.equal(Cyclic(5).row(torch.arange(5), torch.zeros((), dtype=FLOAT64)), torch.eye(5, dtype=FLOAT64))
