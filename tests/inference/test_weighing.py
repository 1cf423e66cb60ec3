"""Points with weights have the integral, the density and the draws of the target, however they were proposed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from shifted_normal import SETS, exact, truth
from simulated import NOISE

from unnoise._seeding import generator
from unnoise.inference import as_prior
from unnoise.inference.unnormalised import Before, Unnormalised
from unnoise.inference.weighing import NormalKernels, moved, weighed
from unnoise.testing import ImprobableError, assert_law, assert_mean


def target(count: int = 4, unit: float = 1.0) -> Unnormalised:
    """Parameters and observations in any unit."""
    prior = as_prior(torch.distributions.Normal(torch.zeros(2).double(), unit * torch.ones(2).double()))
    law = exact().model
    units = replace(law.units, spread=(unit,) * 2, deviation=(unit,) * 2)
    return Unnormalised(replace(law, units=units), Before(prior), unit * SETS[count])


def normal(mean, deviation):
    return lambda z: torch.special.ndtr((z - mean) / deviation)


def test_kernels_are_a_density_and_draw_from_it():
    """The mean of (density of a normal law)/(that of the kernels) over their draws is 1."""
    centres = torch.randn(50, 2, generator=generator(0), dtype=torch.float64)
    kernels = NormalKernels.around(centres, torch.full((2,), 1e-3, dtype=torch.float64))
    z = kernels.sample(20_000, generator(1))
    law = torch.distributions.Normal(torch.zeros(2, dtype=torch.float64), 0.8)
    assert_mean((law.log_prob(z).sum(1) - kernels.log_prob(z)).exp() - 1)


def test_kernels_are_as_wide_as_their_centres_in_any_unit():
    """Where all are one, as wide as the least."""
    unit = torch.tensor([1e-6, 1e6], dtype=torch.float64)
    centres = torch.randn(50, 2, generator=generator(0), dtype=torch.float64)
    plain, scaled = NormalKernels.around(centres, 1e-3 * unit / unit), NormalKernels.around(centres * unit, 1e-3 * unit)
    torch.testing.assert_close(scaled.root / unit[:, None], plain.root)
    alike = NormalKernels.around(centres[:1].expand(50, 2), 1e-3 * unit)
    assert bool((alike.root.diagonal() > 1e-4 * unit).all())


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


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_parameters_in_any_unit_are_worth_as_many_draws(unit):
    mean, _, evidence = truth(SETS[4])
    centres = torch.from_numpy(mean) + 0.5 * torch.randn(64, 2, generator=generator(0))
    plain = weighed(target(), centres, 8000, generator(1))
    found = weighed(target(unit=unit), unit * centres, 8000, generator(1))
    assert found.effective_size == pytest.approx(plain.effective_size, rel=0.01)
    assert found.log_z == pytest.approx(evidence - SETS[4].size * np.log(unit), abs=0.05)
    slope = found.target.score(found.z[:20])
    torch.testing.assert_close(unit * slope, target().score(plain.z[:20]), atol=1e-3, rtol=1e-3)


def test_a_density_far_narrower_than_its_centres_is_found(monkeypatch):
    """As where a number of the observation follows from the parameters; two rounds, the twin, find one point."""
    narrow = target()
    narrow.law.denoiser.scales.fill_(1e-4)
    centres = torch.from_numpy(SETS[4].mean(0)) + 0.5 * torch.randn(64, 2, generator=generator(0))
    found = weighed(narrow, centres, 4000, generator(1))
    assert found.effective_size > 100
    rng = generator(2)
    z = moved(found, found.chosen(200, rng), rng)
    precision = 4 / 1e-8 + 1
    assert_law(z[:, 0], normal(4e8 * SETS[4][:, 0].mean() / precision, precision**-0.5))
    monkeypatch.setattr("unnoise.inference.weighing.MOST_ROUNDS", 2)
    assert weighed(narrow, centres, 4000, generator(1)).effective_size < 20


def test_steps_of_metropolis_keep_the_law_and_part_points_that_are_alike():
    mean, deviation, _ = truth(SETS[1])
    found = weighed(target(1), torch.from_numpy(mean) + torch.randn(64, 2, generator=generator(0)), 4000, generator(1))
    z = moved(found, found.chosen(200, generator(2)).repeat(10), generator(3))
    assert len(torch.unique(z, dim=0)) > 1500
    assert abs(float(z[:, 0].mean()) - mean[0]) < 0.2 * NOISE
    assert float(z[:, 0].std()) == pytest.approx(deviation, rel=0.3)
