from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from caught import assert_caught
from gaussians import ATOMS, PROCESSES
from toys import EXAMPLES

from unnoise import InputError
from unnoise.laws.base import standard_normal
from unnoise.samplers import DDIM, Ancestral, Euler, Heun, grids
from unnoise.spaces import Diffusion
from unnoise.testing import PropertyError, check_sampler, samplers
from unnoise.testing.case import in_double
from unnoise.testing.processes import case_of
from unnoise.testing.samplers import Failing, Oracle, SamplerCase

WEIGHTS = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
MAKES = {
    "euler": (Euler, 1),
    "euler-flow": (lambda denoiser, steps: Euler(denoiser, steps, churn=0.0), 1),
    "ancestral": (Ancestral, 1),
    "ddim": (DDIM, 1),
    "ddim-eta-1": (lambda denoiser, steps: DDIM(denoiser, steps, eta=1.0), 1),
    "heun": (Heun, 2),
    "heun-churn": (lambda denoiser, steps: Heun(denoiser, steps, churn=8.0), 1),
}


@pytest.mark.parametrize("process", ["vp-cosine", pytest.param("edm", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MAKES)
def test_the_samplers_of_the_package_keep_the_properties(name: str, process: str) -> None:
    make, order = MAKES[name]
    steps = 32 if (name, process) == ("euler-flow", "edm") else 16
    check_sampler(make, PROCESSES[process], ATOMS, order=order, steps=steps, draws=6000)


@pytest.mark.slow
@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("name", MAKES)
def test_every_sampler_keeps_the_properties_on_every_process(name: str, process: str) -> None:
    make, order = MAKES[name]
    steps = 128 if (name, process) == ("euler-flow", "ve") else 32  # its noise level falls by a third in 1/32
    check_sampler(make, PROCESSES[process], ATOMS, order=order, steps=steps, draws=30_000)


@pytest.mark.parametrize("grid", [grids.UniformLogSNR(), grids.Karras(rho=3.0)], ids=lambda grid: type(grid).__name__)
def test_they_keep_the_properties_on_other_grids(grid: grids.Grid) -> None:
    check_sampler(lambda d, n: DDIM(d, n, grid=grid), PROCESSES["rectified-flow"], ATOMS, steps=24, draws=4000)


@pytest.mark.parametrize("name", EXAMPLES)
def test_euler_keeps_the_properties_on_spaces_that_are_not_in_the_package(name: str) -> None:
    process, atoms = EXAMPLES[name]
    check_sampler(Euler, process, atoms, steps=16, draws=2000)


@pytest.mark.parametrize("order", [0, -1.0, float("nan"), float("inf"), 10**20])
def test_an_order_that_no_sampler_has_is_refused(order: float) -> None:
    with pytest.raises(InputError, match=r"got order = .*; expected a finite number above 0 and at most 16"):
        check_sampler(Euler, PROCESSES["vp-cosine"], ATOMS, order=order)


@dataclass(frozen=True)
class StopsEarly(grids.Grid):
    def __call__(self, process, count):
        return torch.linspace(1, 1 / count, count, dtype=torch.float64)


class OffByOneGrid(DDIM):
    def __init__(self, denoiser, steps):
        super().__init__(denoiser, steps, grid=StopsEarly())


class NoLastStep(DDIM):
    """Returns the noised state of the last step but one, not what it denoises to."""

    def run(self, state, rng, cond=None, *, on_step=None):
        seen = []
        super().run(state, rng, cond, on_step=lambda *step: (seen.append(step[2]), on_step and on_step(*step)))
        return seen[-2]


class StartsAtTheMean(DDIM):
    def start(self, n, rng):
        return 0.1 * super().start(n, rng)


class WrongSign(Euler):
    """The score with a minus: towards noise."""

    def step(self, state, t, s, rng, cond=None):
        away = 2 * state / self.process.alpha_sigma(t)[0] - self.denoiser(state, t, cond)
        local = self.process.reverse(state, 0.3 * away, t)
        return self.process.space.move(state, local, t - s).sample(rng)


class DriftOfTheFlow(Euler):
    """The drift of the probability flow, half that of the time reversal, with the noise of the latter."""

    def step(self, state, t, s, rng, cond=None):
        stat = self.denoiser(state, t, cond)
        flow, reversal = (self.process.reverse(state, stat, t, churn=churn) for churn in (0.0, 1.0))
        return self.process.space.move(state, Diffusion(flow.drift, reversal.scale), t - s).sample(rng)


class HalfSteps(Euler):
    """A stray 1/2 in the length of a step."""

    def step(self, state, t, s, rng, cond=None):
        local = self.process.reverse(state, self.denoiser(state, t, cond), t)
        return self.process.space.move(state, local, 0.5 * (t - s)).sample(rng)


class LessNoise(Ancestral):
    def step(self, state, t, s, rng, cond=None):
        law = self.process.bridge(self.denoiser(state, t, cond), state, t, s)
        return law.mean + law.scale / 2**0.5 * standard_normal(tuple(state.shape), state, rng)


class Uncorrected(Heun):
    """Heun's method without its correction is Euler's."""

    def step(self, state, t, s, rng, cond=None):
        return DDIM(self.denoiser, self.steps).step(state, t, s, rng, cond)


class CorrectedTooEarly(Heun):
    """Off by one: the second slope is taken at the old time."""

    def step(self, state, t, s, rng, cond=None):
        (alpha_t, sigma_t), (alpha_s, sigma_s) = self.process.alpha_sigma(t), self.process.alpha_sigma(s)
        level_t, level_s, x = sigma_t / alpha_t, sigma_s / alpha_s, state / alpha_t
        slope = (x - self.denoiser(state, t, cond)) / level_t
        predicted = x + (level_s - level_t) * slope
        slope_s = (predicted - self.denoiser(alpha_t * predicted, t, cond)) / level_t
        return alpha_s * (x + 0.5 * (level_s - level_t) * (slope + slope_s))


class Global(DDIM):
    def start(self, n, rng):
        return torch.randn(n, 2, dtype=torch.float64)


class Deaf(DDIM):
    def step(self, state, t, s, rng, cond=None):
        return super().step(state, t, s, rng)

    def run(self, state, rng, cond=None, *, on_step=None):
        return super().run(state, rng, None, on_step=on_step)


class FirstRows(DDIM):
    """Every group of rows gets the conditions of the first."""

    def run(self, state, rng, cond=None, *, on_step=None):
        if cond is not None:
            self.first = getattr(self, "first", cond)
            cond = self.first[: len(state)]
        return super().run(state, rng, cond, on_step=on_step)


class Patched(DDIM):
    def step(self, state, t, s, rng, cond=None):
        return super().step(state, t, s, rng, cond).nan_to_num(0.0)

    def run(self, state, rng, cond=None, *, on_step=None):
        try:
            return super().run(state, rng, cond, on_step=on_step)
        except FloatingPointError:
            return state


TWINS = [
    (samplers.grid_leads_from_noise_to_data, OffByOneGrid, 1),
    (samplers.samples_are_atoms, NoLastStep, 1),
    (samplers.atoms_come_by_their_weights, StartsAtTheMean, 1),
    (samplers.atoms_come_by_their_weights, WrongSign, 1),
    (samplers.half_way_is_the_noised_law, StartsAtTheMean, 1),
    (samplers.half_way_is_the_noised_law, WrongSign, 1),
    (samplers.half_way_is_the_noised_law, DriftOfTheFlow, 1),
    (samplers.half_way_is_the_noised_law, HalfSteps, 1),
    (samplers.half_way_is_the_noised_law, LessNoise, 1),
    (samplers.bias_falls_with_the_step, Uncorrected, 2),
    (samplers.bias_falls_with_the_step, CorrectedTooEarly, 2),
    (samplers.seeds_reproduce, Global, 1),
    (samplers.conditions_reach_the_denoiser, Deaf, 1),
    (samplers.conditions_reach_the_denoiser, FirstRows, 1),
    (samplers.not_a_number_stops_the_run, Patched, 1),
]


@pytest.mark.parametrize(
    ("check", "twin", "order"), TWINS, ids=lambda part: part.__name__ if callable(part) else f"order {part}"
)
def test_a_broken_twin_is_caught(check, twin, order: float) -> None:
    base = case_of(PROCESSES["vp-cosine"], ATOMS, WEIGHTS, times=(0.45,), draws=4000)
    case = SamplerCase(**vars(base), make=twin, steps=16, order=order)
    with torch.random.fork_rng():
        assert_caught(check(case))


def test_every_property_has_a_twin() -> None:
    assert {check for check, _, _ in TWINS} == set(samplers.PROPERTIES)


def test_the_order_of_heun_is_seen_to_be_two() -> None:
    found = check_sampler(Heun, PROCESSES["edm"], ATOMS, order=2, steps=16, draws=4000)
    (finding,) = (finding for finding in found.findings if finding.claim.startswith("bias falls"))
    assert 1.6 < float(finding.detail.removeprefix("order seen: ")) < 2.6


def test_a_broken_sampler_raises_a_table() -> None:
    with pytest.raises(PropertyError, match="BROKEN  half way the states follow the noised law"):
        check_sampler(DriftOfTheFlow, PROCESSES["vp-cosine"], ATOMS, steps=16, draws=4000)


def case_with(make=DDIM, process="rectified-flow") -> SamplerCase:
    base = case_of(PROCESSES[process], ATOMS, WEIGHTS, times=(0.52,), draws=20)
    return SamplerCase(**vars(base), make=make, steps=8, order=1.0)


def test_runs_stop_at_the_same_time_whatever_their_steps() -> None:
    runs = case_with().runs
    assert [float(run.t) for run in runs] == [0.5, 0.5, 0.5]
    assert all(run.half_way.shape == run.samples.shape == (20, 2) for run in runs)
    assert not torch.equal(runs[0].half_way, runs[1].half_way)


def test_runs_in_groups_are_put_together() -> None:
    class InGroups(DDIM):
        def sample(self, n, rng, cond=None, *, batch_size=None, on_step=None):
            return super().sample(n, rng, cond, batch_size=6, on_step=on_step)

    assert case_with(InGroups, "ve").runs[0].half_way.shape == (20, 2)


def test_which_atom_a_sample_is() -> None:
    samples = torch.stack([ATOMS[2], ATOMS[0] + 1e-3, ATOMS[1] + 0.1]).double()
    assert case_with().which(samples).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_the_oracle_gives_the_statistic_of_the_atom_asked_for() -> None:
    oracle = Oracle(PROCESSES["ve"], ATOMS)
    t = torch.tensor(0.7)
    assert torch.equal(oracle(torch.zeros(2, 2), t, torch.tensor([[3.0], [1.0]])), ATOMS[[3, 1]])
    assert torch.equal(oracle(torch.zeros(2, 2), t), ATOMS[[0, 0]])


def test_the_failing_denoiser_fails_half_way_on_any_state() -> None:
    for process, atoms in EXAMPLES.values():
        atoms = in_double(atoms)
        early, late = (Failing(process, atoms)(atoms, torch.tensor(t, dtype=torch.float64)) for t in (0.3, 0.7))
        for stat, broken in ((early, True), (late, False)):
            leaf = next(iter(stat.values())) if isinstance(stat, dict) else stat
            assert bool(torch.isnan(leaf).all()) == broken
