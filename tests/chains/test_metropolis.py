"""Metropolis' rule keeps the target on every space; a twin that takes every proposal does not."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from scipy.special import iv
from scipy.stats import chisquare

from unnoise._errors import InputError
from unnoise.chains import Density, Hamiltonian, Independence, Metropolis, RandomWalk, run
from unnoise.laws import Dirichlet, LogDensity
from unnoise.laws.students import Students
from unnoise.spaces import Counts, Euclidean, Finite, Rotations, Simplex, Space, Sphere, Torus, product
from unnoise.targets import Potts
from unnoise.testing import ImprobableError, assert_law, assert_mean, assert_probable

F64 = torch.float64
CONCENTRATION = torch.tensor([0.8, 1.0, 3.0], dtype=F64)
SHARES = torch.tensor([0.5, 5 / 6], dtype=F64)  # of geometric laws, of means 1 and 5
FIELD = torch.tensor([[0.0, 1.0, -1.0], [0.5, 0.0, 2.0]], dtype=F64)


@dataclass(frozen=True)
class On(LogDensity):
    """A function on a space."""

    function: object
    space: Space

    @property
    def support(self):
        return self.space

    def log_prob(self, x):
        return self.function(x)


@dataclass(frozen=True)
class Careless(Metropolis):
    """A broken twin: it takes every proposal."""

    def step(self, state, rng):
        there = self._move(state.x, state.local, torch.full_like(state.log_prob, self.step_size))
        return self.start(there.sample(rng), rng)


def coupled(x):
    """Real, finite and on a sphere, all of one another."""
    spin = x["s"][..., 0].double()
    return -0.5 * (x["a"][..., 0] - spin) ** 2 + spin * x["r"][..., 2]


MIXED = product({"a": Euclidean(1), "s": Finite(1, 3), "r": Sphere(2)})
SPIN = np.array([1.0, math.sinh(1), math.sinh(2) / 2])  # masses of s, with all else integrated
BESSEL = iv(1, 2) / iv(0, 2)


def uniform(space, n, rng):
    return space.draw_uniform((n,), rng)


CASES = {
    "sphere": (
        Density(lambda x: 3 * x[..., 2], Sphere(2)),
        lambda n, rng: uniform(Sphere(2), n, rng),
        0.5,
        lambda x: x[:, 2],
        1 / math.tanh(3) - 1 / 3,
    ),
    "rotations": (
        Density(lambda x: x.diagonal(dim1=-2, dim2=-1).sum(-1), Rotations()),
        lambda n, rng: uniform(Rotations(), n, rng),
        0.5,
        lambda x: x.diagonal(dim1=-2, dim2=-1).sum(-1),
        1 + (2 * iv(1, 2) - iv(0, 2) - iv(2, 2)) / (iv(0, 2) - iv(1, 2)),
    ),
    "torus": (
        Density(lambda x: 2 * x.cos().sum(-1), Torus(1)),
        lambda n, rng: uniform(Torus(1), n, rng),
        1.0,
        lambda x: x[:, 0].cos(),
        BESSEL,
    ),
    "simplex": (
        On(lambda x: ((CONCENTRATION - 1) * x.log()).sum(-1), Simplex(3)),
        lambda n, rng: Dirichlet(torch.ones(n, 3, dtype=F64)).sample(rng),
        0.3,
        lambda x: x[:, 2],
        float(CONCENTRATION[2] / CONCENTRATION.sum()),
    ),
    "finite": (
        On(lambda x: FIELD[torch.arange(2), x].sum(-1) + (x[..., 0] == x[..., 1]), Finite(2, 3)),
        lambda n, rng: torch.randint(3, (n, 2), generator=rng),
        2.0,
        lambda x: (x[:, 0] == x[:, 1]).double(),
        None,
    ),
    "counts": (
        On(lambda x: (x * SHARES.log()).sum(-1), Counts(2)),
        lambda n, rng: torch.randint(12, (n, 2), generator=rng),
        4.0,
        lambda x: (x[:, 1] - 5.0).double().square(),
        30.0,
    ),
    "product": (
        On(coupled, MIXED),
        lambda n, rng: {
            "a": torch.randn(n, 1, generator=rng, dtype=F64),
            "s": torch.randint(3, (n, 1), generator=rng),
            "r": uniform(Sphere(2), n, rng),
        },
        0.7,
        lambda x: x["s"][:, 0].double(),
        float(SPIN @ np.arange(3) / SPIN.sum()),
    ),
}
PAIRS = list(itertools.product(range(3), repeat=2))


def enumerated() -> torch.Tensor:
    states = torch.tensor(PAIRS)
    return torch.softmax(CASES["finite"][0].log_prob(states), 0)


def walked(name: str, kind: type[Metropolis], n: int = 3000, steps: int = 40):
    target, start, step, of, expected = CASES[name]
    rng = torch.Generator().manual_seed(1)
    if expected is None:
        expected = float(sum(p for p, (a, b) in zip(enumerated(), PAIRS, strict=True) if a == b))
    x = run(kind(target, step), start(n, rng), steps, rng).x
    return of(x), expected


@pytest.mark.parametrize("name", CASES)
def test_the_target_is_kept(name):
    found, expected = walked(name, Metropolis)
    assert_mean(found, expected)


@pytest.mark.parametrize("name", CASES)
def test_a_twin_that_takes_every_proposal_is_seen(name):
    found, expected = walked(name, Careless)
    with pytest.raises(ImprobableError):
        assert_mean(found, expected)


def test_the_trace_of_rotations_is_that_of_the_matrix_fisher_law():
    """The expected value in CASES, by quadrature of the angle instead of Bessel functions."""
    angle = torch.linspace(0, math.pi, 20001, dtype=F64)
    trace = 1 + 2 * angle.cos()
    weight = (1 - angle.cos()) * trace.exp()
    assert float((weight * trace).sum() / weight.sum()) == pytest.approx(CASES["rotations"][4], abs=1e-4)


def test_a_step_that_is_too_long_is_cut(monkeypatch):
    """Beyond, the density of a geodesic step is not exact, and a nearly uniform law would be missed."""
    target = Density(lambda x: 0.1 * x[..., 2], Sphere(2))
    right = 1 / math.tanh(0.1) - 1 / 0.1

    def cosine():
        rng = torch.Generator().manual_seed(4)
        return run(Metropolis(target, 10.0), uniform(Sphere(2), 20_000, rng), 12, rng).x[:, 2]

    assert_mean(cosine(), right)
    monkeypatch.setattr(Sphere, "longest_move", math.inf)
    with pytest.raises(ImprobableError):
        assert_mean(cosine(), right)


def test_all_states_of_a_small_space_have_their_probability():
    target, start, step, *_ = CASES["finite"]
    rng = torch.Generator().manual_seed(2)
    x = run(Metropolis(target, step, jitter=0.5), start(9000, rng), 40, rng).x
    counts = torch.bincount(3 * x[:, 0] + x[:, 1], minlength=9)
    assert_probable(chisquare(counts.numpy(), 9000 * enumerated().numpy()).pvalue, "nine states")
    with pytest.raises(ImprobableError):
        assert_probable(chisquare(counts.numpy()).pvalue, "uniform, which they are not")


@pytest.mark.parametrize("name", ["finite", "counts"])
def test_the_reversible_motion_leaves_the_target_as_it_is(name):
    """The sum of p L f over all states is zero (counts below 40 and 160 hold all mass), and not for another law."""
    target, *_ = CASES[name]
    x = torch.tensor(PAIRS if name == "finite" else list(itertools.product(range(40), range(160))))
    space = target.support
    log_prob, local = space.reversible(target, x)

    def change(p):
        return float((p * space.apply(local, lambda y: (y[..., 0] + 0.3 * y[..., 1].double()).sin(), x)).sum())

    assert change(torch.softmax(log_prob, 0)) == pytest.approx(0, abs=1e-9)
    assert abs(change(torch.softmax(0.5 * log_prob, 0))) > 1e-3


def test_ratios_that_are_known_are_those_of_all_neighbours():
    potts = Potts((2, 3), 3, 0.7, (0.1, 0.0, -0.4))
    x = torch.randint(3, (5, 2, 3), generator=torch.Generator().manual_seed(0))
    asked = On(potts.log_prob, potts.space)
    torch.testing.assert_close(potts.space.reversible(asked, x)[1].rates, torch.sigmoid(potts.log_ratios(x)))


BUMPS = Density(lambda x: torch.logaddexp(-2 * (x[:, 0] - 1.2) ** 2, -((x[:, 0] + 1.0) ** 2)))
PROPOSAL = Students(
    torch.ones(1, dtype=F64), torch.zeros(1, 1, dtype=F64), torch.full((1, 1, 1), 2.0, dtype=F64),
    torch.full((1,), 4.0, dtype=F64),
)  # fmt: skip
KERNELS = {
    "hamiltonian": Hamiltonian(BUMPS, 0.6, 3, torch.full((1, 1), 1.3, dtype=F64), 0.3),
    "independence": Independence(BUMPS, PROPOSAL),
    "random walk": RandomWalk(BUMPS, 1.0, torch.full((1, 1), 1.5, dtype=F64), 0.3),
}


@dataclass(frozen=True)
class Forgetful(Independence):
    """A broken twin: proposals count as if they were uniform."""

    def propose(self, x, rng):
        y, correction = super().propose(x, rng)
        return y, 0 * correction


@dataclass(frozen=True)
class Lossy(Hamiltonian):
    """A broken twin: it takes every end of a path."""

    def step(self, state, rng):
        moved = super().step(replace(state, log_prob=torch.full_like(state.log_prob, -1e9)), rng)
        return self.start(moved.x, rng)


def assert_bumps(kernel) -> None:
    rng = torch.Generator().manual_seed(3)
    found = run(kernel, torch.randn(5000, 1, generator=rng, dtype=F64), 60, rng).x[:, 0]
    grid = torch.linspace(-7, 7, 4001, dtype=F64)
    mass = torch.cumulative_trapezoid(BUMPS.log_prob(grid[:, None]).exp(), grid)
    cdf = torch.cat([torch.zeros(1, dtype=F64), mass / mass[-1]]).numpy()
    assert_law(found, lambda v: np.interp(v, grid.numpy(), cdf))


@pytest.mark.parametrize("name", KERNELS)
def test_other_kernels_keep_the_target(name):
    assert_bumps(KERNELS[name])


@pytest.mark.parametrize(
    "twin", [Forgetful(BUMPS, PROPOSAL), Lossy(BUMPS, 1.3, 3)], ids=["independence", "hamiltonian"]
)
def test_their_broken_twins_are_seen(twin):
    with pytest.raises(ImprobableError):
        assert_bumps(twin)


def test_a_target_without_a_space_is_refused():
    with pytest.raises(InputError, match="Metropolis needs the space of the target"):
        Metropolis(BUMPS, 0.1)
