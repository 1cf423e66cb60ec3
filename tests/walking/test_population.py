"""Annealed populations weigh and integrate exactly; a population that is not weighed does not."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from unnoise import InputError
from unnoise.chains import Density, Independence, RandomWalk
from unnoise.laws import Normal
from unnoise.laws.students import Students
from unnoise.spaces import Euclidean
from unnoise.targets import Ising
from unnoise.testing import ImprobableError, assert_mean
from unnoise.walking import population
from unnoise.walking.functions import Tried
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.movers import LEAPS, FlatMover, SpaceMover
from unnoise.walking.population import annealed, bridge, moved
from unnoise.walking.record import Record
from unnoise.walking.wide import wide_law

F64 = torch.float64
WIDE = Students(torch.ones(1), torch.zeros(1, 2, dtype=F64), 6 * torch.eye(2, dtype=F64)[None], torch.full((1,), 5.0))
CENTRE = torch.tensor([3.0, 3.0], dtype=F64)


def two(x):
    """.2 and .8, times e."""
    near, far = -0.5 * (x + CENTRE).square().sum(-1), -0.5 * (x - CENTRE).square().sum(-1)
    return 1 + torch.logaddexp(near + math.log(0.2), far + math.log(0.8)) - math.log(2 * math.pi)


def run(target, guess, mover, each=1000, rounds=2, effective=0.5, seed=0):
    rng = torch.Generator().manual_seed(seed)
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


def test_the_error_of_the_integral_is_that_over_seeds_and_the_spread_of_four_populations_alone_is_not():
    """Four agree by chance now and then, where the error looks like a fraction of what it is."""
    target, right = Density(lambda x: -0.5 * x.square().sum(-1)), math.log(2 * math.pi)
    found = [run(target, WIDE, FlatMover(), each=64, rounds=1, seed=seed) for seed in range(60)]
    away = torch.stack([torch.logsumexp(one.log_z, 0) - math.log(4) - right for one in found])
    records = [
        Record(one.x.unflatten(0, (4, 64)), None, torch.ones(4, 1), one.log_z, None, one.annealing) for one in found
    ]
    told = torch.tensor([record.log_z_error() for record in records], dtype=F64)
    assert float((away / told).square().mean()) == pytest.approx(0.8, abs=0.4)
    assert float((away / told).abs().max()) < 3.5
    spread = torch.stack([one.log_z.std() / 2 for one in found])
    assert float((away / spread).abs().max()) > 5


def test_without_weights_both_are_wrong(monkeypatch):
    """The broken twin draws particles again without looking at weights."""
    monkeypatch.setattr(
        population, "systematic", lambda weights, each, rng: torch.arange(each).expand(len(weights), -1)
    )
    found = run(Density(two), WIDE, FlatMover(), rounds=1)
    assert abs(float((found.x[:, 0] > 0).double().mean()) - 0.8) > 0.05


def test_a_density_without_a_draw_of_the_guess_is_refused_in_one_sentence():
    """It is minus infinity there, not a large negative number."""
    box = Density(lambda x: torch.where((x - 500).abs().amax(1) < 1, 0.0, -math.inf))
    with pytest.raises(InputError, match="not finite at any draw of the first guess; give guess="):
        run(box, WIDE, FlatMover(), each=64)


def test_spins_have_their_energy_and_their_integral():
    target = Ising((3, 3), 0.3)
    found = run(target, wide_law(target.space), SpaceMover(), each=500)
    agreement = target._agreements(found.x) / 18
    assert_mean(agreement, target.mean_agreement)
    with pytest.raises(ImprobableError):
        assert_mean(agreement, 0.5)
    assert float(found.log_z.mean()) == pytest.approx(target.log_normaliser, abs=0.05)


class Moving(FlatMover):
    """By one kernel, between once and six times as often as asked for."""

    times = (1, 6)

    def __init__(self, kernel):
        self.kernel = kernel

    def kernels(self, target, x, populations):
        return [self.kernel]

    def adapted(self, kernels, acceptances):
        return kernels


def test_moves_go_on_until_energies_are_forgotten():
    """A short step never forgets them, fresh draws do at once."""
    bell = Density(lambda x: -0.5 * x.square().sum(-1))
    x = torch.randn(2000, 2, dtype=F64, generator=torch.Generator().manual_seed(1))

    class Heard(Checkpoint):
        def keep(self, name, value, *also):
            rounds.append(len(value[1]))
            return super().keep(name, value, *also)

    counts = []
    near = Students(WIDE.weights, WIDE.means, WIDE.factors / 4, WIDE.freedom)
    for kernel in (RandomWalk(bell, 1e-3), Independence(bell, near)):
        rounds = []
        moved(bell, x, Moving(kernel), 4, torch.Generator().manual_seed(0), 2, Heard(None))
        counts.append(max(rounds))
    assert counts[0] == 12
    assert 2 <= counts[1] < 12


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


def test_a_rise_leaves_as_many_effective_as_it_is_told_in_the_worst_population():
    space = Euclidean(2)
    found = run(Density(lambda x: two(100 * x), space), WIDE, SpaceMover(), each=100, rounds=1)
    left = found.annealing.effective
    assert len(left) == len(found.betas) - 1 > 1
    assert left[:-1] == pytest.approx([50] * (len(left) - 1), rel=1e-6)
    assert left[-1] > 50


def test_acceptances_are_means_over_rounds_and_kernels_learn_from_the_last(monkeypatch):
    heard = iter([0.2, 0.5, 0.4, 0.7])
    ran = []

    def kernel(size):
        return SimpleNamespace(size=size, start=lambda x, rng: x)

    def run(kernel, x, n, rng):
        ran.append(kernel.size)
        return SimpleNamespace(x=x + 1, acceptance=next(heard))

    def adapted(kernels, acceptances):
        return [kernel(one.size + acceptance) for one, acceptance in zip(kernels, acceptances, strict=True)]

    monkeypatch.setattr(population, "run", run)
    mover = SimpleNamespace(kernels=lambda target, x, n: [kernel(1), kernel(2)], adapted=adapted, times=(1, 1))
    x, accepted = moved(None, torch.zeros(3), mover, 1, torch.Generator(), 2)
    assert accepted == pytest.approx([0.3, 0.6])
    assert x.tolist() == [4, 4, 4]
    assert ran == [1, 2, 1.2, 2.5]


def test_a_round_asks_only_where_particles_are_and_go():
    """Once for every proposal and leap, and once where each of both kernels begins."""
    rng = torch.Generator().manual_seed(2)
    target = Tried(Density(lambda x: -0.5 * x.square().sum(-1)), Euclidean(2))
    moved(target, torch.randn(400, 2, dtype=F64, generator=rng), FlatMover(), 4, rng, 3)
    assert target.evaluations == 3 * 400 * (2 + 1 + LEAPS)
