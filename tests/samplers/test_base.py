"""The sampling loop: what it shows, how it groups rows, how it fails."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from unnoise import _tree
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Exact, Neural
from unnoise.networks import MLP
from unnoise.processes import edm
from unnoise.samplers import Ancestral, Euler, Sampler, grids
from unnoise.samplers.base import batches, default_batch_size
from unnoise.spaces import Euclidean


@pytest.fixture
def denoiser():
    return Exact(edm(Euclidean(2)), torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


class TestTheLoop:
    def test_on_step_sees_every_state_of_every_group(self, denoiser):
        seen = []
        result = Ancestral(denoiser, steps=5).sample(
            7, seeded(), batch_size=4, on_step=lambda i, t, x: seen.append((i, t, x.clone()))
        )
        assert [index for index, _, _ in seen] == [0, 1, 2, 3] * 2
        assert [t for _, t, _ in seen] == pytest.approx([0.75, 0.5, 0.25, 0.0] * 2)
        assert [len(state) for _, _, state in seen] == [4] * 4 + [3] * 4
        last = torch.cat([seen[3][2], seen[7][2]])
        assert torch.equal(denoiser(last, torch.zeros((), dtype=torch.float64)), result)

    def test_the_steps_are_those_of_the_sampler(self, denoiser):
        """The loop adds nothing to prior, steps and the final denoising."""
        sampler = Ancestral(denoiser, steps=4, grid=grids.UniformLogSNR())
        rng = seeded(3)
        state, times = sampler.start(6, rng), grids.UniformLogSNR()(sampler.process, 4)
        for t, s in itertools.pairwise(times):
            state = sampler.step(state, t, s, rng)
        assert torch.equal(sampler.sample(6, seeded(3)), denoiser(state, times[-1]))

    def test_the_network_is_evaluated_once_a_step(self, denoiser):
        calls = []
        denoiser.register_forward_hook(lambda *_: calls.append(1))
        Euler(denoiser, steps=9).sample(3, seeded())
        assert len(calls) == 9

    def test_a_seed_fixes_the_samples(self, denoiser):
        sampler = Ancestral(denoiser, steps=6)
        assert torch.equal(sampler.sample(20, seeded(1)), sampler.sample(20, seeded(1)))
        starts = [sampler.start(20, seeded(seed)) for seed in (1, 2)]
        assert not torch.equal(*starts)

    def test_the_global_generator_is_not_touched(self, denoiser):
        before = torch.get_rng_state()
        Ancestral(denoiser, steps=3).sample(5, seeded())
        assert torch.equal(before, torch.get_rng_state())

    def test_no_gradient_is_kept(self):
        denoiser = Neural(edm(Euclidean(2)), MLP((2,), width=8, depth=1))
        assert not Ancestral(denoiser, steps=3).sample(5, seeded()).requires_grad

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_samples_have_the_precision_of_the_denoiser(self, denoiser, dtype):
        assert Ancestral(denoiser.to(dtype), steps=3).sample(5, seeded()).dtype == dtype


@pytest.mark.parametrize("batch_size", [None, 1, 3, 10, 100])
def test_every_row_meets_its_own_condition(batch_size):
    """A denoiser that answers with the condition shows which row was asked with which."""

    class Echo(Exact):
        def forward(self, x_t, t, cond=None):
            assert len(cond) == len(x_t)
            return cond.expand_as(x_t)

    cond = torch.arange(10.0)[:, None]
    sampler = Ancestral(Echo(edm(Euclidean(2)), torch.zeros(1, 2)), steps=3)
    assert torch.equal(sampler.sample(10, seeded(), cond, batch_size=batch_size), cond.expand(10, 2))


def test_batches_cover_all_rows():
    assert list(batches(7, 3)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(batches(6, 3)) == [slice(0, 3), slice(3, 6)]


@pytest.mark.parametrize(("shape", "rows"), [((2,), 8192), ((64,), 8192), ((256,), 2048), ((3, 512, 512), 16)])
def test_groups_hold_half_a_million_numbers(shape, rows):
    assert default_batch_size(shape) == rows


class Failing(nn.Module):
    """Answers with NaN in some rows from the k-th call on."""

    def __init__(self, process, fails_at, answer=lambda state: _tree.map(torch.clone, state)):
        super().__init__()
        self.process, self.left, self.answer = process, fails_at, answer

    def forward(self, x_t, t, cond=None):
        self.left -= 1
        out = self.answer(x_t)
        if self.left <= 0:
            last = list(_tree.leaves(out))[-1][1]
            last[1:3] = torch.nan
        return out


class TestNonFinite:
    @pytest.mark.parametrize(("call", "step", "t"), [(1, 1, "0.75"), (3, 3, "0.25"), (5, 5, "0")])
    def test_it_stops_and_names_step_and_time(self, call, step, t):
        sampler = Ancestral(Failing(edm(Euclidean(2)), call), steps=5)
        with pytest.raises(NonFiniteError, match=rf"at step {step}, t = {t}, in the state \(2 of 6 rows\)"):
            sampler.sample(6, seeded())

    def test_it_names_the_leaf(self):
        sampler = Nested(Failing(NestedProcess(), 2), steps=4)
        with pytest.raises(NonFiniteError, match=r"at step 2, .* in the leaf 'inner.y' \(2 of 5 rows\)"):
            sampler.sample(5, seeded())

    def test_integers_are_always_finite(self):
        process = NestedProcess(extra={"site": torch.zeros(5, dtype=torch.int64)})
        assert Nested(Failing(process, 100), steps=3).sample(5, seeded())["site"].dtype == torch.int64


class Nested(Sampler):
    """A sampler of dicts that moves to the denoised state."""

    def step(self, state, t, s, rng, cond=None):
        return self.denoiser(state, t, cond)


@dataclass
class NestedProcess:
    """Just what the loop asks of a process."""

    extra: dict | None = None
    space = SimpleNamespace(event_shape=(2,))

    def prior(self, n):
        state = {"x": torch.ones(n, 2), **(self.extra or {}), "inner": {"y": torch.ones(n)}}
        return SimpleNamespace(sample=lambda rng: state)

    def decode(self, state, stat, rng):
        return stat


def test_groups_of_nested_states_are_joined_leaf_by_leaf():
    def answer(state):
        return _tree.map(lambda leaf: leaf * 2, state)

    state = Nested(Failing(NestedProcess(), 100, answer), steps=2).sample(5, seeded(), batch_size=2)
    assert state["x"].shape == (5, 2)
    assert state["inner"]["y"].tolist() == [4.0] * 5


@pytest.mark.parametrize("steps", [1, 0, -3])
def test_too_few_steps_are_refused(denoiser, steps):
    with pytest.raises(InputError, match=f"got {steps} sampling steps; at least 2 are needed"):
        Euler(denoiser, steps=steps)


PEAK = """
import torch
torch.set_num_threads(1)
from unnoise.denoisers import Neural
from unnoise.evaluation.likelihood import Bound, ProbabilityFlow
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.samplers import {sampler}
from unnoise.spaces import Euclidean

def peak():  # of this process alone; resource.getrusage would begin with the peak of its parent
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

denoiser = Neural(variance_preserving(Euclidean(32)), MLP((32,)))
rng = torch.Generator().manual_seed(0)
{sampler}(denoiser, steps=2).sample(2, rng)  # what the libraries load on first use is no part of the samples
before = peak()
samples = {sampler}(denoiser, steps=3).sample(100_000, rng)
assert samples.shape == (100_000, 32)
print((peak() - before) / 2**20)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
@pytest.mark.parametrize("sampler", ["Ancestral", "Euler", "DDIM", "Heun"])
def test_a_hundred_thousand_rows_need_less_than_a_gibibyte(sampler):
    source = Path(__file__).resolve().parents[2] / "src"
    run = subprocess.run(
        [sys.executable, "-c", PEAK.format(sampler=sampler)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0.01 < float(run.stdout) < 1
