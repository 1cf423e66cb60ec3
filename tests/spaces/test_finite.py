"""Finite spaces: what a point is, and what jumps do, by brute force over all points."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from checked import OF_SPACE, assert_checked

from unnoise._errors import InputError
from unnoise.laws import HasRatios, LogDensity
from unnoise.processes import CTMC
from unnoise.processes.rates import Absorbing, BirthDeath, UniformRates
from unnoise.spaces import Finite, Jump
from unnoise.testing import ImprobableError, assert_mean, check_space

FLOAT64 = torch.float64
SPACE = Finite(2, 3)
POINTS = torch.cartesian_prod(torch.arange(3), torch.arange(3))


@pytest.fixture
def generator(rng):
    """Rates of all points, and the matrix of them between points."""
    rates = torch.rand(9, 2, 3, generator=rng, dtype=FLOAT64)
    matrix = torch.zeros(9, 9, dtype=FLOAT64)
    for i, x in enumerate(POINTS):
        for site in range(2):
            for state in range(3):
                y = x.clone()
                y[site] = state
                matrix[i, 3 * y[0] + y[1]] += rates[i, site, state] * (state != x[site])
    return rates, matrix


def table(values):
    """A function of points, by its values."""
    return lambda x: values[3 * x[..., 0] + x[..., 1]]


class TestPoints:
    @pytest.mark.parametrize(
        ("x", "said"),
        [
            (torch.zeros(4, 2), r"got torch.float32 where states are due; Finite expects whole numbers"),
            (torch.zeros(4, 3, dtype=torch.int64), r"got points of shape \(3,\); Finite expects \(2,\)"),
            (torch.tensor([[0, 1], [2, 3]]), r"got the state 3 at row 1, site \(1,\), which has the states 0 to 2"),
            (torch.tensor([[0, -1]]), r"got the state -1 at row 0, site \(1,\), which has the states 0 to 2"),
        ],
    )
    def test_what_is_no_point_is_refused(self, x, said):
        with pytest.raises(InputError, match=f"^{said}"):
            SPACE.check(x)

    def test_sites_of_unequal_size(self):
        space = Finite(2, (2, 4))
        space.check(torch.tensor([[1, 3]]))
        with pytest.raises(InputError, match=r"got the state 2 at row 0, site \(0,\), which has the states 0 to 1"):
            space.check(torch.tensor([[2, 3]]))

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (((), 3), "a whole number or a tuple of 1 or more"),
            ((0, 3), "expected a whole number from 1"),
            ((2, 1), "must have at least 2"),
            ((3, (2, 2)), "got 2 numbers of states for sites of shape"),
        ],
    )
    def test_what_is_no_space_is_refused(self, arguments, said):
        with pytest.raises(InputError, match=said):
            Finite(*arguments)

    def test_features_are_one_hot(self):
        assert SPACE.features(torch.tensor([[0, 2]])).tolist() == [[[1, 0, 0], [0, 0, 1]]]

    def test_a_tuple_of_equal_sizes_is_a_number(self):
        assert Finite(2, (3, 3)) == SPACE


class TestJumps:
    def test_apply_is_the_matrix(self, generator, rng):
        rates, matrix = generator
        f = torch.randn(9, generator=rng, dtype=FLOAT64)
        expected = matrix @ f - matrix.sum(1) * f
        torch.testing.assert_close(SPACE.apply(Jump(rates), table(f), POINTS), expected)

    def test_phi_is_its_definition(self, generator, rng):
        rates, matrix = generator
        log_f = torch.randn(9, generator=rng, dtype=FLOAT64)
        change = log_f - log_f[:, None]
        expected = (matrix * (change.exp() - 1 - change)).sum(1)
        torch.testing.assert_close(SPACE.phi(Jump(rates), table(log_f), POINTS), expected)

    def test_implicit_is_its_definition(self, generator, rng):
        rates, there = generator
        others = rates.roll(1, 0) + 0.3
        back = torch.zeros(9, 9, dtype=FLOAT64)
        for i in range(9):
            unit = torch.eye(9, dtype=FLOAT64)
            back[i] = torch.stack([SPACE.apply(Jump(others), table(unit[j]), POINTS)[i] for j in range(9)])
        back.fill_diagonal_(0)
        logs = torch.where(there > 0, there * (back.T / torch.where(there > 0, there, 1)).log(), 0)
        expected = (back - there - logs).sum(1)

        def reverse(x):
            return Jump(others[3 * x[..., 0] + x[..., 1]])

        found = SPACE.implicit(lambda x: Jump(rates), reverse, POINTS)
        torch.testing.assert_close(found, expected)
        groups = SPACE.probes(POINTS, 40_000, rng).split(200)
        estimates = [SPACE.implicit(lambda x: Jump(rates), reverse, POINTS, probes) for probes in groups]
        assert_mean(torch.stack(estimates), expected)
        with pytest.raises(ImprobableError):
            assert_mean(torch.stack(estimates), 1.1 * expected)

    def test_groups_of_neighbours_do_not_change_the_sum(self, generator, rng, monkeypatch):
        rates, _ = generator
        f = table(torch.randn(9, generator=rng, dtype=FLOAT64))
        whole = SPACE.apply(Jump(rates), f, POINTS), SPACE.phi(Jump(rates), f, POINTS)
        monkeypatch.setattr("unnoise.spaces.sites.NUMBERS_AT_ONCE", 40)
        torch.testing.assert_close(SPACE.apply(Jump(rates), f, POINTS), whole[0])
        torch.testing.assert_close(SPACE.phi(Jump(rates), f, POINTS), whole[1])

    def test_what_has_no_rate_costs_nothing_however_unlikely(self):
        rates = torch.tensor([[[0.0, 1.0, 0.0]]], dtype=FLOAT64)
        log_f = torch.tensor([0.0, 1.0, -torch.inf], dtype=FLOAT64)
        found = Finite(1, 3).phi(Jump(rates), lambda x: log_f[x[..., 0]], torch.tensor([[0]]))
        torch.testing.assert_close(found, torch.tensor([torch.e - 2], dtype=FLOAT64))

    def test_move_is_the_exponential_of_one_site(self):
        rates = torch.tensor([[[7.0, 1.0, 3.0]]], dtype=FLOAT64)
        law = Finite(1, 3).move(torch.tensor([[0]]), Jump(rates), torch.tensor(0.1, dtype=FLOAT64))
        gone = -torch.expm1(torch.tensor(-0.4, dtype=FLOAT64))
        expected = torch.stack([1 - gone, gone / 4, 3 * gone / 4])
        torch.testing.assert_close(law.probs[0, 0], expected)

    @pytest.mark.parametrize("known", [False, True])
    def test_states_that_a_site_lacks_are_not_asked_and_have_no_rate(self, known):
        """Neither of a function, which may not have them, nor of one that knows its ratios."""
        space = Finite(2, (2, 4))

        class Target(HasRatios if known else LogDensity):
            support = space

            def log_prob(self, x):
                space.check(x)
                return x.sum(-1).double()

            def log_ratios(self, x):
                return (torch.arange(4) - x[..., None]).double()

        x = torch.tensor([[1, 3], [0, 2]])
        _, local = space.reversible(Target(), x)
        assert torch.equal(local.rates[:, 0, 2:], torch.zeros(2, 2, dtype=FLOAT64))
        torch.testing.assert_close(
            local.rates[:, 1], torch.sigmoid(torch.arange(4) - x[:, 1:]).double(), rtol=1e-6, atol=0
        )

    def test_a_site_without_rates_stays(self):
        law = Finite(1, 3).move(torch.tensor([[1]]), Jump(torch.zeros(1, 1, 3)), torch.tensor(0.5))
        assert law.probs.tolist() == [[[0, 1, 0]]]


LOCALS = {
    "uniform": (CTMC(SPACE, UniformRates(3)), POINTS[[0, 5, 7]]),
    "absorbing": (CTMC(SPACE, Absorbing(3)), POINTS[[0, 5, 4]]),
    "birth and death": (CTMC(SPACE, BirthDeath(3)), POINTS[[0, 5, 7]]),
    "unequal": (CTMC(Finite(2, (2, 4)), UniformRates((2, 4))), torch.tensor([[0, 3], [1, 1], [1, 0]])),
    "image": (
        CTMC(Finite((2, 2), 3), UniformRates(3)),
        torch.tensor([[[0, 1], [2, 0]], [[1, 1], [0, 0]], [[2, 2], [0, 1]]]),
    ),
}


@pytest.mark.parametrize("name", LOCALS)
def test_it_keeps_the_properties(name):
    process, points = LOCALS[name]
    local = partial(process.forward, t=torch.tensor(0.5, dtype=FLOAT64))
    assert_checked(check_space(process.space, points, local, draws=2000), OF_SPACE)


class TwiceAtOnce(Finite):
    """A move in which rates are taken for probabilities twice over."""

    def move(self, x, local, dt):
        return super().move(x, local, 2 * dt)


class Stray(Finite):
    def neighbours(self, x, numbers):
        return super().neighbours(x, numbers // 2)


@pytest.mark.parametrize("twin", [TwiceAtOnce, Stray])
def test_a_broken_twin_is_caught(twin):
    process, points = LOCALS["uniform"]
    local = partial(process.forward, t=torch.tensor(0.5, dtype=FLOAT64))
    failed = check_space(twin(2, 3), points, local, draws=40_000, raises=False).failed
    assert any("small moves follow the generator" in finding.claim for finding in failed)
