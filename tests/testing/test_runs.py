from __future__ import annotations

import torch
from gaussians import ATOMS, PROCESSES
from toys import EXAMPLES

from unnoise.samplers import DDIM
from unnoise.testing.case import in_double
from unnoise.testing.processes import case_of
from unnoise.testing.samplers import Failing, Oracle, SamplerCase

WEIGHTS = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)


def case(make=DDIM, process="rectified-flow") -> SamplerCase:
    base = case_of(PROCESSES[process], ATOMS, WEIGHTS, times=(0.52,), draws=20)
    return SamplerCase(**vars(base), make=make, steps=8, order=1.0)


def test_runs_stop_at_the_same_time_whatever_their_steps() -> None:
    runs = case().runs
    assert [float(run.t) for run in runs] == [0.5, 0.5, 0.5]
    assert all(run.half_way.shape == run.samples.shape == (20, 2) for run in runs)
    assert not torch.equal(runs[0].half_way, runs[1].half_way)


def test_runs_in_groups_are_put_together() -> None:
    class InGroups(DDIM):
        def sample(self, n, rng, cond=None, *, batch_size=None, on_step=None):
            return super().sample(n, rng, cond, batch_size=6, on_step=on_step)

    assert case(InGroups, "ve").runs[0].half_way.shape == (20, 2)


def test_which_atom_a_sample_is() -> None:
    samples = torch.stack([ATOMS[2], ATOMS[0] + 1e-3, ATOMS[1] + 0.1]).double()
    assert case().which(samples).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


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
