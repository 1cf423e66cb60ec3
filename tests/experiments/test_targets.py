"""The targets of the experiments are the laws they say they are."""

from __future__ import annotations

import math

import pytest
import torch

from experiments import heartbeat, simplex, so3_mixture, swiss_roll
from unnoise.processes import WrightFisher
from unnoise.schedules import Geometric
from unnoise.spaces import Simplex
from unnoise.testing import ImprobableError, assert_mean


def test_the_rotation_mixture_is_a_density_for_the_volume_8_pi_squared() -> None:
    """E over the uniform law of density x volume is one; sampled and scored agree."""
    rng = torch.Generator().manual_seed(0)
    target = so3_mixture.WrappedMixture.drawn(16, rng)
    wide = so3_mixture.WrappedMixture(target.means, torch.full((16,), 0.8, dtype=torch.float64))
    uniform = so3_mixture.Rotations().uniform(40_000).sample(rng).double()
    mass = wide.log_prob(uniform).exp() * 8 * math.pi**2
    assert_mean(mass, 1.0)
    with pytest.raises(ImprobableError):
        assert_mean(0.5 * mass, 1.0)  # of unit quaternions, which cover the rotations twice
    x = target.sample(rng, (4000,))
    precision = 1 / (2 * target.scales**2)
    expected = -math.log(16) - 1.5 * math.log(2 * math.pi * math.e) - 3 * target.scales.log().mean()
    assert_mean(target.log_prob(x), expected, tolerance=0.1)  # components overlap a little
    assert 60 < float(precision.min()) < float(precision.max()) < 140


def test_the_dirichlet_mixture_is_a_density() -> None:
    rng = torch.Generator().manual_seed(0)
    target = simplex.DirichletMixture.drawn(3, rng)
    grid = torch.linspace(0.0005, 0.9995, 400, dtype=torch.float64)
    x, y = torch.meshgrid(grid, grid, indexing="ij")
    inside = x + y < 1
    points = torch.stack([x, y, 1 - x - y], -1)[inside]
    cell = float(grid[1] - grid[0]) ** 2
    assert abs(float(target.log_prob(points).exp().sum()) * cell - 1) < 0.01


def test_the_first_noise_costs_what_it_takes_from_the_density(rng: torch.Generator) -> None:
    """Nothing of its stationary law; of any other all that it has, where that noise is strong."""
    alpha, other = torch.full((1, 3), 0.5, dtype=torch.float64), torch.tensor([[2.0, 3.0, 4.0]], dtype=torch.float64)
    strong = WrightFisher(Simplex(3), 0.5, Geometric(8.0, 9.0))
    stationary, target = (simplex.DirichletMixture(law) for law in (alpha, other))
    x = target.sample(rng, (20,))
    cost = simplex.first_cost(strong, target, x, rng)
    assert_mean(cost - (target.log_prob(x) - stationary.log_prob(x)), tolerance=0.1)
    assert float(simplex.first_cost(strong, stationary, x, rng).abs().max()) < 1e-6
    fine = simplex.first_cost(WrightFisher(Simplex(3), 0.5), target, x, rng)
    assert float(fine.abs().mean()) < 0.1 < float(cost.abs().mean())


def test_there_are_five_heartbeats() -> None:
    beats = heartbeat.heartbeats()
    assert beats.shape == (5, 20)
    assert (beats.sum(1) == 4).all()
    assert (beats.sum(0) == 1).all()


def test_the_swiss_roll_is_a_density_of_unit_variance() -> None:
    """By quadrature over the plane, of a roll that is noisy enough for a grid; the draws have the same moments."""
    roll = swiss_roll.Roll(noise=0.8)
    line = torch.linspace(-4, 4, 200, dtype=torch.float64)
    points = torch.cartesian_prod(line, line)
    mass = roll.log_density(points).exp() * float(line[1] - line[0]) ** 2
    assert abs(float(mass.sum()) - 1) < 1e-6
    assert float((mass @ points).abs().max()) < 1e-4
    assert float((mass @ points.square() - 1).abs().max()) < 1e-4
    draws = roll.draw(40_000, torch.Generator().manual_seed(0)).double()
    assert_mean(draws)
    assert_mean(draws.square(), 1.0)
    with pytest.raises(ImprobableError):
        assert_mean((0.95 * draws).square(), 1.0)


def test_times_of_the_simplex_have_the_density_they_say() -> None:
    """The share of times before one is the integral of the density."""
    process = simplex.little_noise(Simplex(3))
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    t, density = simplex.LaterTimes()(process, u)
    between = torch.diff(t) * 0.5 * (density[1:] + density[:-1])
    torch.testing.assert_close(between.cumsum(0), u[1:] - u[0], rtol=0, atol=1e-4)
