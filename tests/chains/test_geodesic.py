"""Geodesic chains keep known laws on curved spaces, up to their step."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import Density, Field, Geodesic, Langevin, run
from unnoise.spaces import Euclidean, Rotations, Sphere, Torus


def test_on_flat_space_it_is_langevin():
    target = Density(lambda x: -0.5 * (x**2).sum(1), Euclidean(2))
    found = [
        run(kernel, torch.ones(5, 2), 3, torch.Generator().manual_seed(0)).x
        for kernel in (Geodesic(target, 0.1), Langevin(target, 0.1))
    ]
    torch.testing.assert_close(*found)


def heights(step_size, kappa=3.0):
    target = Density(lambda x: kappa * x[:, 2], Sphere(2))
    start = Sphere(2).uniform(8000).sample(torch.Generator().manual_seed(1)).float()
    return run(Geodesic(target, step_size), start, int(2 / step_size), torch.Generator().manual_seed(0)).x[:, 2]


def test_von_mises_fisher_on_the_sphere():
    """The height z has density proportional to exp(kappa z), whose mean is coth(kappa) - 1/kappa."""
    from scipy.stats import kstest

    kappa = 3.0
    z = heights(0.02).double().numpy()
    below, above = math.exp(-kappa), math.exp(kappa)
    import numpy as np

    assert kstest(z, lambda v: (np.exp(kappa * v) - below) / (above - below)).pvalue > 1e-4


def test_a_coarse_step_is_seen():
    z = heights(0.8)
    assert abs(float(z.mean()) - (1 / math.tanh(3.0) - 1 / 3)) > 0.02


def test_von_mises_on_the_torus(rng):
    from scipy.special import i0, i1

    space = Torus(1)
    target = Density(lambda x: 2 * torch.cos(x).sum(1), space)
    x = run(Geodesic(target, 0.02), torch.zeros(8000, 1), 100, rng).x
    assert abs(float(torch.cos(x).mean()) - i1(2) / i0(2)) < 0.02
    space.check(x)


def test_rotations_stay_rotations(rng):
    space = Rotations()
    target = Density(lambda x: x.diagonal(dim1=-2, dim2=-1).sum(-1), space)
    x = run(Geodesic(target, 0.1), torch.eye(3).expand(50, 3, 3), 30, rng).x
    space.check(x)


def test_bad_points_are_refused_by_the_space(rng):
    with pytest.raises(InputError, match="sphere"):
        run(Geodesic(Field(lambda x: 0 * x, Sphere(2)), 0.1), torch.ones(4, 3), 1, rng)
