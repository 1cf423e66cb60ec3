"""MALA is exact, ULA is off by what theory says, and the step size finds its acceptance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from unnoise._errors import InputError, NonFiniteError
from unnoise.chains import MALA, Density, Field, Geodesic, Langevin, Proposing, run, tune
from unnoise.spaces import Euclidean, Rotations, Sphere, Torus
from unnoise.testing import ImprobableError, assert_law, assert_mean, assert_probable

TWO_BUMPS = Density(lambda x: torch.logaddexp(-2 * (x[:, 0] - 1.2) ** 2, -((x[:, 0] + 1.0) ** 2)))


@dataclass(frozen=True)
class Careless(MALA):
    """A broken twin: it takes every proposal."""

    def _choose(self, old, new, log_ratio, rng):
        return Proposing(new.x, new.log_prob, new.score, acceptance=torch.ones_like(log_ratio))


@dataclass(frozen=True)
class OneWay(MALA):
    """A broken twin: it forgets the way back."""

    def _choose(self, old, new, log_ratio, rng):
        return super()._choose(old, new, new.log_prob - old.log_prob, rng)


def assert_exact_1d(kernel, steps=60, n=6000) -> None:
    """Against numerical integration of the density."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, 1, generator=rng, dtype=torch.float64)
    found = run(kernel, x, steps, rng).x[:, 0]
    grid = torch.linspace(-7, 7, 4001, dtype=torch.float64)
    mass = torch.cumulative_trapezoid(TWO_BUMPS.log_prob(grid[:, None]).exp(), grid)
    cdf = torch.cat([torch.zeros(1, dtype=torch.float64), mass / mass[-1]]).numpy()
    assert_law(found, lambda v: np.interp(v, grid.numpy(), cdf))


class TestMALA:
    def test_it_is_exact_in_one_dimension(self):
        assert_exact_1d(MALA(TWO_BUMPS, 0.4))

    @pytest.mark.parametrize("twin", [Careless, OneWay])
    def test_a_broken_twin_is_seen(self, twin):
        with pytest.raises(ImprobableError):
            assert_exact_1d(twin(TWO_BUMPS, 0.4))

    def test_it_is_exact_in_two_dimensions(self, ring):
        self.assert_exact_2d(ring, MALA)

    def test_a_broken_twin_is_seen_in_two_dimensions(self, ring):
        with pytest.raises(ImprobableError):
            self.assert_exact_2d(ring, Careless)

    @staticmethod
    def assert_exact_2d(ring, make) -> None:
        """Chains that start exactly must stay exact: a chi-squared test of the radius in equal cells."""
        from scipy.stats import chi2_contingency

        rng = torch.Generator().manual_seed(3)
        start, other = ring.sample(rng, (8000,)), ring.sample(rng, (8000,))
        found = run(make(ring, 0.01), start, 20, rng).x
        edges = other.norm(dim=1).quantile(torch.linspace(0, 1, 11, dtype=torch.float64)[1:-1])
        counts = [torch.bincount(torch.bucketize(x.norm(dim=1), edges), minlength=10) for x in (found, other)]
        assert_probable(chi2_contingency(torch.stack(counts).numpy()).pvalue, "the radius keeps its law")

    def test_infinitely_bad_places_are_refused_and_left_alone(self, rng):
        box = Density(lambda x: torch.where((x.abs() < 1).all(1), 0.0, -math.inf) - 0.0 * x.sum(1))
        trace = run(MALA(box, 0.3), torch.zeros(2000, 1), 50, rng)
        assert float(trace.x.abs().max()) < 1
        assert 0.2 < trace.acceptance < 0.9
        assert_law(trace.x, lambda x: (x + 1) / 2)
        with pytest.raises(ImprobableError):
            assert_law(run(MALA(box, 0.3), torch.zeros(2000, 1), 1, rng).x, lambda x: (x + 1) / 2)  # on the way

    def test_a_nan_on_the_way_is_a_fault_of_the_target(self, rng):
        log = Density(lambda x: torch.log(1 - x).sum(1) * 1.0)
        with pytest.raises(NonFiniteError, match=r"log density is NaN where chain \d+ wants to go"):
            run(MALA(log, 1.0), torch.zeros(50, 1), 50, rng)

    def test_a_step_too_far_stays(self, rng):
        steep = Density(lambda x: -(x**4).sum(1))
        trace = run(MALA(steep, 1e30), torch.ones(10, 1), 5, rng)
        assert (trace.x == 1).all()
        assert trace.acceptance == 0


class TestLangevin:
    @pytest.mark.parametrize("step_size", [0.1, 0.5])
    def test_its_variance_is_that_of_theory(self, step_size, rng):
        tau2, n, steps = 1.5, 40_000, 60
        normal = Density(lambda x: -0.5 / tau2 * (x**2).sum(1), gradient=lambda x: -x / tau2)
        found = run(Langevin(normal, step_size), torch.zeros(n, 1), steps, rng).x
        share = 1 - (1 - step_size / tau2) ** (2 * steps)  # of the stationary variance, from the start at 0
        assert_mean(found.square(), share * tau2 / (1 - step_size / (2 * tau2)))
        with pytest.raises(ImprobableError):
            assert_mean(found.square(), share * tau2 / (1 + step_size / (2 * tau2)))


class TestTune:
    @pytest.mark.parametrize("first", [1e-4, 30.0])
    def test_it_finds_the_acceptance(self, first, rng):
        normal = Density(lambda x: -0.5 * ((x / 0.3) ** 2).sum(1))
        tuned = tune(MALA(normal, first), 0.3 * torch.randn(500, 5, generator=rng), rng, steps=200)
        assert abs(run(tuned.kernel, tuned.state, 50, rng).acceptance - 0.574) < 0.05

    def test_nonsense_is_refused(self, rng):
        with pytest.raises(InputError, match=r"got target = 1\.5; expected a finite number above 0 and below 1"):
            tune(MALA(TWO_BUMPS, 0.1), torch.zeros(3, 1), rng, target=1.5)


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


def test_step_sizes_that_are_found_hardly_depend_on_the_seed():
    """They are averages; the last of the steps that are tried varies five times as much."""
    target = Density(lambda x: -0.5 * x.square().sum(1), gradient=lambda x: -x)
    found = [tune(MALA(target, 0.1), torch.zeros(1, 10), torch.Generator().manual_seed(seed)) for seed in range(12)]
    sizes = np.log([one.kernel.step_size for one in found])
    assert_probable(chi2.sf(sizes.var() * 12 / 0.1**2, 11), "step sizes differ by a tenth at most")
    with pytest.raises(ImprobableError):
        assert_probable(chi2.sf(25 * sizes.var() * 12 / 0.1**2, 11))


def test_unadjusted_chains_say_what_metropolis_would_have_taken():
    """At h = 1 on N(0, 1) ULA has the variance 2, from where MALA takes as many steps as an integral says."""
    target, rng = Density(lambda x: -0.5 * x.square().sum(1)), torch.Generator().manual_seed(0)
    ends = run(Langevin(target, 1.0), torch.zeros(20_000, 1, dtype=torch.float64), 30, rng).state
    x, y = math.sqrt(2) * torch.randn(2, 400_000, generator=rng, dtype=torch.float64)
    right = torch.exp(0.25 * (x.square() - y.square())).clamp(max=1).mean()  # q(y | x) = N(0, 2) for h = 1
    assert_mean(Langevin(target, 1.0).adjusted_acceptance(ends, rng), float(right))
    small = Langevin(target, 0.01).adjusted_acceptance(ends, rng)
    assert float(small.mean()) > 0.99
    assert Langevin(Field(lambda x: -x), 1.0).adjusted_acceptance(ends, rng) is None
    assert MALA(target, 1.0).adjusted_acceptance(ends, rng) is None


def test_long_steps_on_a_sphere_would_be_refused():
    target, rng = Density(lambda x: 100 * x[..., 2], Sphere(2)), torch.Generator().manual_seed(0)
    north = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).expand(2000, 3)
    shares = []
    for step in (1e-4, 1e-2):
        kernel = Geodesic(target, step)
        shares.append(float(kernel.adjusted_acceptance(run(kernel, north, 30, rng).state, rng).mean()))
    assert shares[0] > 0.98
    assert shares[1] < 0.85
