"""What all likelihoods share: parts, groups, seeds, conditions, and what they refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from conditioned import conditional_case

from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import ExactMixture
from unnoise.evaluation import Bound, Estimate, ProbabilityFlow
from unnoise.processes import edm
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64

WAYS = {"bound": Bound(draws=8, batch_size=16), "flow": ProbabilityFlow(tolerance=1e-2, batch_size=2)}


@pytest.mark.parametrize("likelihood", WAYS.values(), ids=WAYS)
class TestBoth:
    @pytest.fixture
    def estimate(self, likelihood, ring, points, rng):
        return likelihood(ExactMixture(edm(Euclidean(2)), ring), points[:5], rng)

    def test_the_parts_sum_to_the_total(self, estimate):
        torch.testing.assert_close(sum(estimate.parts.values()), estimate.log_prob, rtol=1e-10, atol=1e-10)

    def test_every_row_has_an_answer(self, estimate):
        for values in (estimate.log_prob, estimate.standard_error, *estimate.parts.values()):
            assert values.shape == (5,)
            assert torch.isfinite(values).all()
            assert not values.requires_grad

    def test_rows_done_are_reported(self, likelihood, ring, points, rng):
        done = []
        likelihood(ExactMixture(edm(Euclidean(2)), ring), points[:5], rng, on_rows=done.append)
        assert done == [2, 4, 5]

    def test_a_seed_fixes_the_answer(self, likelihood, ring, points):
        denoiser = ExactMixture(edm(Euclidean(2)), ring)
        one, other = (likelihood(denoiser, points[:5], torch.Generator().manual_seed(4)) for _ in range(2))
        assert torch.equal(one.log_prob, other.log_prob)

    def test_no_rows_have_no_answer(self, likelihood, ring, points, rng):
        estimate = likelihood(ExactMixture(edm(Euclidean(2)), ring), points[:0], rng)
        assert estimate.log_prob.shape == estimate.standard_error.shape == (0,)
        assert estimate.method == likelihood.description

    def test_one_condition_holds_for_all_rows(self, likelihood, rng):
        denoiser, x, cond, _ = conditional_case(rng)
        one, each = (
            likelihood(denoiser, x[:4], torch.Generator().manual_seed(1), given)
            for given in (cond[:1], cond[:1].expand(4, 2))
        )
        assert torch.equal(one.log_prob, each.log_prob)

    @pytest.mark.parametrize("count", [0, 3, 9])
    def test_conditions_for_other_rows_are_refused(self, likelihood, count, rng):
        denoiser, x, cond, _ = conditional_case(rng)
        with pytest.raises(InputError, match=f"got a condition of {count} rows for 4 rows"):
            likelihood(denoiser, x[:4], rng, cond[:count])

    def test_rows_that_are_no_points_are_refused(self, likelihood, ring, points, rng):
        denoiser = ExactMixture(edm(Euclidean(2)), ring)
        for wrong in (points[:, :1], points.long(), points * torch.nan):
            with pytest.raises(InputError, match=r"^got"):
                likelihood(denoiser, wrong, rng)

    def test_weights_that_are_not_finite_give_no_answer(self, likelihood, ring, points, rng):
        class Spoilt(ExactMixture):
            def forward(self, x_t, t, cond=None):
                return torch.nan * super().forward(x_t, t, cond)

        with pytest.raises(NonFiniteError):
            likelihood(Spoilt(edm(Euclidean(2)), ring), points[:5], rng)

    def test_it_has_a_name_for_reports(self, likelihood):
        assert likelihood.name


def test_the_error_of_a_mean_adds_in_squares():
    mean, error = Estimate(torch.tensor([1.0, 3.0]), torch.tensor([3.0, 4.0])).mean
    assert mean == 2
    assert error == pytest.approx(2.5)


PEAK = """
import torch
torch.set_num_threads(1)
from unnoise.denoisers import Neural
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean

def peak():  # of this process alone; resource.getrusage would begin with the peak of its parent
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])

denoiser = Neural(variance_preserving(Euclidean(32)), MLP((32,)))
rng = torch.Generator().manual_seed(0)
x = torch.randn(100_000, 32, generator=rng)
{likelihood}(denoiser, x[:2], rng)  # what the libraries load on first use is no part of the answer
before = peak()
estimate = {likelihood}(denoiser, x[:{rows}], rng)
assert estimate.log_prob.shape == ({rows},)
print((peak() - before) / 2**20)
"""
# The flow holds one group of at most 2048 rows at a time, so that 2100 rows show its peak in a fraction of the time.
LARGE = {"bound": ("Bound(draws=2)", 100_000), "flow": ("ProbabilityFlow(tolerance=1e3)", 2100)}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak memory from /proc")
@pytest.mark.parametrize(("likelihood", "rows"), LARGE.values(), ids=LARGE)
def test_a_hundred_thousand_rows_need_less_than_a_gibibyte(likelihood, rows):
    source = Path(__file__).resolve().parents[2] / "src"
    run = subprocess.run(
        [sys.executable, "-c", PEAK.format(likelihood=likelihood, rows=rows)],
        env={**os.environ, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 0.01 < float(run.stdout) < 1


class Told(Bound):
    """Answers what it was told."""

    def evaluate(self, denoiser, x_0, cond, rng, on_rows):
        values = torch.tensor([-1.0, self.told])
        return Estimate(values, 0 * values.nan_to_num())


@pytest.mark.parametrize("told", [torch.nan, torch.inf])
def test_a_row_without_an_answer_is_named(told, ring, points, rng):
    likelihood = Told()
    object.__setattr__(likelihood, "told", told)
    with pytest.raises(NonFiniteError, match=rf"the log-likelihood of row 1 is {told} \(1 of 2 rows\); the weights"):
        likelihood(ExactMixture(edm(Euclidean(2)), ring), points[:2], rng)


def test_a_density_may_be_zero(ring, points, rng):
    likelihood = Told()
    object.__setattr__(likelihood, "told", -torch.inf)
    assert likelihood(ExactMixture(edm(Euclidean(2)), ring), points[:2], rng).log_prob.tolist() == [-1.0, -torch.inf]
