"""Annealed populations weigh and integrate exactly; a population that is not weighed does not."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.laws import Normal
from unnoise.laws.students import Students
from unnoise.spaces import Euclidean
from unnoise.targets import Ising
from unnoise.testing import ImprobableError, assert_mean
from unnoise.walking import population
from unnoise.walking.functions import Tried
from unnoise.walking.movers import LEAPS, FlatMover, SpaceMover
from unnoise.walking.population import annealed, bridge, moved
from unnoise.walking.wide import wide_law

F64 = torch.float64
WIDE = Students(torch.ones(1), torch.zeros(1, 2, dtype=F64), 6 * torch.eye(2, dtype=F64)[None], torch.full((1,), 5.0))
CENTRE = torch.tensor([3.0, 3.0], dtype=F64)


def two(x):
    """.2 and .8, times e."""
    near, far = -0.5 * (x + CENTRE).square().sum(-1), -0.5 * (x - CENTRE).square().sum(-1)
    return 1 + torch.logaddexp(near + math.log(0.2), far + math.log(0.8)) - math.log(2 * math.pi)


def run(target, guess, mover, each=1000, rounds=2, effective=0.5):
    rng = torch.Generator().manual_seed(0)
    return annealed(
        target, guess, mover, 4, each, rng, rounds=rounds, effective=effective, tell=lambda done, note: None
    )


def test_modes_have_their_weights_and_the_integral_is_right():
    found = run(Density(two), WIDE, FlatMover())
    shares = (found.x[:, 0] > 0).double().reshape(4, 1000).mean(1)
    assert float(shares.mean()) == pytest.approx(0.8, abs=0.04)
    assert float(found.log_z.mean()) == pytest.approx(1, abs=0.1)
    assert found.betas[-1] == 1
    assert sorted(found.betas) == found.betas


def test_without_weights_both_are_wrong(monkeypatch):
    """The broken twin draws particles again without looking at weights."""
    monkeypatch.setattr(
        population, "systematic", lambda weights, each, rng: torch.arange(each).expand(len(weights), -1)
    )
    found = run(Density(two), WIDE, FlatMover(), rounds=1)
    assert abs(float((found.x[:, 0] > 0).double().mean()) - 0.8) > 0.05


def test_spins_have_their_energy_and_their_integral():
    target = Ising((3, 3), 0.3)
    found = run(target, wide_law(target.space), SpaceMover(), each=500, rounds=10)
    agreement = target._agreements(found.x) / 18
    assert_mean(agreement, target.mean_agreement)
    with pytest.raises(ImprobableError):
        assert_mean(agreement, 0.5)
    assert float(found.log_z.mean()) == pytest.approx(target.log_normaliser, abs=0.05)


def test_a_bridge_is_the_guess_the_target_and_what_lies_between():
    guess, target = Normal(torch.zeros(2, dtype=F64), torch.tensor(2.0, dtype=F64), 1), Density(two)
    x = torch.randn(5, 2, dtype=F64, generator=torch.Generator().manual_seed(1))
    for beta in (0.25, 1.0):
        between = bridge(guess, target, beta)
        expected = beta * target.log_prob(x) + (1 - beta) * guess.log_prob(x)
        value, score = between.log_prob_and_score(x)
        torch.testing.assert_close(value, expected)
        torch.testing.assert_close(between.log_prob(x), expected)
        torch.testing.assert_close(score, beta * target.score(x) + (1 - beta) * guess.score(x))


def test_rounds_at_the_target_keep_it():
    rng = torch.Generator().manual_seed(2)
    target = Density(lambda x: -0.5 * x.square().sum(-1))
    x, accepted = moved(target, torch.randn(4000, 2, dtype=F64, generator=rng), FlatMover(), 4, rng, 3)
    assert_mean(x.square().sum(1), 2.0)
    assert min(accepted) > 0.5


def test_a_round_asks_only_where_particles_are_and_go():
    """Once for every proposal and leap, and once where each of both kernels begins."""
    rng = torch.Generator().manual_seed(2)
    target = Tried(Density(lambda x: -0.5 * x.square().sum(-1)), Euclidean(2))
    moved(target, torch.randn(400, 2, dtype=F64, generator=rng), FlatMover(), 4, rng, 3)
    assert target.evaluations == 3 * 400 * (2 + 1 + LEAPS)
