"""Walk-jump on a Gaussian and on a mixture: the walk has the law of noisy data, the jump its shrunk mean."""

from __future__ import annotations

import pytest
import torch
from noisy import of_atoms, of_mixture

from unnoise._errors import InputError
from unnoise.chains import Sachs, WalkJump, run
from unnoise.laws import GaussianMixture
from unnoise.testing import ImprobableError, assert_mean


def test_variances_of_walk_and_jump(rng):
    tau2, sigma, n = 2.0, 1.5, 20_000
    law = GaussianMixture(torch.ones(1), torch.ones(1, 1), torch.full((1, 1, 1), tau2))
    sampler = WalkJump(of_mixture(law), sigma)
    y = sampler.walk(n, 60, rng).x
    total = tau2 + sigma**2
    assert_mean((y - 1).square(), total)
    assert_mean((sampler.jump(y) - 1).square(), tau2**2 / total)
    with pytest.raises(ImprobableError):
        assert_mean((sampler.jump(y) - 1).square(), tau2)  # jumps are no draws of the data


def test_jumps_from_the_walk_over_atoms_find_them_in_proportion(rng):
    """Two atoms two apart at sigma = 1: the walk passes freely, and the mean of the jumps is that of the data."""
    noisy = of_atoms(torch.tensor([[-1.0], [1.0]]), torch.tensor([1.0, 3.0]))
    jumps = WalkJump(noisy, 1.0, steps=60, delta=1.0).sample(8000, rng)
    assert float(jumps.abs().max()) <= 1
    assert_mean(jumps, 0.5, tolerance=0.02)  # of sixty steps


def test_one_measurement_is_a_walk_on_the_noisy_law_itself(ring):
    """The draws of underdamped Langevin on q_sigma, to the last digit."""
    noisy, x = of_mixture(ring), torch.ones(10, 2, dtype=torch.float64)
    first, second = (torch.Generator().manual_seed(3) for _ in range(2))
    found = WalkJump(noisy, 0.5).walk(x, 20, first).x[:, 0]
    y = x + 0.5 * torch.randn(10, 2, generator=second, dtype=torch.float64)
    torch.testing.assert_close(found, run(Sachs(noisy.at(0.5), 0.25), y, 20, second).x, rtol=0, atol=0)


def test_kept_positions_can_be_jumped_from_and_a_walk_goes_on(ring, rng):
    sampler = WalkJump(of_mixture(ring), 0.5)
    trace = sampler.walk(torch.zeros(10, 2, dtype=torch.float64), 6, rng, keep=2)
    assert sampler.jump(trace.kept.flatten(0, 1)).shape == (30, 2)
    assert run(sampler.kernel, trace.state, 5, rng).x.shape == (10, 1, 2)


def test_every_step_is_reported(ring, rng):
    seen = []
    sampler = WalkJump(of_mixture(ring), steps=7)
    sampler.sample(3, rng, on_step=lambda index, state: seen.append(index))
    assert seen == list(range(sampler.reports))


@pytest.mark.parametrize("numbers", [{"sigma": 0.0}, {"sigma": -1.0}, {"delta": 0.0}, {"m": 0}, {"steps": 0}])
def test_numbers_that_mean_nothing(ring, numbers):
    with pytest.raises(InputError, match=r"expected a (whole number from 1|finite number above 0)"):
        WalkJump(of_mixture(ring), **numbers)


def test_a_level_that_the_denoiser_does_not_know(ring):
    with pytest.raises(InputError, match="knows the levels from"):
        WalkJump(of_mixture(ring), 1e6)


@pytest.mark.parametrize("m", [1, 3])
def test_with_more_measurements_scores_and_jumps_are_closed_forms(m, rng):
    """Y = (y_1 ... y_m) of a normal x has covariance tau^2 + sigma^2 within, tau^2 between; the jump is E[x | Y]."""
    tau, sigma = 1.3, 0.7
    one = torch.ones(1, 1, dtype=torch.float64)
    sampler = WalkJump(of_mixture(GaussianMixture(one[0], 0 * one, tau**2 * one[None])), sigma, m=m)
    y = torch.randn(6, m, 1, generator=rng, dtype=torch.float64)
    covariance = tau**2 * torch.ones(m, m) + sigma**2 * torch.eye(m)
    score = -torch.linalg.solve(covariance.double(), y[..., 0].T).T
    torch.testing.assert_close(sampler.kernel.target.score(y)[..., 0], score)
    torch.testing.assert_close(sampler.jump(y), y.mean(1) * tau**2 / (tau**2 + sigma**2 / m))
