"""The adaptive sampler: what a tolerance promises, what it costs, and that rows go alone."""

from __future__ import annotations

import itertools

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.processes import CTMC, edm, rectified_flow, variance_preserving
from unnoise.processes.rates import UniformRates
from unnoise.samplers import Adaptive, Multistep, ode
from unnoise.samplers.grids import UniformLogSNR
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
TOLERANCES = (1e-2, 1e-4, 1e-6)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


PROCESSES = {"vp": variance_preserving(Euclidean(2)), "edm": edm(Euclidean(2)), "flow": rectified_flow(Euclidean(2))}


@pytest.fixture(scope="module", params=PROCESSES.values(), ids=PROCESSES)
def race(request, ring):
    """Starts and the ends of a fine reference."""
    denoiser = ExactMixture(request.param, ring)
    starts = denoiser.process.prior(30).sample(seeded(1)).double()
    return denoiser, starts, Multistep(denoiser, 250, 4, grid=UniformLogSNR()).run(starts, seeded())


def test_the_error_follows_the_tolerance_and_costs(race):
    denoiser, starts, truth = race
    errors, costs = [], []
    for tolerance in TOLERANCES:
        sampler = Adaptive(denoiser, tolerance)
        found = sampler.solve(starts, seeded())
        errors.append(float((found.x - truth).norm(dim=1).median()))
        costs.append(float(found.evaluations.double().mean()))
    assert all(later < 0.2 * earlier for earlier, later in itertools.pairwise(errors)), errors
    assert all(error < 5 * tolerance for error, tolerance in zip(errors, TOLERANCES, strict=True)), errors
    assert costs == sorted(costs)
    assert costs[0] < 60


def test_an_error_estimate_that_sees_nothing_is_caught(race, monkeypatch):
    """A broken twin that accepts every step."""
    denoiser, starts, truth = race
    monkeypatch.setattr(ode, "_ERROR", (0.0,) * 7)
    found = Adaptive(denoiser, 1e-6).run(starts, seeded())
    assert (found - truth).norm(dim=1).median() > 5e-6


def test_rows_do_not_see_each_other(race):
    denoiser, starts, _ = race
    sampler = Adaptive(denoiser)
    together = sampler.solve(starts, seeded())
    for row in (0, 7, 23):
        alone = sampler.solve(starts[row : row + 1], seeded())
        torch.testing.assert_close(alone.x, together.x[row : row + 1], rtol=0, atol=1e-10)
        assert alone.evaluations == together.evaluations[row]
    assert len(set(together.evaluations.tolist())) > 1


def test_evaluations_are_those_of_the_network(race):
    denoiser, starts, _ = race

    class Counted(Denoiser):
        process, rows = denoiser.process, 0

        def forward(self, x_t, t, cond=None):
            self.rows += len(x_t)
            return denoiser(x_t, t)

    counted = Counted()
    found = Adaptive(counted).solve(starts, seeded())
    assert int(found.evaluations.sum()) == counted.rows
    assert torch.equal(found.x, Adaptive(denoiser).run(starts, seeded()))


def test_normal_data_of_the_right_width_cost_next_to_nothing(gaussian, gaussian_data):
    """The flow stands still, whatever the tolerance: a few steps, each longer than the one before."""
    denoiser, end = gaussian_data(gaussian(1), 1.0)
    found = Adaptive(denoiser, 1e-10).solve(torch.ones(1, 1, dtype=FLOAT64), seeded())
    assert float(found.x) == pytest.approx(end, rel=1e-9)
    assert int(found.evaluations) < 30


def test_stops_on_the_way_change_little(race):
    denoiser, starts, truth = race
    seen: list[float] = []
    sampler = Adaptive(denoiser, 1e-6, steps=5)
    found = sampler.run(starts, seeded(), on_step=lambda index, t, state: seen.append(t))
    assert seen == pytest.approx([0.75, 0.5, 0.25, 0.0])
    assert (found - truth).norm(dim=1).median() < 5e-6


def test_conditions_go_with_their_rows():
    """Rows arrive one after the other, and those that are left must keep their own."""
    process = edm(Euclidean(1))

    class Told(Denoiser):
        def forward(self, x_t, t, cond=None):
            return cond.expand_as(x_t)

    told = Told()
    told.process = process
    cond = torch.tensor([[3.0], [-50.0], [0.1]], dtype=FLOAT64)
    found = Adaptive(told, 1e-6).run(80 * torch.randn(3, 1, generator=seeded(), dtype=FLOAT64), seeded(), cond)
    torch.testing.assert_close(found, cond, rtol=0, atol=1e-9)


def test_float32_images_arrive():
    atoms = torch.stack([torch.ones(2, 3), -torch.ones(2, 3)])
    sampler = Adaptive(Exact(variance_preserving(Euclidean((2, 3))), atoms))
    found = sampler.sample(20, seeded())
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.abs(), torch.ones(20, 2, 3), rtol=0, atol=1e-3)


def test_what_it_cannot_do_is_said(ring):
    with pytest.raises(InputError, match=r"^Adaptive needs a process with x_t = alpha x_0"):
        Adaptive(Exact(CTMC(Finite(2, 5), UniformRates(5)), torch.zeros(1, 2, dtype=torch.long)))
    with pytest.raises(InputError, match=r"got tolerance = 0\.0; expected a finite number above 0"):
        Adaptive(ExactMixture(edm(Euclidean(2)), ring), tolerance=0.0)
    with pytest.raises(InputError, match="got steps = 1; expected a whole number from 2"):
        Adaptive(ExactMixture(edm(Euclidean(2)), ring), steps=1)
