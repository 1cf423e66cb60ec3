"""The sampling loop: what it shows, how it groups rows, how it fails."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser, Exact, Neural
from unnoise.networks import MLP
from unnoise.processes import CTMC, Brownian, ImmigrationDeath, edm, product, rates
from unnoise.samplers import (
    DDIM,
    Adaptive,
    Ancestral,
    Euler,
    FirstHitting,
    Heun,
    Multistep,
    Perturbed,
    PredictorCorrector,
    Sampler,
    TauLeaping,
    TwistedSMC,
    Uniformisation,
    dpm_solver_pp,
    grids,
)
from unnoise.samplers.base import batches, default_batch_size
from unnoise.spaces import Counts, Euclidean, Finite, Sphere


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

    @pytest.mark.filterwarnings("ignore:.* are too coarse")
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


def test_one_condition_holds_for_all_rows():
    class Echo(Exact):
        def forward(self, x_t, t, cond=None):
            return cond.expand_as(x_t)

    sampler = Ancestral(Echo(edm(Euclidean(2)), torch.zeros(1, 2)), steps=3)
    assert torch.equal(sampler.sample(10, seeded(), torch.ones(1, 1), batch_size=4), torch.ones(10, 2))
    for count in (9, 11, 0):
        with pytest.raises(InputError, match=f"got a condition of {count} rows for 10 rows"):
            sampler.sample(10, seeded(), torch.ones(count, 1))
    with pytest.raises(InputError, match="got a condition of 3 rows for 4 rows"):
        sampler.run(sampler.start(4, seeded()), seeded(), torch.ones(3, 1))


TWO = CTMC(Finite(3, 4), rates.Absorbing(4))
NO_ROWS = {
    "numbers": (Exact(edm(Euclidean((1, 2))), torch.zeros(1, 1, 2)), [Ancestral, Euler, Multistep, Adaptive]),
    "tokens": (Exact(TWO, torch.zeros(1, 3, dtype=torch.long)), [Ancestral, TauLeaping, FirstHitting, Uniformisation]),
    "sphere": (Exact(Brownian(Sphere(2)), torch.eye(3)[:1]), [Euler]),
    "counts": (Exact(ImmigrationDeath(Counts(2), 3.0), torch.ones(1, 2, dtype=torch.long)), [Euler]),
}


@pytest.mark.parametrize(("denoiser", "makes"), NO_ROWS.values(), ids=NO_ROWS)
def test_no_samples_are_a_state_of_no_rows(denoiser, makes):
    for make in makes:
        none, one = make(denoiser).sample(0, seeded()), make(denoiser).sample(1, seeded())
        assert none.shape == (0, *one.shape[1:])
        assert none.dtype == one.dtype
        with pytest.raises(InputError, match="expected a whole number from 0"):
            make(denoiser).sample(-1, seeded())


def test_a_state_of_another_shape_is_refused():
    """Images with channels last would be read with pixels and channels mixed."""
    images = Euclidean((3, 8, 8))
    sampler = Ancestral(Exact(edm(images), torch.zeros(1, 3, 8, 8)), 3)
    with pytest.raises(InputError, match=r"got points of shape \(8, 8, 3\); Euclidean expects \(3, 8, 8\)"):
        sampler.run(torch.zeros(2, 8, 8, 3), seeded())


@pytest.mark.parametrize(("denoiser", "makes"), NO_ROWS.values(), ids=NO_ROWS)
def test_a_state_that_is_no_tensor_of_numbers_is_refused(denoiser, makes):
    state = makes[0](denoiser).start(2, seeded())
    for wrong in (state.numpy(), state.tolist(), None, "state"):
        with pytest.raises(InputError, match=r"got points of type .*; expected a tensor"):
            makes[0](denoiser).run(wrong, seeded())
    with pytest.raises(InputError, match="got points on the device 'meta', which have no numbers"):
        makes[0](denoiser).run(state.to("meta"), seeded())


def test_a_condition_that_is_no_row_of_numbers_is_refused():
    denoiser = Neural(edm(Euclidean(2)), MLP((2,), 3, width=8, depth=1))
    for wrong, words in (
        (torch.zeros(2, 3, 1), r"got conditions of shape \(\d+, 3, 1\); expected a row of numbers for each"),
        (torch.zeros(2, 3, device="meta"), "got a condition on the device 'meta', which has no numbers"),
        (torch.zeros(()), "got a tensor without rows as the condition"),
        (torch.zeros(2, 4), "got conditions of 4 numbers for a network that was built with cond_features=3"),
    ):
        with pytest.raises(InputError, match=words):
            Multistep(denoiser, 4).sample(2, seeded(), wrong)


def test_no_samples_of_a_product_or_by_weights():
    pair = product({"a": edm(Euclidean(1)), "b": TWO})
    denoiser = Exact(pair, {"a": torch.zeros(1, 1), "b": torch.zeros(1, 3, dtype=torch.long)})
    for sampler in (Ancestral(denoiser), TwistedSMC(denoiser, lambda x: x["a"][:, 0], 4, 5)):
        none = sampler.sample(0, seeded())
        assert none["a"].shape == (0, 1)
        assert none["b"].shape == (0, 3)


class TestOneStep:
    """The denoiser is asked once, at pure noise."""

    @pytest.mark.parametrize("make", [Ancestral, Euler, DDIM, Heun, Multistep, dpm_solver_pp])
    def test_it_answers_at_pure_noise(self, denoiser, make):
        seen = []
        sampler = make(denoiser, steps=1)
        found = sampler.sample(5, seeded(), on_step=lambda *step: seen.append(step))
        assert torch.equal(found, denoiser(sampler.start(5, seeded()), torch.ones((), dtype=torch.float64)))
        assert seen == []

    def test_tokens_are_drawn_from_the_answer(self):
        denoiser = Exact(TWO, torch.tensor([[0, 1, 2]]))
        assert torch.equal(Ancestral(denoiser, 1).sample(4, seeded()), torch.tensor([[0, 1, 2]] * 4))

    def test_weights_are_those_of_the_answer(self, denoiser):
        found = TwistedSMC(denoiser, lambda x: 0 * x[:, 0], 4, 1, guidance=0).sample(8, seeded())
        assert found.shape == (8, 2)

    def test_a_process_whose_noise_is_not_undone_at_once_is_refused(self):
        with pytest.raises(InputError, match=r"Euler with one step needs .* bridge .*, not Brownian: use 2 steps"):
            Euler(Exact(Brownian(Sphere(2)), torch.eye(3)), steps=1)


def test_samplers_and_denoisers_say_what_they_are(denoiser):
    assert repr(denoiser) == f"Exact({denoiser.process})"
    shown = {
        "Ancestral(denoiser=Exact, steps=5, grid=Karras(rho=7.0))": Ancestral(denoiser, 5, grids.Karras()),
        "DDIM(denoiser=Exact, steps=50, eta=0.5, grid=UniformGrid())": DDIM(denoiser, eta=0.5),
        "Adaptive(denoiser=Exact, tolerance=0.001, steps=2)": Adaptive(denoiser),
        "PredictorCorrector(predictor=Euler(denoiser=Exact, steps=4, churn=1.0, grid=UniformGrid()), corrections=1, "
        "stride=1.0, snr=0.16)": PredictorCorrector(Euler(denoiser, 4)),
    }
    for words, sampler in shown.items():
        assert repr(sampler) == words
    for make in (Multistep, Heun, partial(TwistedSMC, log_r=torch.sum), partial(Perturbed, log_r=torch.sum)):
        assert "(denoiser=Exact, " in repr(make(denoiser))


def test_batches_cover_all_rows():
    assert list(batches(7, 3)) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert list(batches(6, 3)) == [slice(0, 3), slice(3, 6)]


@pytest.mark.parametrize(("shape", "rows"), [((2,), 8192), ((64,), 8192), ((256,), 2048), ((3, 512, 512), 16)])
def test_groups_hold_half_a_million_numbers(shape, rows):
    assert default_batch_size(shape) == rows


class Failing(Denoiser):
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
    space = SimpleNamespace(event_shape=(2,), check=lambda x: None)

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


@pytest.mark.parametrize("steps", [0, -3])
def test_no_steps_are_refused(denoiser, steps):
    with pytest.raises(InputError, match=f"got steps = {steps}; expected a whole number from 1"):
        Euler(denoiser, steps=steps)


PEAK = """
import torch
torch.set_num_threads(1)
from unnoise.denoisers import Neural
from unnoise.evaluation import Bound, ProbabilityFlow
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


class TestARun:
    """What it works out once is what a step works out for itself."""

    @pytest.mark.parametrize("make", [DDIM, partial(DDIM, eta=0.5), Ancestral, Heun])
    def test_it_makes_the_steps_of_step(self, make):
        process = product({"a": edm(Euclidean(2)), "b": edm(Euclidean(1))})
        network = MLP((3,), width=8, depth=1)
        torch.nn.init.normal_(network.last.weight, std=0.3)
        sampler = make(Neural(process, network), steps=11)
        state = sampler.start(5, seeded())
        found, rng = sampler.run(state, seeded(1)), seeded(1)
        times = sampler.grid(process, 11)
        with torch.no_grad():
            for t, s in itertools.pairwise(times):
                state = sampler.step(state, t, s, rng)
            expected = sampler.denoiser(state, times[-1])
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("step", [1, 3, 8, 9, 19])
    def test_a_failure_is_told_at_the_step_where_it_began(self, step):
        class Fails(Denoiser):
            process = edm(Euclidean(2))
            calls = 0

            def forward(self, x_t, t, cond=None):
                self.calls += 1
                return x_t * (torch.nan if self.calls >= step else 0.5)

        with pytest.raises(NonFiniteError, match=f"non-finite values at step {step}, "):
            DDIM(Fails(), 20).sample(3, seeded())
