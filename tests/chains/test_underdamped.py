"""On Gaussians every integrator has the variance that its formula says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import BAOAB, Cheng, Density, Sachs, run
from unnoise.chains.underdamped import Moving
from unnoise.testing import ImprobableError, assert_mean

CHAINS = 40_000
TAU2 = 0.7
NORMAL = Density(lambda x: -0.5 / TAU2 * (x**2).sum(1), gradient=lambda x: -x / TAU2)


@dataclass(frozen=True)
class OneKick(Sachs):
    """A broken twin: half of the kick is forgotten."""

    def step(self, state, rng):
        half = 0.5 * self.step_size
        x = torch.add(state.x, state.v, alpha=half)
        v = self._rub(torch.add(state.v, self.target.score(x), alpha=half / self.mass), rng)
        return Moving(x.add_(v, alpha=half), v)


def squares(kernel, steps=60):
    """Of positions and velocities, whose means are zero, (n, 2)."""
    state = run(kernel, torch.zeros(CHAINS, 1), steps, torch.Generator().manual_seed(0)).state
    return torch.cat([state.x, state.v], 1).square()


@pytest.mark.parametrize(("step_size", "friction", "mass"), [(0.4, 0.5, 1.0), (1.2, 1.0, 1.0), (0.8, 0.8, 2.0)])
class TestVariances:
    def test_sachs_keeps_positions_exactly(self, step_size, friction, mass):
        assert_mean(squares(Sachs(NORMAL, step_size, friction, mass))[:, 0], TAU2)

    def test_baoab_keeps_positions_exactly_and_velocities_by_formula(self, step_size, friction, mass):
        velocities = (1 - step_size**2 / (4 * mass * TAU2)) / mass
        assert_mean(squares(BAOAB(NORMAL, step_size, friction, mass)), torch.tensor([TAU2, velocities]))

    def test_cheng_has_the_variance_of_its_recursion(self, step_size, friction, mass):
        expected = self.of_recursion(step_size, friction, mass).diagonal()
        assert_mean(squares(Cheng(NORMAL, step_size, friction, mass)), expected)

    def test_a_broken_twin_is_seen(self, step_size, friction, mass):
        with pytest.raises(ImprobableError):
            assert_mean(squares(OneKick(NORMAL, step_size, friction, mass))[:, 0], TAU2)

    @staticmethod
    def of_recursion(delta, a, mass):
        gamma, lost, u = a / delta, 1 - math.exp(-a), 1 / mass
        push = u / gamma * (delta - lost / gamma)
        move = torch.tensor(
            [[1 - push / TAU2, lost / gamma], [-u / gamma * lost / TAU2, 1 - lost]], dtype=torch.float64
        )
        noise = torch.tensor(
            [
                [u / gamma**2 * (2 * a - 3 + 4 * math.exp(-a) - math.exp(-2 * a)), u / gamma * lost**2],
                [u / gamma * lost**2, u * (1 - math.exp(-2 * a))],
            ],
            dtype=torch.float64,
        )
        flat = torch.linalg.solve(torch.eye(4, dtype=torch.float64) - torch.kron(move, move), noise.flatten())
        return flat.reshape(2, 2)


@pytest.mark.parametrize("friction", [1e-4, 9e-3, 1.1e-2, 1.0, 8.0])
def test_chengs_covariance_is_that_of_the_ornstein_uhlenbeck_integrals(friction):
    delta, mass = 0.3, 2.0
    gamma, u = friction / delta, 1 / mass
    nodes = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000 * delta  # the midpoint rule
    v = torch.exp(-gamma * nodes)
    x = -torch.expm1(-gamma * nodes) / gamma
    expected = [float(2 * gamma * u * (f * g).mean() * delta) for f, g in ((v, v), (v, x), (x, x))]
    assert Cheng(NORMAL, delta, friction, mass)._covariance() == pytest.approx(expected, rel=1e-6)


def test_sachs_is_the_published_recipe(rng):
    """Line by line as in the walk-jump paper, on the same noise."""
    delta, friction, u = 0.5, 1.0, 1.3
    y, v = torch.ones(3, 2), torch.full((3, 2), 0.5)
    noise = torch.randn(3, 2, generator=torch.Generator().manual_seed(5))
    found = Sachs(NORMAL, delta, friction, 1 / u).step(Moving(y, v), torch.Generator().manual_seed(5))
    y = y + delta / 2 * v
    g = -y / TAU2
    v = v + u * delta / 2 * g
    v = math.exp(-friction) * v + u * delta / 2 * g + math.sqrt(u * (1 - math.exp(-2 * friction))) * noise
    torch.testing.assert_close(found.v, v)
    torch.testing.assert_close(found.x, y + delta / 2 * v)


@pytest.mark.parametrize("kernel", [Sachs, BAOAB, Cheng])
def test_numbers_that_mean_nothing_are_refused(kernel):
    with pytest.raises(InputError, match="friction"):
        kernel(NORMAL, 0.1, friction=0.0)
    with pytest.raises(InputError, match="mass"):
        kernel(NORMAL, 0.1, mass=-1.0)


@pytest.mark.parametrize("kernel", [Sachs, BAOAB, Cheng])
def test_a_step_asks_for_one_score(kernel, rng):
    asked = []
    counting = Density(NORMAL.function, gradient=lambda x: (asked.append(1), -x)[1])
    state = kernel(counting, 0.1).start(torch.zeros(3, 1), rng)
    asked.clear()
    run(kernel(counting, 0.1), state, 10, rng)
    assert len(asked) == 10


def test_the_energy_that_a_step_gains_says_what_metropolis_would_have_taken():
    """The error falls with a power of the step; if friction counted as an error, it would not."""
    rng = torch.Generator().manual_seed(0)
    lost = []
    for step in (0.1, 0.2, 0.4):
        kernel = Sachs(NORMAL, step)
        state = run(kernel, math.sqrt(TAU2) * torch.randn(20_000, 1, generator=rng), 20, rng).state
        lost.append(1 - float(kernel.adjusted_acceptance(state, rng).mean()))
    assert lost[0] < 0.01
    assert 2.5 < lost[1] / lost[0] < 16
    assert lost[2] < 0.2
