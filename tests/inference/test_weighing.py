"""Points with weights have the integral, the density and the draws of the target, however they were proposed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from shifted_normal import SETS, exact, truth
from simulated import NOISE

from unnoise._seeding import generator
from unnoise.inference.unnormalised import Before, Unnormalised
from unnoise.inference.weighing import NormalKernels, moved, weighed
from unnoise.testing import ImprobableError, assert_law, assert_mean


def target(count: int = 4) -> Unnormalised:
    made = exact()
    return Unnormalised(made.model, Before(made.known_prior()), SETS[count])


def normal(mean, deviation):
    return lambda z: torch.special.ndtr((z - mean) / deviation)


def test_kernels_are_a_density_and_draw_from_it():
    """The mean of (density of a normal law)/(that of the kernels) over their draws is 1."""
    kernels = NormalKernels.around(torch.randn(50, 2, generator=generator(0), dtype=torch.float64))
    z = kernels.sample(20_000, generator(1))
    law = torch.distributions.Normal(torch.zeros(2, dtype=torch.float64), 0.8)
    assert_mean((law.log_prob(z).sum(1) - kernels.log_prob(z)).exp() - 1)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_integral_and_draws_are_exact_wherever_the_centres_lie(shift):
    mean, deviation, evidence = truth(SETS[4])
    centres = torch.from_numpy(mean + shift) + 0.5 * torch.randn(64, 2, generator=generator(0))
    found = weighed(target(), centres, 8000, generator(1))
    assert found.log_z == pytest.approx(evidence, abs=0.05)
    assert found.effective_size > 2000
    rng = generator(2)
    z = moved(found, found.chosen(2000, rng), rng)
    assert len(torch.unique(z, dim=0)) > 1900
    assert_law(z[:, 0], normal(mean[0], deviation))
    with pytest.raises(ImprobableError):
        assert_law(found.z[:2000, 0], normal(mean[0], deviation))  # without weights
    at = z[:5].numpy()
    expected = torch.distributions.Normal(torch.from_numpy(mean), deviation).log_prob(z[:5]).sum(1)
    np.testing.assert_allclose(found.log_prob(at), expected, atol=0.05)


def test_steps_of_metropolis_keep_the_law_and_part_points_that_are_alike():
    mean, deviation, _ = truth(SETS[1])
    found = weighed(target(1), torch.from_numpy(mean) + torch.randn(64, 2, generator=generator(0)), 4000, generator(1))
    z = moved(found, found.chosen(200, generator(2)).repeat(10), generator(3))
    assert len(torch.unique(z, dim=0)) > 1500
    assert abs(float(z[:, 0].mean()) - mean[0]) < 0.2 * NOISE
    assert float(z[:, 0].std()) == pytest.approx(deviation, rel=0.3)
