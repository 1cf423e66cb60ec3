"""Targets say no in one sentence, and the one loop keeps, counts and watches."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.chains import BAOAB, MALA, Cheng, Density, Field, Geodesic, Langevin, Sachs, run
from unnoise.laws import GaussianMixture, Normal
from unnoise.spaces import Euclidean, Sphere
from unnoise.testing import ImprobableError, assert_mean

NORMAL = Density(lambda x: -0.5 * (x**2).flatten(1).sum(1))
KERNELS = [Langevin(NORMAL, 0.1), MALA(NORMAL, 0.5), Sachs(NORMAL, 0.5), BAOAB(NORMAL, 0.5), Cheng(NORMAL, 0.5)]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)


class TestRun:
    @every_kernel
    def test_a_seed_decides_everything(self, kernel):
        first, second = (run(kernel, torch.zeros(4, 3), 5, torch.Generator().manual_seed(7)).x for _ in range(2))
        torch.testing.assert_close(first, second, rtol=0, atol=0)

    @every_kernel
    def test_it_goes_on_from_a_state(self, kernel):
        rng = torch.Generator().manual_seed(7)
        in_two = run(kernel, run(kernel, torch.zeros(4, 3), 5, rng).state, 5, rng).x
        at_once = run(kernel, torch.zeros(4, 3), 10, torch.Generator().manual_seed(7)).x
        torch.testing.assert_close(in_two, at_once, rtol=0, atol=0)

    @every_kernel
    def test_what_is_kept_is_what_was_passed(self, kernel):
        seen = []
        start = torch.zeros(4, 3, 2, dtype=torch.float64)
        trace = run(
            kernel, start, 7, torch.Generator().manual_seed(0), keep=3, on_step=lambda i, s: seen.append(s.x.clone())
        )
        torch.testing.assert_close(trace.kept, torch.stack([seen[2], seen[5]]), rtol=0, atol=0)
        assert len(seen) == 7
        assert trace.kept.dtype == torch.float64
        assert (start == 0).all()

    def test_nothing_is_kept_unless_asked(self, rng):
        assert run(KERNELS[0], torch.zeros(4, 3), 2, rng).kept.shape == (0, 4, 3)

    def test_a_diverging_chain_is_named(self, rng):
        quartic = Density(lambda x: -(x**4).sum(-1))
        start = torch.zeros(5, 1)
        start[3] = 100.0
        with pytest.raises(
            NonFiniteError, match=r"chain 3 diverged at step \d+ \(1 of 5 chains\); try a step size of 0.0"
        ):
            run(Langevin(quartic, 0.02), start, 100, rng)

    @pytest.mark.parametrize("start", [torch.zeros(3), torch.zeros(3, 2, dtype=torch.long), torch.zeros(0, 2)])
    def test_bad_starts_are_refused(self, start, rng):
        with pytest.raises(InputError, match="starting points"):
            run(KERNELS[0], start, 2, rng)

    def test_a_start_that_is_not_finite_is_refused(self, rng):
        with pytest.raises(InputError, match="starting point is nan for chain 1"):
            run(KERNELS[0], torch.tensor([[0.0], [math.nan]]), 2, rng)

    def test_negative_steps_are_refused(self, rng):
        with pytest.raises(InputError, match="got steps = -1; expected a whole number from 0"):
            run(KERNELS[0], torch.zeros(3, 1), -1, rng)


class TestKernels:
    @pytest.mark.parametrize("kernel", [Langevin, MALA, Sachs, BAOAB, Cheng])
    def test_they_refuse_steps_that_go_nowhere_and_curved_spaces(self, kernel):
        for step_size in (0.0, -1.0, math.nan, math.inf):
            with pytest.raises(InputError, match="step_size"):
                kernel(NORMAL, step_size)
        with pytest.raises(InputError, match=r"use chains\.Geodesic"):
            kernel(Density(lambda x: x[:, 0], Sphere(2)), 0.1)
        kernel(Density(lambda x: x[:, 0], Euclidean(2)), 0.1)

    def test_a_law_is_a_target(self, rng):
        law = Normal(torch.tensor([1.0, 2.0]), torch.tensor(0.5), 1)
        assert_mean(run(MALA(law, 0.2), torch.zeros(4000, 2), 40, rng).x, law.mean)
        with pytest.raises(ImprobableError):
            assert_mean(run(MALA(law, 0.2), torch.zeros(4000, 2), 2, rng).x, law.mean)

    def test_geodesic_wants_a_space(self):
        with pytest.raises(InputError, match="Sphere"):
            Geodesic(NORMAL, 0.1)

    def test_mala_wants_a_density(self):
        with pytest.raises(InputError, match="score alone"):
            MALA(Field(lambda x: -x), 0.1)


def test_mixtures_are_checked_in_their_own_precision(rng):
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
    assert run(MALA(law, 0.2), torch.zeros(10, 2), 3, rng).x.dtype == torch.float32
