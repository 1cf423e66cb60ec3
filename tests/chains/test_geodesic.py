"""Geodesic chains keep known laws on curved spaces, up to their step."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Density, Field, Geodesic, Langevin, run
from unnoise.spaces import Euclidean, Rotations, Sphere, Torus
from unnoise.testing import ImprobableError, assert_law, assert_mean


def test_on_flat_space_it_is_langevin():
    target = Density(lambda x: -0.5 * (x**2).sum(1), Euclidean(2))
    found = [
        run(kernel, torch.ones(5, 2), 3, torch.Generator().manual_seed(0)).x
        for kernel in (Geodesic(target, 0.1), Langevin(target, 0.1))
    ]
    torch.testing.assert_close(*found)


KAPPA = 3.0


def heights(step_size):
    target = Density(lambda x: KAPPA * x[:, 2], Sphere(2))
    start = Sphere(2).uniform(8000).sample(torch.Generator().manual_seed(1)).float()
    return run(Geodesic(target, step_size), start, int(2 / step_size), torch.Generator().manual_seed(0)).x[:, 2]


def von_mises_fisher(z):
    """The height z has a density proportional to exp(kappa z)."""
    below, above = math.exp(-KAPPA), math.exp(KAPPA)
    return (torch.exp(KAPPA * z) - below) / (above - below)


def test_von_mises_fisher_on_the_sphere():
    assert_law(heights(0.02), von_mises_fisher)


def test_a_coarse_step_is_seen():
    with pytest.raises(ImprobableError):
        assert_law(heights(0.8), von_mises_fisher)


def assert_von_mises(step_size, rng):
    from scipy.special import i0, i1

    target = Density(lambda x: 2 * torch.cos(x).sum(1), Torus(1))
    x = run(Geodesic(target, step_size), torch.zeros(8000, 1), int(2 / step_size), rng).x
    target.space.check(x)
    assert_mean(torch.cos(x), i1(2) / i0(2), tolerance=0.005)  # what a step of 0.02 may shift


def test_von_mises_on_the_torus(rng):
    assert_von_mises(0.02, rng)
    with pytest.raises(ImprobableError):
        assert_von_mises(0.5, rng)


def test_rotations_stay_rotations(rng):
    space = Rotations()
    target = Density(lambda x: x.diagonal(dim1=-2, dim2=-1).sum(-1), space)
    x = run(Geodesic(target, 0.1), torch.eye(3).expand(50, 3, 3), 30, rng).x
    space.check(x)


def test_bad_points_are_refused_by_the_space(rng):
    with pytest.raises(InputError, match="sphere"):
        run(Geodesic(Field(lambda x: 0 * x, Sphere(2)), 0.1), torch.ones(4, 3), 1, rng)
