"""Walk-jump on a Gaussian and on a mixture: the walk has the law of noisy data, the jump its shrunk mean."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import FromAtoms, FromMixture, WalkJump, run
from unnoise.laws import GaussianMixture


def test_variances_of_walk_and_jump(rng):
    tau2, sigma, n = 2.0, 1.5, 20_000
    law = GaussianMixture(torch.ones(1), torch.ones(1, 1), torch.full((1, 1, 1), tau2))
    sampler = WalkJump(FromMixture(law), sigma)
    y = sampler.walk(torch.zeros(n, 1), 60, rng).x
    total, error = tau2 + sigma**2, 5 * math.sqrt(2 / n)
    assert abs(float(y.var()) / total - 1) < error
    assert abs(float(sampler.jump(y).var()) * total / tau2**2 - 1) < error


def test_jumps_from_the_walk_over_atoms_find_them_in_proportion(rng):
    """Two atoms two apart at sigma = 1: the walk passes freely, and the mean of the jumps is that of the data."""
    atoms = torch.tensor([[-1.0], [1.0]])
    jumps = WalkJump(FromAtoms(atoms, torch.tensor([1.0, 3.0])), 1.0, delta=1.0).sample(torch.zeros(8000, 1), 60, rng)
    assert float(jumps.abs().max()) <= 1
    assert abs(float(jumps.mean()) - 0.5) < 0.05


def test_kept_positions_can_be_jumped_from_and_a_walk_goes_on(ring, rng):
    sampler = WalkJump(FromMixture(ring), 0.5)
    trace = sampler.walk(torch.zeros(10, 2, dtype=torch.float64), 6, rng, keep=2)
    assert sampler.jump(trace.kept.flatten(0, 1)).shape == (30, 2)
    assert run(sampler.kernel, trace.state, 5, rng).x.shape == (10, 2)


@pytest.mark.parametrize("numbers", [{"sigma": 0.0}, {"sigma": -1.0}, {"sigma": 1.0, "delta": 0.0}])
def test_numbers_that_mean_nothing(ring, numbers):
    with pytest.raises(InputError, match="expected a positive number"):
        WalkJump(FromMixture(ring), **numbers)
