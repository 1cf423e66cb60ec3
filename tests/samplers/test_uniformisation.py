"""Exact jumps by thinning, against the law that they should have."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import NonFiniteError
from unnoise.denoisers import Exact
from unnoise.processes import CTMC
from unnoise.processes.rates import Absorbing, BirthDeath, RateMatrix, Refresh, UniformRates
from unnoise.samplers import Uniformisation, exact_jumps
from unnoise.schedules import Erasing, Geometric
from unnoise.spaces import Finite
from unnoise.testing import ImprobableError, assert_frequencies, check_sampler
from unnoise.testing.case import NoisedAtoms

FLOAT64 = torch.float64
ATOMS = torch.tensor([[0, 0], [1, 2], [2, 1]])
ONE_WAY = torch.tensor([[-1.0, 0.9, 0.1], [0.1, -1.0, 0.9], [0.9, 0.1, -1.0]])
EARLY = Erasing(lost=1e-2, survival=1e-3)
PROCESSES = {
    "uniform": CTMC(Finite(2, 3), UniformRates(3), EARLY),
    "refresh": CTMC(Finite(2, 3), Refresh([0.2, 0.5, 0.3]), EARLY),
    "absorbing": CTMC(Finite(2, 4), Absorbing(4), EARLY),
    "one way": CTMC(Finite(2, 3), RateMatrix(ONE_WAY), Geometric(1e-2, 8.0)),
    "birth and death": CTMC(Finite(2, 3), BirthDeath(3), Geometric(1e-2, 8.0)),
    "unequal": CTMC(Finite(2, (3, 4)), UniformRates((3, 4)), EARLY),
}


def half_way(process, sampler, n, rng):
    """States at t = 1/2, as numbers of points."""
    seen = []
    sampler.sample(n, rng, batch_size=n, on_step=lambda index, t, state: seen.append(state))
    return seen[0] @ torch.tensor([process.space.states, 1])


@pytest.mark.parametrize("name", PROCESSES)
def test_in_two_steps_the_law_half_way_is_exact(name, rng):
    process, n = PROCESSES[name], 2500
    weights = torch.tensor([0.2, 0.3, 0.5], dtype=FLOAT64)
    sampler = Uniformisation(Exact(process, ATOMS, weights), 3)
    size = process.space.states
    points = torch.cartesian_prod(torch.arange(size), torch.arange(size))
    truth = NoisedAtoms(process, ATOMS, weights, torch.tensor(0.5, dtype=FLOAT64)).log_prob(points).exp()
    assert_frequencies(torch.bincount(half_way(process, sampler, n, rng), minlength=size**2), truth)


def test_it_keeps_the_laws():
    check_sampler(Uniformisation, CTMC(Finite(2, 4), Absorbing(4)), ATOMS, draws=600, steps=4)


class NeverRefused(Uniformisation):
    def _try(self, state, rows, times, least, rng, cond):
        super()._try(state, rows, times, 0 * least, rng, cond)


def test_a_broken_twin_is_caught(rng):
    process = PROCESSES["uniform"]
    sampler = NeverRefused(Exact(process, ATOMS), 3)
    truth = NoisedAtoms(process, ATOMS, torch.ones(3, dtype=FLOAT64) / 3, torch.tensor(0.5, dtype=FLOAT64))
    points = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    counts = torch.bincount(half_way(process, sampler, 6000, rng), minlength=9)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts, truth.log_prob(points).exp())


@pytest.mark.parametrize("name", PROCESSES)
def test_no_statistic_is_faster_than_the_bound(name, rng):
    process = PROCESSES[name]
    sampler = Uniformisation(Exact(process, ATOMS), 3)
    for start, end in sampler._stretches(torch.ones((), dtype=FLOAT64), torch.zeros((), dtype=FLOAT64)):
        bound = sampler._bound(start, end)
        t = end + (start - end) * torch.rand(200, generator=rng, dtype=FLOAT64)
        x = process.marginal(ATOMS[torch.randint(3, (200,), generator=rng)], t).sample(rng)
        stat = torch.softmax(4 * torch.randn(200, 2, process.space.states, generator=rng, dtype=FLOAT64), -1)
        stat = stat * process.rates.data
        rates = process.reverse(x, stat / stat.sum(-1, keepdim=True), t).rates.sum(-1)
        most = torch.gather(bound.expand(200, 2, -1), -1, x[..., None])[..., 0]
        assert (rates <= most).all()


class Still(Erasing):
    """A schedule whose inverse is wrong, so that time stands still."""

    def inverse(self, value):
        return torch.ones_like(value)


class Bursting(Erasing):
    def rate(self, t):
        return torch.full_like(t, float("inf"))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Still(1e-2, 1e-3), "B is left after 20 halvings, at t = 1"),
        (Bursting(1e-2, 1e-3), "a row may jump 1,000,000"),
    ],
)
def test_a_run_that_would_never_end_is_refused(schedule, message, monkeypatch):
    monkeypatch.setattr(exact_jumps, "MOST_STRETCHES", 20)
    monkeypatch.setattr("unnoise.processes.ctmc.check_increasing", lambda *of, **options: None)  # which sees some of it
    process = CTMC(Finite(1, 3), UniformRates(3), schedule)
    rng, atoms = torch.Generator().manual_seed(0), torch.tensor([[0], [2]])
    with pytest.raises(NonFiniteError, match=message):
        Uniformisation(Exact(process, atoms)).sample(2, rng)
