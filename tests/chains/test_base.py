"""Targets say no in one sentence, and the one loop keeps, counts and watches."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError, NonFiniteError
from unnoise.chains import BAOAB, MALA, Cheng, Density, Field, Geodesic, Langevin, Sachs, run
from unnoise.chains.base import check_start
from unnoise.laws import GaussianMixture, Normal
from unnoise.spaces import Euclidean, Sphere
from unnoise.targets import Funnel, Ising, Phi4, TwoModes

NORMAL = Density(lambda x: -0.5 * (x**2).flatten(1).sum(1))
KERNELS = [Langevin(NORMAL, 0.1), MALA(NORMAL, 0.5), Sachs(NORMAL, 0.5), BAOAB(NORMAL, 0.5), Cheng(NORMAL, 0.5)]
every_kernel = pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: type(kernel).__name__)


class TestDensity:
    def test_the_score_is_the_gradient(self, ring, rng):
        x = torch.randn(50, 2, generator=rng, dtype=torch.float64)
        density = ring
        step = torch.zeros(2, dtype=torch.float64)
        step[0] = 1e-5
        slope = (ring.log_prob(x + step) - ring.log_prob(x - step)) / 2e-5
        torch.testing.assert_close(density.score(x)[:, 0], slope, rtol=1e-6, atol=1e-6)

    def test_a_given_score_is_used_and_both_agree(self):
        density = Density(NORMAL.function, gradient=lambda x: -x)
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
        for a, b in zip(density.log_prob_and_score(x), NORMAL.log_prob_and_score(x), strict=True):
            torch.testing.assert_close(a, b)

    def test_it_can_be_differentiated_twice(self):
        x = torch.ones(2, 3, requires_grad=True)
        (second,) = torch.autograd.grad(Density(lambda x: (x**3).sum(-1)).score(x).sum(), x)
        torch.testing.assert_close(second, torch.full((2, 3), 6.0))

    def test_on_a_manifold_the_score_is_tangent(self, rng):
        x = Sphere(2).uniform(20).sample(rng)
        score = Density(lambda x: 3 * x[:, 0], Sphere(2)).score(x)
        torch.testing.assert_close((score * x).sum(1), torch.zeros(20, dtype=x.dtype), rtol=0, atol=1e-6)

    @pytest.mark.parametrize("target", [Phi4((2, 3)), Funnel(3), TwoModes(3)], ids=lambda target: type(target).__name__)
    def test_a_target_gives_its_own_score_and_space(self, target, rng, monkeypatch):
        x = torch.randn(20, *target.space.event_shape, generator=rng)
        differentiated = Density(target.log_prob).score(x)
        monkeypatch.setattr(torch.autograd, "grad", lambda *_: pytest.fail("this one knows its score"))
        torch.testing.assert_close(target.score(x), differentiated, rtol=1e-4, atol=1e-5)
        assert target.support == target.space
        with pytest.raises(InputError, match="shape"):
            check_start(target, x.flatten(1)[:, :2])

    def test_a_law_without_a_score_is_differentiated(self, ring, rng):
        x = torch.randn(20, 2, generator=rng, dtype=torch.float64)
        torch.testing.assert_close(ring.score(x), Density(ring.log_prob).score(x))

    def test_a_target_without_gradients_is_refused(self):
        with pytest.raises(InputError, match=r"Finite.*there is no gradient to follow there"):
            MALA(Ising(4), 0.1)

    @pytest.mark.parametrize(
        ("log_prob", "said"),
        [
            (lambda x: x, r"returned the shape \(4, 2\) .* expected \(4,\)"),
            (lambda x: 1.0, "returned a float"),
            (lambda x: x.detach().sum(1), "no gradient"),
            (lambda x: torch.full_like(x[:, 0], math.nan) * x.sum(1), "log density is nan for chain 0"),
            (lambda x: x.sum(1) - torch.tensor([0, 0, math.inf, 0]), r"log density is -inf for chain 2 \(1 of 4"),
            (lambda x: x.abs().sqrt().sum(1), "score is nan"),
        ],
    )
    def test_bad_densities_are_refused(self, log_prob, said):
        with pytest.raises(InputError, match=said):
            check_start(Density(log_prob), torch.zeros(4, 2))

    def test_a_score_of_another_shape_is_refused(self):
        with pytest.raises(InputError, match="score returned the shape"):
            Field(lambda x: x.sum(1)).score(torch.zeros(4, 2))


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
        with pytest.raises(InputError, match="-1 steps"):
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
        found = run(MALA(law, 0.2), torch.zeros(4000, 2), 40, rng).x
        torch.testing.assert_close(found.mean(0), law.mean, rtol=0, atol=0.05)

    def test_geodesic_wants_a_space(self):
        with pytest.raises(InputError, match="Sphere"):
            Geodesic(NORMAL, 0.1)

    def test_mala_wants_a_density(self):
        with pytest.raises(InputError, match="score alone"):
            MALA(Field(lambda x: -x), 0.1)


def test_mixtures_are_checked_in_their_own_precision(rng):
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 2), torch.eye(2)[None])
    assert run(MALA(law, 0.2), torch.zeros(10, 2), 3, rng).x.dtype == torch.float32
