"""Brownian motion on compact manifolds: the shipped laws of processes and samplers, and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.processes import Brownian, until_mixed
from unnoise.samplers import Euler
from unnoise.schedules import Geometric
from unnoise.spaces import Diffusion, Rotations, Sphere, Torus
from unnoise.testing import ImprobableError, PropertyError, assert_mean, check_process, check_sampler

FLOAT64 = torch.float64
SPACES = {"circle": Torus(1), "globe": Sphere(2), "rotations": Rotations()}
MORE_SPACES = {"torus": Torus(2), "three-sphere": Sphere(3), "five-sphere": Sphere(5)}
spaces = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
all_spaces = pytest.mark.parametrize("space", (SPACES | MORE_SPACES).values(), ids=SPACES | MORE_SPACES)


@pytest.fixture
def atoms(space):
    return space.uniform(3).sample(torch.Generator().manual_seed(8))


@spaces
def test_it_keeps_the_properties(space, atoms):
    check_process(Brownian(space), atoms, draws=400, functions=3)


@pytest.mark.slow
@all_spaces
def test_it_keeps_the_properties_in_full(space, atoms):
    check_process(Brownian(space), atoms)


@pytest.mark.slow
def test_it_keeps_the_properties_on_a_high_sphere():
    """From the earlier time that it takes, in 30 dimensions, for noise to start at the data."""
    space = Sphere(30)
    atoms = space.uniform(3).sample(torch.Generator().manual_seed(8))
    check_process(Brownian(space, until_mixed(space, 1e-5)), atoms, draws=1000, functions=3)


class HalfTheScore(Brownian):
    def target(self, x_0, x_t, t):
        return 0.5 * super().target(x_0, x_t, t)


class TwiceTheRate(Brownian):
    def forward(self, x, t):
        local = super().forward(x, t)
        return Diffusion(local.drift, 2**0.5 * local.scale)


class Biased(Brownian):
    def control_variate(self, x_0, x_t, t):
        return super().control_variate(x_0, x_t, t) + 0.5 * self.schedule.rate(t) / self.variance(t)


@pytest.mark.parametrize("twin", [HalfTheScore, TwiceTheRate, Biased])
def test_broken_twins_are_caught(twin):
    atoms = Torus(1).uniform(3).sample(torch.Generator().manual_seed(8))
    with pytest.raises(PropertyError):
        check_process(twin(Torus(1)), atoms, draws=1000)


@pytest.mark.parametrize("space", [Torus(1), Rotations()], ids=["circle", "rotations"])
def test_the_geodesic_random_walk_makes_the_data(space, atoms):
    check_sampler(Euler, Brownian(space), atoms, draws=250)


@pytest.mark.slow
@all_spaces
def test_the_geodesic_random_walk_makes_the_data_in_full(space, atoms):
    check_sampler(Euler, Brownian(space), atoms)


class Drifting(Euler):
    def step(self, state, t, s, rng, cond=None):
        local = self.process.reverse(state, self.denoiser(state, t, cond), t)
        return self.process.space.move(state, Diffusion(0.5 * local.drift, local.scale), t - s).sample(rng)


def test_a_broken_sampler_is_caught():
    atoms = Torus(1).uniform(3).sample(torch.Generator().manual_seed(8))
    uneven = torch.tensor([0.8, 0.1, 0.1])
    check_sampler(Euler, Brownian(Torus(1)), atoms, uneven, draws=1500)
    with pytest.raises(PropertyError, match="BROKEN  atoms come by their weights"):
        check_sampler(Drifting, Brownian(Torus(1)), atoms, uneven, draws=1500)


@spaces
def test_the_default_schedule_mixes(space, atoms, rng):
    """At most 1e-4 nats between the last kernel and the prior, estimated to 1e-5."""
    process = Brownian(space)
    kernel = process.marginal(atoms[:1].expand(100_000, *space.event_shape), torch.ones((), dtype=FLOAT64))
    ratio = (kernel.log_prob(kernel.sample(rng)) + math.log(space.volume)).expm1()
    assert 0.5 * float((ratio**2).mean()) < 1.1e-4


def test_the_schedule_can_be_chosen():
    process = Brownian(Sphere(2), until_mixed(Sphere(2), start=1e-6))
    ends = process.variance(torch.tensor([0.0, 1.0], dtype=FLOAT64))
    assert float(ends[0]) == pytest.approx(1e-6)
    assert float(ends[1]) == pytest.approx(Brownian(Sphere(2)).schedule.end)


def test_the_clock_is_even_in_log_variance():
    process, u = Brownian(Torus(1), Geometric(1e-3, 5.0)), torch.linspace(0, 1, 11, dtype=FLOAT64)
    t, density = process.importance_times(u)
    steps = process.variance(t).log().diff()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), rtol=1e-10, atol=0)
    torch.testing.assert_close(density[:-1], 0.1 / t.diff(), rtol=1e-9, atol=0)


@spaces
def test_reconstruction_is_the_entropy_of_the_residue(space, atoms, rng):
    process = Brownian(space)
    x_0 = atoms[:1].expand(40_000, *space.event_shape)
    kernel = process.marginal(x_0, torch.zeros((), dtype=FLOAT64))
    cost = -kernel.log_prob(kernel.sample(rng))
    assert_mean(cost, process.reconstruction(x_0)[0], tolerance=5e-4)
    with pytest.raises(ImprobableError):
        assert_mean(cost, 0.99 * process.reconstruction(x_0)[0], tolerance=5e-4)


@spaces
def test_the_reverse_in_terms_of_the_score(space, atoms, rng):
    process, t = Brownian(space), torch.tensor(0.6, dtype=FLOAT64)
    x, score = atoms, space.noise(atoms, rng)
    for churn in (0.0, 0.5, 1.0):
        local, beta = process.reverse(x, score, t, churn=churn), process.schedule.rate(t)
        torch.testing.assert_close(local.drift, 0.5 * (1 + churn**2) * beta * score)
        torch.testing.assert_close(local.scale, churn * beta.sqrt() * torch.ones_like(local.scale))
