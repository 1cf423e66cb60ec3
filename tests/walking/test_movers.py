"""What particles propose, and how steps find their length."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from unnoise.chains import Blocks, Density, Hamiltonian, Independence, Metropolis, RandomWalk, Relabelled, Stretch
from unnoise.laws.students import Students
from unnoise.spaces import Counts, Euclidean, Finite, Sphere, product
from unnoise.targets import Ising
from unnoise.testing import ImprobableError, assert_mean
from unnoise.walking.functions import Function
from unnoise.walking.movers import (
    BLOCK_ROUNDS,
    LEAP,
    LEAPS,
    SPACE_ROUNDS,
    FlatMover,
    Halves,
    SpaceMover,
    adapted,
    by_modes,
    common_factor,
    fitted,
)
from unnoise.walking.population import moved

F64 = torch.float64
BELL = Density(lambda x: -0.5 * x.square().sum(-1))
SCALES = torch.tensor([1e-3, 1.0, 1e5], dtype=F64)


def normal(n, seed=0):
    return SCALES * torch.randn(n, 3, dtype=F64, generator=torch.Generator().manual_seed(seed))


def test_a_step_that_is_refused_gets_shorter_and_one_that_is_taken_longer():
    kernel = Hamiltonian(BELL, 0.5)
    assert adapted(kernel, 0.1).step_size < 0.5 < adapted(kernel, 1.0).step_size
    assert adapted(Hamiltonian(BELL, 1.9), 1.0).step_size == 2.0
    assert adapted(RandomWalk(BELL, 0.5), 0.3).step_size == pytest.approx(0.5)


def test_a_common_factor_is_the_covariance_within_parts():
    x = normal(4000)
    x[2000:] += 50 * SCALES
    part = (torch.arange(4000) >= 2000).long()
    factor = common_factor(x, part) / SCALES[:, None]
    torch.testing.assert_close(factor @ factor.T, torch.eye(3, dtype=F64), rtol=0.1, atol=0.1)
    wide = common_factor(x, 0 * part) / SCALES[:, None]
    assert float((wide @ wide.T)[0, 0]) > 100


def test_a_fitted_mixture_scores_near_the_truth():
    x, fresh = normal(4000), normal(4000, seed=1)
    truth = -0.5 * (fresh / SCALES).square().sum(1) - SCALES.log().sum() - 1.5 * torch.log(torch.tensor(2 * torch.pi))
    assert float((truth - fitted(x).log_prob(fresh)).mean()) == pytest.approx(0, abs=0.15)


def test_each_half_is_proposed_the_other_half():
    x = torch.cat([normal(2000), normal(2000) + 100 * SCALES])
    independence, local = FlatMover().kernels(BELL, x, 4)
    assert isinstance(independence, Independence)
    assert isinstance(independence.law, Halves)
    drawn = independence.law.sample(torch.Generator().manual_seed(0), (4000,)) / SCALES
    assert float(drawn[:2000].mean()) > 90
    assert abs(float(drawn[2000:].mean())) < 10
    assert isinstance(local, Hamiltonian)
    assert isinstance(FlatMover(sloped=False).kernels(BELL, x, 4)[1], RandomWalk)


def test_later_attempts_leap_longer_and_with_more_care():
    """Without gradients they walk as many times as often."""
    x = normal(400)
    _, local = FlatMover(leaps=4 * LEAPS).kernels(BELL, x, 4)
    assert local.leaps == 4 * LEAPS
    assert adapted(local, 0.85).step_size < local.step_size < adapted(replace(local, leaps=LEAPS), 0.85).step_size
    mover = FlatMover(sloped=False, leaps=4 * LEAPS, heavy=(x[0], torch.eye(3, dtype=F64), torch.eye(3, dtype=F64)))
    kernels = mover.kernels(BELL, x, 4)
    walks = [index for index, one in enumerate(kernels) if isinstance(one, RandomWalk)]
    assert walks == [1, 2, 3, 4]
    better = mover.adapted(kernels, [0.5] * len(kernels))
    assert [type(one) for one in better] == [type(one) for one in kernels]
    assert {better[i].step_size for i in walks} == {mover.step_size} != {kernels[1].step_size}


BEND = 3.0


def bent(x):
    """Haario's twisted normal law: all but the second number are normal, of deviation 1, and it around a square."""
    away = x[:, 1] - BEND * (x[:, 0].square() - 1)
    return -0.5 * (away.square() + x[:, 0].square() + x[:, 2:].square().sum(1))


@pytest.mark.parametrize("leaps", [16, LEAPS])
def test_long_leaps_reach_the_ends_of_a_bend_that_no_particle_knows(leaps):
    """Four at a time leave half of them out in as many rounds."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(8000, 20, dtype=F64, generator=rng)
    ends = x[:, 0].abs() > 1.5
    x[ends, 0] = 1.5 * (2 * torch.rand(int(ends.sum()), dtype=F64, generator=rng) - 1)
    x[:, 1] += BEND * (x[:, 0].square() - 1)
    target = Density(bent, Euclidean(20))
    x, _ = moved(target, x, FlatMover(leaps=leaps), 4, rng, 16)
    beyond = (x[:, 0].abs() > 2).double()
    right = math.erfc(math.sqrt(2))
    if leaps > LEAPS:
        assert_mean(beyond, right)
    else:
        with pytest.raises(ImprobableError):
            assert_mean(beyond, right)


def test_spaces_remember_their_step():
    mover = SpaceMover()
    (kernel,) = mover.kernels(Density(lambda x: x[..., 2], Sphere(2)), None, 4)
    mover.adapted([kernel], [1.0])
    assert mover.step_size > 0.1


def test_numbers_beside_others_walk_in_units_of_their_own_covariance():
    """Counts around 1e5 and numbers of 1e-3 have no step in common."""
    rng = torch.Generator().manual_seed(6)
    x = {
        "n": torch.poisson(torch.full((4000, 1), 1e5), generator=rng).long(),
        "s": torch.randint(2, (4000, 1), generator=rng),
        "x": normal(4000)[:, :1],
    }
    space = product({"n": Counts(1), "s": Finite(1, 2), "x": Euclidean(1)})
    target = Function(lambda at: -at["n"][:, 0], space, sloped=False)
    mover = SpaceMover()
    kernels = mover.kernels(target, x, 4)
    factor = kernels[-1].factor
    assert (factor @ factor.T).diagonal().sqrt().tolist() == pytest.approx([1e5**0.5, 1e-3], rel=0.15)
    counts, bits, numbers, walk = mover.adapted(kernels, [1.0, 0.3, 0.9, 0.1])
    assert walk.step_size == mover.stride < 1
    steps = {one.factor.name: one.step_size for one in (counts, bits, numbers)}
    assert steps == mover.steps
    assert steps["n"] > 0.1 > steps["s"]
    assert float(numbers.kernel.factor) == pytest.approx(1e-3, rel=0.15)
    assert [one.step_size for one in mover.kernels(target, x, 4)[:3]] == list(steps.values())


def test_a_few_that_lie_far_away_do_not_say_how_far_others_walk():
    x = normal(4000)[:, :1]
    x[:50] = 1e9
    target = Function(lambda at: -at["x"][:, 0].square(), product({"x": Euclidean(1)}), sloped=True)
    factor = SpaceMover().kernels(target, {"x": x}, 4)[-1].factor
    assert float(factor) == pytest.approx(1e-3, rel=0.15)


def test_blocks_of_sites_are_drawn_until_many_are_refused():
    ring = Ising(4, 0.3)
    mover = SpaceMover(((0, 2), (1, 3)))
    blocks, names = mover.kernels(ring, None, 4)
    assert isinstance(blocks, Blocks)
    assert isinstance(names, Relabelled)
    assert mover.times == BLOCK_ROUNDS
    assert mover.adapted([blocks, names], [1.0, 0.0]) == [blocks, names]
    (kernel,) = mover.adapted([blocks, names], [0.1, 0.0])
    assert isinstance(kernel, Metropolis)
    assert mover.times == SPACE_ROUNDS
    assert isinstance(mover.kernels(ring, None, 4)[0], Metropolis)


def test_known_modes_are_proposed_in_their_shares():
    """Three narrow modes that one normal law would smear."""
    rng = torch.Generator().manual_seed(4)
    centres = 1e3 * torch.randn(3, 12, dtype=F64, generator=rng)
    part = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), 1500, replacement=True, generator=rng)
    x = centres[part] + torch.randn(1500, 12, dtype=F64, generator=rng)
    unit = torch.eye(12, dtype=F64).expand(3, 12, 12)
    law = fitted(x, Students(torch.ones(3), centres, unit, torch.full((3,), 5.0)))
    fresh = centres[part] + torch.randn(1500, 12, dtype=F64, generator=rng)
    truth = torch.tensor([0.6, 0.3, 0.1]).log()[part] - 0.5 * (fresh - centres[part]).square().sum(1)
    truth = truth - 6 * torch.log(torch.tensor(2 * torch.pi))
    assert float((truth - law.log_prob(fresh)).mean()) < 0.35
    assert float((truth - fitted(x).log_prob(fresh)).mean()) > 1


def test_local_moves_are_as_long_as_parts_are_wide_though_halves_lie_apart():
    x = torch.cat([normal(400), normal(400) + 100 * SCALES])
    factor = FlatMover().kernels(BELL, x, 4)[1].factor / SCALES[:, None]
    assert float((factor @ factor.T).diagonal().max()) < 1.5


def test_a_law_of_each_mode_has_the_moments_of_its_points_and_of_one_point_leans_towards_the_common_shape():
    """In whatever order they come; with d + 1 points more of the common shape."""
    rng = torch.Generator().manual_seed(5)
    centres = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]], dtype=F64)
    part = torch.tensor([0, 1, 0] * 40 + [2])
    shapes = torch.tensor([[0.1, 2.0], [2.0, 0.1], [1.0, 1.0]], dtype=F64)
    x = centres[part] + shapes[part] * torch.randn(121, 2, dtype=F64, generator=rng)
    unit = torch.eye(2, dtype=F64).expand(3, 2, 2)
    law = by_modes(x, Students(torch.ones(3), centres, unit, torch.full((3,), 5.0)))
    torch.testing.assert_close(law.weights, torch.tensor([80, 40, 1], dtype=F64) / 121)
    torch.testing.assert_close(law.means, torch.stack([x[part == i].mean(0) for i in range(3)]))
    common = common_factor(x, part)
    for i, count in enumerate((80, 40, 1)):
        rest = x[part == i] - law.means[i]
        expected = (rest.T @ rest + 3 * common @ common.T) / (count + 3)
        torch.testing.assert_close(law.factors[i] @ law.factors[i].T, expected)


def test_a_step_is_no_longer_than_half_of_what_a_space_allows():
    mover, sphere = SpaceMover(), Sphere(2)
    kernel = replace(mover.kernels(Density(lambda x: x[..., 2], sphere), None, 4)[0], step_size=100.0)
    (local,) = mover.adapted([kernel], [1.0])
    assert local.step_size == mover.step_size == 0.5 * sphere.longest_move


def test_leaps_of_counts_stay_short():
    """The chance of a leap by millions is a sum of as many terms as memory does not hold."""
    mover = SpaceMover(step_size=60.0)
    kernels = mover.kernels(Function(lambda n: -n[:, 0], Counts(1), sloped=False), torch.tensor([[3], [10**9]]), 1)
    assert mover.adapted(kernels, [1.0, 0.3])[0].step_size == mover.step_size == LEAP


def test_directions_of_heavy_tails_and_all_at_once_are_stretched_several_times_a_round():
    unit = torch.eye(3, dtype=F64)
    for directions, times in ((unit[:1], 3), (unit[:2], 9)):
        mover = FlatMover(heavy=(torch.zeros(3, dtype=F64), directions, directions))
        kernels = mover.kernels(BELL, normal(400), 4)
        assert [type(kernel) for kernel in kernels] == [Independence, Hamiltonian, *times * [Stretch]]
        assert all(kernel.directions is directions for kernel in kernels[2:])
        assert mover.adapted(kernels, [0.5, 0.9, *times * [0.4]])[2:] == kernels[2:]
    assert len(FlatMover().kernels(BELL, normal(400), 4)) == 2
