"""Draws of a density are in balance, with jumps and edges, and those that miss a part are not."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise.chains import Density
from unnoise.laws import Normal
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean
from unnoise.walking.balance import from_zero, moved_on, novelty, steepest
from unnoise.walking.functions import Tried
from unnoise.walking.movers import by_modes, halves
from unnoise.walking.verdict import STEEP, SURE

F64, N = torch.float64, 4000
one = torch.ones((), dtype=F64)


def bell(x):
    return -0.5 * x.square().sum(-1)


def step(x):
    """Twice as high on one half."""
    return bell(x) + torch.where(x[:, 0] > 0, math.log(2), 0.0)


def corner(x):
    return torch.where((x > 0).all(1), -x.sum(1), -math.inf)


def root(x):
    """Infinite at its edges."""
    return torch.where((x > 0).all(1), -0.5 * x.log().sum(1) - x.sum(1), -math.inf)


def normals():
    return torch.randn(N, 2, generator=torch.Generator().manual_seed(2), dtype=F64)


def stepped():
    x, right = normals(), torch.rand(N, generator=torch.Generator().manual_seed(3)) < 2 / 3
    x[:, 0] = torch.where(right, 1.0, -1.0) * x[:, 0].abs()
    return x


DRAWS = {
    "smooth": (bell, normals(), lambda x: x[:, 0] > -1),
    "with a jump": (step, stepped(), lambda x: x[:, 0] > -1),
    "with a jump, along another axis": (step, stepped(), lambda x: x[:, 1] > -1),
    "with an edge": (corner, -torch.log(torch.special.ndtr(normals())), lambda x: x[:, 0] > 0.2),
    "with an infinite edge": (root, 0.5 * normals() ** 2, lambda x: x[:, 0] > 0.2),
}


@pytest.mark.parametrize("name", DRAWS)
def test_exact_draws_are_in_balance_and_those_that_miss_a_part_are_not(name):
    log_prob, x, some = DRAWS[name]
    target = Density(log_prob)
    assert steepest(target, x) < STEEP
    assert steepest(target, x[some(x)]) > STEEP


def test_slopes_alone_doubt_exact_draws_of_a_density_that_jumps():
    x, shift = stepped(), torch.tensor([[0.5, 0.0]], dtype=F64)
    target = Density(step)
    assert float(from_zero(target.score(x))[0]) > 2 * STEEP
    forth, back = ((step(x + v) - step(x)).clamp(max=0).exp() for v in (shift, -shift))
    assert_mean(forth - back, 0.0)
    with pytest.raises(ImprobableError):
        assert_mean(target.score(x)[:, 0], 0.0)


def test_means_are_told_in_their_standard_errors():
    """As if two in three particles were independent."""
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0], [2.0, 0.5], [4.0, 0.0]], dtype=F64)
    errors = x.std(0) / math.sqrt(4 / 1.5)
    torch.testing.assert_close(from_zero(x), x.mean(0) / errors)
    assert steepest(Density(bell), x) == pytest.approx(float((x.mean(0) / errors).max()))


def test_shifts_are_asked_along_steep_axes_alone():
    target = Tried(Density(step), Euclidean(2))
    steepest(target, stepped())
    assert target.evaluations == N * (1 + 2 * 3)


POPULATIONS = 4


def stepped_on(x):
    """Normal numbers that forget some of what they were."""
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(4), dtype=F64)
    return 0.8 * x + 0.6 * noise


def test_draws_that_go_to_and_fro_stay_and_those_that_spread_or_drift_move_on():
    before = normals()
    assert moved_on(before, stepped_on(before), POPULATIONS) < SURE
    short = 0.7 * before  # of both ends
    assert moved_on(short, stepped_on(short), POPULATIONS) > SURE
    assert moved_on(before, stepped_on(before) + 0.3, POPULATIONS) > SURE


def bent(x):
    """Of a normal law in twenty dimensions with one number around the square of another."""
    away = torch.cat([x[:, :1], x[:, 1:2] - x[:, :1].square() + 1, x[:, 2:]], 1)
    return bell(away)


def bends(seed, longest=math.inf):
    x = torch.randn(2 * N, 20, dtype=F64, generator=torch.Generator().manual_seed(seed))
    x = x[x[:, 0].abs() < longest][:N]
    return torch.cat([x[:, :1], x[:, 1:2] + x[:, :1].square() - 1, x[:, 2:]], 1)


@pytest.mark.parametrize(("longest", "new"), [(math.inf, False), (2.2, True)])
def test_what_lies_beyond_a_law_of_those_before_is_new(longest, new):
    """Of all particles 3 % are to come there."""
    target, before, after = Density(bent), bends(0, longest), bends(1)
    found = novelty(target, halves(before), before, after)
    if not new:
        assert_mean(found, 0.0)
    else:
        with pytest.raises(ImprobableError):
            assert_mean(found, 0.0)


@pytest.mark.parametrize(("fit", "new"), [(halves, False), (by_modes, True)])
def test_no_particle_is_new_to_a_law_that_knows_none_of_them(fit, new):
    """Of a normal law, in which nothing is left to tell but what the fit makes of the rows it knows."""
    before, after = (torch.randn(N, 22, generator=torch.Generator().manual_seed(seed), dtype=F64) for seed in (3, 4))
    found = novelty(Density(bell), fit(before), before, after)
    assert (moved_on(before, after, POPULATIONS, found) > SURE) == new


def test_novelty_is_the_gain_of_exponential_scores():
    """The density is one, and so log p - log q rises with the distance from zero."""
    before, law = torch.tensor([[1.0], [2.0], [3.0], [4.0]], dtype=F64), Normal(torch.zeros(1, dtype=F64), one, 1)
    after = torch.tensor([[5.0], [0.0], [-3.0], [3.5]], dtype=F64)
    ranks = torch.tensor([[4, 0, 2, 3], [0, 1, 2, 3]], dtype=F64) / 5
    scores = -torch.log1p(-ranks)
    torch.testing.assert_close(novelty(Density(lambda x: 0 * x[:, 0]), law, before, after), scores[0] - scores[1])


def test_populations_that_move_by_chance_as_children_of_few_do_not_move_on():
    """All of a population by the same, to either side."""
    before = normals()
    by = torch.tensor([0.9, -0.2, 0.1, -0.3], dtype=F64).repeat_interleave(N // POPULATIONS)[:, None]
    after = stepped_on(before) + by
    assert float(from_zero(after - before).max()) > STEEP
    assert moved_on(before, after, POPULATIONS) < SURE


def test_numbers_that_never_change_have_not_moved():
    same = torch.ones(8, 2, dtype=F64)
    assert moved_on(same, same, POPULATIONS) == 0


def test_numbers_that_were_all_alike_and_begin_to_differ_hide_no_others():
    """As a bit that no particle had set."""
    before, bit = normals(), torch.zeros(N, 1, dtype=F64)
    after = torch.cat([stepped_on(before) + 0.3, (torch.arange(N)[:, None] % 7 == 0).to(F64)], 1)
    assert moved_on(torch.cat([before, bit], 1), after, POPULATIONS) > SURE
