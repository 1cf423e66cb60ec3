"""Tau-leaping: the law of one leap, the order of many, and the shipped laws."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import chi2_contingency

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.processes import CTMC, edm
from unnoise.processes.rates import Absorbing, BirthDeath, GaussianTarget, Refresh, UniformRates
from unnoise.samplers import TauLeaping
from unnoise.samplers.tau_leaping import leap_in_order, leap_once
from unnoise.schedules import Erasing
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_frequencies, assert_mean, assert_probable, check_sampler

FLOAT64 = torch.float64
WORDS = torch.tensor([[0, 0], [1, 4], [3, 1]])
PROCESSES = {
    "uniform": CTMC(Finite(2, 5), UniformRates(5)),
    "absorbing": CTMC(Finite(2, 6), Absorbing(6)),
    "unequal": CTMC(Finite(2, (4, 6)), UniformRates((4, 6))),
    "birth and death": CTMC(Finite(2, 5), BirthDeath(5)),
    "gaussian": CTMC(Finite(2, 5), GaussianTarget(5, reach=2.0, width=2.0)),
}


@pytest.mark.parametrize("name", ["absorbing", "gaussian", "unequal"])
def test_it_keeps_the_laws(name):
    check_sampler(TauLeaping, PROCESSES[name], WORDS, draws=2000, steps=20)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_it_keeps_the_laws_at_many_draws(name):
    check_sampler(TauLeaping, PROCESSES[name], WORDS, draws=20_000, steps=32)


class Backwards(TauLeaping):
    """At the rates of the noise."""

    def step(self, state, t, s, rng, cond=None):
        return leap_once(state, self.process.forward(state, t).rates, t - s, rng)


class Twice(TauLeaping):
    def step(self, state, t, s, rng, cond=None):
        return super().step(state, t, 2 * s - t, rng, cond)


@pytest.mark.parametrize("twin", [Backwards, Twice])
def test_a_broken_twin_is_caught(twin):
    failed = check_sampler(twin, PROCESSES["uniform"], WORDS, draws=2000, steps=16, raises=False).failed
    assert any("half way" in finding.claim for finding in failed), failed


class TestOneLeap:
    rates = torch.tensor([0.4, 0.0, 1.1, 0.0, 0.7], dtype=FLOAT64)
    n = 20_000

    def leap(self, how, dt, rng):
        x = torch.ones(self.n, dtype=torch.int64)
        return how(x, self.rates.expand(self.n, 5), torch.tensor(dt, dtype=FLOAT64), rng)

    @staticmethod
    def assert_alike(one, other):
        table = torch.stack([torch.bincount(states, minlength=5) for states in (one, other)])
        assert_probable(chi2_contingency(table.numpy() + 1).pvalue, "two sets of states have one law")

    def test_without_order_one_jump_is_made_and_more_are_refused(self, rng):
        dt, total = 0.5, 2.2
        once, in_order = (torch.bincount(self.leap(how, dt, rng), minlength=5) for how in (leap_once, leap_in_order))
        single = math.exp(-total * dt) * dt * self.rates
        expected = torch.where(torch.arange(5) == 1, 1 - single.sum(), single)
        assert once[3] == 0
        assert_frequencies(once, expected)
        with pytest.raises(ImprobableError):
            assert_frequencies(in_order, expected)

    @pytest.mark.parametrize("dt", [0.3, 5.0], ids=["few", "many"])
    def test_in_order_all_jumps_are_made_as_far_as_there_are_states(self, dt, rng):
        """Against a Poisson number for every state, by sampling; few and many jumps are drawn in different ways."""
        found = self.leap(leap_in_order, dt, rng)
        jumps = torch.poisson((self.rates * dt).expand(self.n, 5), generator=rng)
        expected = (1 + (jumps * (torch.arange(5) - 1)).sum(-1)).clamp(0, 4).long()
        self.assert_alike(found, expected)
        with pytest.raises(ImprobableError):
            self.assert_alike(self.leap(leap_once, dt, rng), expected)

    def test_many_jumps_have_the_mean_and_variance_of_theirs(self, rng):
        x = torch.full((self.n,), 100)
        rates = torch.zeros(self.n, 200)
        rates[:, 101], rates[:, 99] = 40.0, 30.0
        shift = (leap_in_order(x, rates, torch.tensor(1.0), rng) - 100).double()
        assert_mean(shift, 10.0)
        assert_mean((shift - 10).square(), 70.0)
        with pytest.raises(ImprobableError):
            assert_mean((shift - 10).square(), 40.0)  # jumps up alone

    def test_nothing_happens_without_rates(self, rng):
        x = torch.tensor([[0, 3], [2, 1]])
        for leap in (leap_once, leap_in_order):
            assert torch.equal(leap(x, torch.zeros(2, 2, 4), torch.tensor(0.5), rng), x)


def test_the_weak_error_is_of_first_order():
    """One site of two states: the law after n leaps is a product of matrices, so that no chance is in the error."""
    process = CTMC(Finite(1, 2), Refresh([0.6, 0.4]), Erasing(1e-3, 0.1))
    denoiser = Exact(process, torch.tensor([[0], [1]]), torch.tensor([0.3, 0.7], dtype=FLOAT64))
    x = torch.tensor([[0], [1]])

    def truth(t):
        return torch.tensor([0.3, 0.7], dtype=FLOAT64) @ process.marginal(x, t).probs[:, 0]

    def error(moves):
        times = torch.linspace(1, 0.5, moves + 1, dtype=FLOAT64)
        p = truth(times[0])
        for t in times[:-1]:
            mean = process.reverse(x, denoiser(x, t), t).rates[:, 0].sum(-1) * 0.5 / moves
            once = mean * torch.exp(-mean)  # one jump is made, two are refused
            p = p * (1 - once) + (p * once).flip(0)
        return float((p - truth(times[-1]))[0])

    assert math.log2(error(200) / error(400)) == pytest.approx(1, abs=0.05)


def test_other_processes_are_refused():
    with pytest.raises(
        InputError, match=r"^TauLeaping needs a process that jumps between finitely many states \(CTMC\)"
    ):
        TauLeaping(Exact(edm(Euclidean(1)), torch.zeros(1, 1)))


@pytest.mark.parametrize("churn", [1.0, 2.0])
def test_leaps_are_made_at_the_rates_of_the_churn_that_is_asked_for(churn, monkeypatch, rng):
    process = CTMC(Finite(2, 4), UniformRates(4))
    denoiser, seen = Exact(process, torch.tensor([[0, 1], [2, 3]])), []
    monkeypatch.setattr("unnoise.samplers.tau_leaping.leap_once", lambda x, jumps, dt, rng: seen.append(jumps) or x)
    x, (t, s) = torch.tensor([[3, 1]]), torch.tensor([0.6, 0.5], dtype=torch.float64)
    TauLeaping(denoiser, churn=churn).step(x, t, s, rng)
    torch.testing.assert_close(seen[0], process.reverse(x, denoiser(x, t), t, churn=churn).rates)
    assert (seen[0] - process.reverse(x, denoiser(x, t), t, churn=1.5).rates).abs().max() > 1e-3
