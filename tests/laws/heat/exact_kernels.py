"""The heat kernels in 50 and more digits, straight from their definitions: nothing here is shared with the package."""

from __future__ import annotations

import mpmath as mp

mp.mp.dps = 50


def circle(angle, time):
    return mp.fsum(mp.exp(-((angle + 2 * mp.pi * n) ** 2) / (2 * time)) for n in range(-9, 10)) / mp.sqrt(
        2 * mp.pi * time
    )


def three_sphere(angle, time):
    terms = (_over_sine(angle, n, 1) * mp.exp(-((angle + 2 * mp.pi * n) ** 2) / (2 * time)) for n in range(-9, 10))
    return mp.exp(time / 2) * mp.fsum(terms) / (2 * mp.pi * time) ** mp.mpf(1.5)


def rotation(angle, time):
    terms = (
        (-1) ** n * _over_sine(angle, n, 2) * mp.exp(-((angle + 2 * mp.pi * n) ** 2) / (2 * time))
        for n in range(-9, 10)
    )
    return mp.exp(time / 8) * mp.fsum(terms) / (2 * mp.pi * time) ** mp.mpf(1.5)


def _over_sine(angle, n, divisor):
    return (angle + 2 * mp.pi * n) / divisor / mp.sin(angle / divisor)


def globe(angle, time):
    """The mean of rotations over a circle, by adaptive quadrature; the spectral sum where that has few terms."""
    if time >= 0.3:
        return sphere(2, angle, time)
    pieces = mp.linspace(0, mp.pi / 2, 4 + int(1.5 / mp.sqrt(time)) if time < 0.1 else 4)
    total = mp.quad(lambda a: rotation(2 * mp.acos(mp.cos(angle / 2) * mp.cos(a)), time), pieces)
    return 4 * total  # 8 pi^2 / (4 pi) times 2 / pi


def sphere(dimension, angle, time):
    """The series in Gegenbauer polynomials, with as many digits as it takes."""
    digits = mp.mp.dps + int(2.2 / time)
    with mp.workdps(digits):
        cosine, time = mp.cos(angle), mp.mpf(time)
        half = mp.mpf(dimension - 1) / 2
        before, now, total, degree = mp.mpf(1), 2 * half * cosine, mp.mpf(1), 1
        while True:
            decay = mp.exp(-mp.mpf(degree) * (degree + dimension - 1) * time / 2)
            total += (degree + half) / half * decay * now
            if decay * degree**dimension < mp.mpf(10) ** -digits:
                return total * mp.gamma(mp.mpf(dimension + 1) / 2) / (2 * mp.pi ** (mp.mpf(dimension + 1) / 2))
            following = (2 * (degree + half) * cosine * now - (degree + 2 * half - 1) * before) / (degree + 1)
            before, now, degree = now, following, degree + 1


def log_and_slope(kernel, angle, time):
    """The log density and its derivative in the angle."""
    step = mp.mpf(10) ** -15
    angle, time = mp.mpf(angle), mp.mpf(time)
    left, right = (mp.log(kernel(angle + sign * step, time)) for sign in (-1, 1))
    return mp.log(kernel(angle, time)), (right - left) / (2 * step)
