"""The solver that chooses for itself: what it beats, what it reports, and that its choice can be kept."""

from __future__ import annotations

import math
from dataclasses import asdict

import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.processes import CTMC, edm, product, variance_exploding, variance_preserving
from unnoise.processes.rates import UniformRates
from unnoise.samplers import Multistep, tune
from unnoise.samplers.forms import DataForm, VelocityForm
from unnoise.samplers.grids import Fitted, UniformLogSNR
from unnoise.samplers.tuning import Pilot
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def narrow():
    """Two narrow clusters far apart in units that are not standard: what a default knows nothing of."""
    atoms = torch.tensor([[5.0, 0.0], [-5.0, 1.0], [-4.8, 1.3]], dtype=FLOAT64)
    return Exact(variance_exploding(Euclidean(2), 0.01, 100.0), atoms)


@pytest.mark.parametrize("evaluations", [5, pytest.param(12, marks=pytest.mark.slow)])
def test_it_is_no_worse_than_the_default_on_starts_that_it_has_not_seen(ring, evaluations):
    denoiser = ExactMixture(edm(Euclidean(2)), ring)
    starts = denoiser.process.prior(300).sample(seeded(9)).double()
    truth = Multistep(denoiser, 300, 4, grid=UniformLogSNR()).run(starts, seeded())

    def error(sampler):
        return float((sampler.run(starts, seeded()) - truth).norm(dim=1).mean())

    solver = tune(denoiser, evaluations, seeded(1), rows=32)
    assert error(solver) < 0.9 * error(Multistep(denoiser, evaluations))
    assert solver.steps == evaluations


def test_the_same_seed_chooses_the_same_and_the_choice_can_be_kept(narrow):
    one, two = (tune(narrow, 6, seeded(3), rows=16) for _ in range(2))
    assert (one.order, one.corrected, one.form, one.grid) == (two.order, two.corrected, two.form, two.grid)
    grid = type(one.grid)(**asdict(one.grid))
    kept = Multistep(narrow, 6, one.order, type(one.form)(**asdict(one.form)), one.corrected, grid=grid)
    x = narrow.process.prior(20).sample(seeded(4)).double()
    assert torch.equal(kept.run(x, seeded()), one.run(x, seeded()))


def test_the_fitted_grid_is_dense_where_the_velocity_bends():
    """Two points are told apart at the noise level of their distance, and nothing happens elsewhere."""
    denoiser = Exact(variance_exploding(Euclidean(1), 1e-3, 1e3), torch.tensor([[-1.0], [1.0]], dtype=FLOAT64))
    pilot = Pilot.of(denoiser, 64, seeded())
    grid = pilot.fitted(VelocityForm(), 2, 0.1)
    assert isinstance(grid, Fitted)
    levels = grid.log_levels(math.log(1e3), math.log(1e-3), 50)
    close = (levels.abs() < math.log(10.0)).double().mean()
    assert close > 0.6  # of the steps, within a third of the log levels


def test_a_grid_that_is_fitted_makes_errors_smaller(ring):
    denoiser = ExactMixture(edm(Euclidean(2)), ring)
    pilot = Pilot.of(denoiser, 64, seeded())
    fitted, even = (
        pilot.score(Multistep(denoiser, 40, 3, grid=grid))
        for grid in (pilot.fitted(VelocityForm(2.0), 3, 0.3), UniformLogSNR())
    )
    assert fitted < 0.5 * even


def test_products_of_gaussian_processes_are_tuned(ring):
    one, other = variance_preserving(Euclidean(2)), variance_exploding(Euclidean(1), 0.01, 10.0)
    parts = {"one": ExactMixture(one, ring), "other": Exact(other, torch.tensor([[-1.0], [1.0]], dtype=FLOAT64))}

    class Both(Denoiser):
        process = product({"one": one, "other": other})

        def forward(self, x_t, t, cond=None):
            return {name: part(x_t[name], t) for name, part in parts.items()}

    found = tune(Both(), 8, seeded(), rows=8).sample(50, seeded())
    assert found["one"].shape == (50, 2)
    assert float((found["other"].abs() - 1).abs().median()) < 0.05


def test_conditions_are_those_of_the_pilot():
    class Told(Denoiser):
        process = edm(Euclidean(1))

        def forward(self, x_t, t, cond=None):
            return torch.tanh(cond * x_t)

    cond = torch.linspace(0.5, 2, 8)[:, None]
    found = tune(Told(), 5, seeded(), rows=8, cond=cond).sample(8, seeded(), cond)
    assert found.isfinite().all()


def test_a_flow_that_ends_in_no_numbers_is_an_error(narrow):
    class Broken(Denoiser):
        process = narrow.process

        def forward(self, x_t, t, cond=None):
            return x_t / 0

    with pytest.raises(NonFiniteError):
        tune(Broken(), 5, seeded(), rows=4)


def test_what_it_cannot_do_is_said(narrow):
    with pytest.raises(InputError, match="got rows = 1; expected a whole number from 2"):
        tune(narrow, 5, seeded(), rows=1)
    with pytest.raises(InputError, match=r"^Multistep needs a process with x_t = alpha x_0"):
        tune(Exact(CTMC(Finite(2, 5), UniformRates(5)), torch.zeros(1, 2, dtype=torch.long)), 5, seeded())
    with pytest.raises(InputError, match="got evaluations = 1; expected a whole number from 2"):
        tune(narrow, 1, seeded(), rows=4)


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("bend", [-1.5, 0.5])
def test_the_monitor_shares_the_error_of_a_known_bend_evenly(order, bend):
    """Steps h of order k err by h^(k+1) |N^(k)| |dv/dlam|. Where N = exp(c lam) and v = exp(lam), equal errors ask for
    steps of density exp((c + 1) lam / (k + 1))."""

    class Bent(Denoiser):
        process = variance_exploding(Euclidean(1), 0.1, 10.0)

        def forward(self, x_t, t, cond=None):
            return torch.exp(0.5 * bend * self.process.log_snr(t.double())).expand_as(x_t).to(x_t)

    pilot = Pilot.of(Bent(), 2, seeded())
    lam = 0.5 * Bent.process.log_snr(pilot.times)
    log_density, inside = pilot._monitor(DataForm(), order).log(), slice(15, -15)  # away from smoothed ends
    slope = (log_density.diff() / lam.diff())[inside]
    torch.testing.assert_close(slope, torch.full_like(slope, (bend + 1) / (order + 1)), atol=0.02, rtol=0)


def test_a_choice_must_beat_the_default(ring, monkeypatch):
    """Where all solvers are as good, it is the default; where one is much better, it is that one."""
    denoiser = ExactMixture(edm(Euclidean(2)), ring)
    default = Multistep(denoiser, 6)
    for worst, chosen in ((1.0, True), (0.95, True), (0.5, False)):
        monkeypatch.setattr(
            Pilot, "score", lambda self, solver, worst=worst: 1.0 if solver.grid == default.grid else worst
        )
        assert (tune(denoiser, 6, seeded(), rows=4).grid == default.grid) == chosen
