"""Points in any order are found, and what only looks like it is not; a fit says so in a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated import cube

from unnoise.inference import Simulations, likelihood
from unnoise.inference.exchangeable import point_shape
from unnoise.inference.fitting_likelihood import SETTINGS

N = 3000
RNG = np.random.default_rng(0)
Z = RNG.normal(size=(N, 2))
NOISE = RNG.normal(size=(N, 4, 2))
SPREAD = np.exp(0.5 * Z[:, :1, None])


def series(slope):
    """A stationary one."""
    x = RNG.normal(size=(N, 12))
    for k in range(1, 12):
        x[:, k] = slope * x[:, k - 1] + (1 - slope**2) ** 0.5 * x[:, k]
    return x


ALIKE = {
    "points": ((Z[:, None] + SPREAD * NOISE).reshape(N, 8), (4, 2)),
    "points of two axes": (Z[:, None] + SPREAD * NOISE, (4, 2)),
    "numbers": (Z[:, :1] + RNG.standard_cauchy(size=(N, 6)), (6, 1)),
    "counts": (RNG.poisson(np.exp(Z[:, [0] * 5])), (5, 1)),
}
OTHERS = {
    "one spread wider": (Z[:, None] + SPREAD * NOISE * [[[1.2], [1], [1], [1]]]).reshape(N, 8),
    "a point of another parameter": Z[:, [0, 0, 0, 1]] + NOISE[..., 0],
    "a time series": series(0.4),
    "a trend": Z[:, :1] + 0.2 * np.arange(6) + RNG.normal(size=(N, 6)),
    "two numbers": NOISE[:, 0],
    "a set": NOISE,
    "holes": np.where(NOISE > 1, np.nan, NOISE).reshape(N, 8),
}


@pytest.mark.parametrize("case", ALIKE)
def test_points_are_found(case):
    x, expected = ALIKE[case]
    assert point_shape(Simulations(Z, x), Z) == expected


@pytest.mark.parametrize("case", OTHERS)
def test_others_are_none(case):
    assert point_shape(Simulations(Z, OTHERS[case], 4 if case == "a set" else 1), Z) is None


def test_a_fit_offers_to_learn_of_one_point_and_of_points_says_nothing():
    """An error in these tests; the twin is told them as a set."""
    theta = RNG.uniform(-1, 1, size=(600, 2)).astype(np.float32)
    x = theta[:, None] + RNG.normal(size=(600, 4, 2))
    few = replace(SETTINGS, steps=5)
    with pytest.warns(UserWarning, match=r"x looks like 4 points of 2 numbers each in any order.*observations=4"):
        likelihood(cube(), Simulations(theta, x.reshape(600, 8)), settings=few, components=1)
    likelihood(cube(), Simulations(theta, x, 4), settings=few, components=1)
