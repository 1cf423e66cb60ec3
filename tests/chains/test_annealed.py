"""The toy of the NCSN paper: Langevin weighs the modes by where it starts, annealed Langevin rightly."""

from __future__ import annotations

import math

import pytest
import torch
from noisy import of_function, of_mixture

from unnoise._errors import InputError, NonFiniteError
from unnoise.chains import Annealed, Langevin, run
from unnoise.laws import GaussianMixture
from unnoise.testing import ImprobableError, assert_mean

SIGMAS = torch.logspace(math.log10(20), 0, 10).tolist()  # 20 to 1, geometric, as in the paper


@pytest.fixture(scope="module")
def toy():
    """4/5 N((5, 5), I) + 1/5 N((-5, -5), I)."""
    means = torch.tensor([[5.0, 5.0], [-5.0, -5.0]])
    return of_mixture(GaussianMixture(torch.tensor([0.8, 0.2]), means, torch.eye(2).expand(2, 2, 2)))


@pytest.fixture
def start(rng):
    """Uniform on [-8, 8]^2."""
    return 16 * torch.rand(2500, 2, generator=rng) - 8


def right(x):
    """1 for every chain in the mode at (5, 5), 0 for the others."""
    return (x.sum(1) > 0).double()


def test_langevin_weighs_the_modes_alike(toy, start, rng):
    target = toy.at(2e-3)  # the law itself
    x = run(Langevin(target, 0.05), start, 1000, rng).x
    assert_mean(right(x), 0.5, tolerance=0.02)  # the wider basin of the heavier mode
    with pytest.raises(ImprobableError):
        assert_mean(right(x), 0.8, tolerance=0.02)


def test_annealed_langevin_weighs_them_rightly(toy, start, rng):
    x = Annealed(toy, SIGMAS, steps=100, epsilon=0.05).sample(start, rng)
    assert_mean(right(x), 0.8, tolerance=0.02)  # of finitely many steps
    assert_mean((x[x.sum(1) > 0] - 5).square().mean(1), 2.0, tolerance=0.06)  # 1 + 1 at level 1, and of the step


def test_the_factor_of_two_between_paper_and_code(toy, start):
    """x + alpha/2 score + sqrt(alpha) z on the same noise."""
    found = Annealed.as_written(toy, [2.0, 1.0], steps=1, epsilon=0.1).sample(start, torch.Generator().manual_seed(1))
    rng, x = torch.Generator().manual_seed(1), start
    for sigma in (2.0, 1.0):
        alpha = 0.1 * sigma**2
        x = x + alpha / 2 * toy.score(x, sigma) + math.sqrt(alpha) * torch.randn(x.shape, generator=rng)
    torch.testing.assert_close(found, x)
    code = Annealed(toy, [2.0, 1.0], steps=1, epsilon=0.05).sample(start, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found, code)


def test_it_can_end_with_a_jump(toy, start):
    walked, jumped = (
        Annealed(toy, [1.0], 2, 0.1, jump=jump).sample(start, torch.Generator().manual_seed(1))
        for jump in (False, True)
    )
    torch.testing.assert_close(toy.denoise(walked, 1.0), jumped)


def test_every_level_is_reported(toy, start, rng):
    seen = []
    Annealed(toy, SIGMAS, steps=1).sample(start, rng, on_step=lambda index, x: seen.append((index, x.shape)))
    assert [index for index, _ in seen] == list(range(10))


@pytest.mark.parametrize("sigmas", [[], [1.0, 2.0], [1.0, -1.0]])
def test_levels_that_are_none(toy, sigmas):
    with pytest.raises(InputError, match=r"levels|sigmas"):
        Annealed(toy, sigmas)


def test_a_diverging_level_is_named(start, rng):
    exploding = of_function(lambda y, sigma: 1e30 * y, 2)
    with pytest.raises(NonFiniteError, match=r"level 1 of 2, sigma = 2: chain \d+ diverged"):
        Annealed(exploding, [2.0, 1.0], epsilon=1.0).sample(start, rng)
