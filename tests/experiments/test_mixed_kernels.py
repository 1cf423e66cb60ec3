"""Kernels of several widths."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.kernel_score import KernelScore
from experiments.mixed_kernels import SphereKernels, TorusKernels, adaptive
from unnoise.evaluation import ProbabilityFlow
from unnoise.processes import Brownian, until_mixed
from unnoise.spaces import Sphere
from unnoise.testing import assert_mean


def test_it_integrates_to_one_and_knows_the_width() -> None:
    """On the circle, by a grid; most weight lies near the width of the points' own law; one width alone does worse."""
    rng = torch.Generator().manual_seed(0)
    centres = 2 * math.pi * torch.rand(30, 1, generator=rng, dtype=torch.float64)

    def draws(n: int) -> torch.Tensor:
        near = centres[torch.randint(30, (n,), generator=rng)]
        return near + 0.05 * torch.randn(n, 1, generator=rng, dtype=torch.float64)

    found = TorusKernels.fit(centres, draws(2000), most=1e4)
    grid = torch.linspace(0, 2 * math.pi, 4001, dtype=torch.float64)[:-1, None]
    assert abs(float(found.log_prob(grid).exp().mean()) * 2 * math.pi - 1) < 1e-6
    mean = float((found.weights[:-1] * found.kappas.log()).sum())
    assert abs(mean - math.log(400)) < 0.3
    test = draws(2000)
    narrow = TorusKernels(centres, found.kappas[-1:], torch.tensor([0.99, 0.01], dtype=torch.float64))
    assert found.log_prob(test).mean() > narrow.log_prob(test).mean() + 0.5


def test_the_product_of_kernels_is_normal_where_they_are_narrow() -> None:
    """One point, two angles: the mean of log p is -1 - log(2 pi / kappa)."""
    rng = torch.Generator().manual_seed(1)
    kernels = TorusKernels(torch.ones(1, 2).double(), torch.tensor([1e4]).double(), torch.tensor([1.0, 1e-12]).double())
    x = 1 + 0.01 * torch.randn(4000, 2, generator=rng, dtype=torch.float64)
    assert_mean(kernels.log_prob(x) + 1 + math.log(2 * math.pi / 1e4), tolerance=0.02)


class TestOnTheGlobe:
    """Points near each other in one place, and far from each other in another."""

    def draws(self, n: int, seed: int) -> torch.Tensor:
        rng = torch.Generator().manual_seed(seed)
        rows = torch.arange(n) % 2 == 0
        centres = torch.where(rows[:, None], torch.tensor([0.0, 0.0, 1.0]), torch.tensor([1.0, 0.0, 0.0])).double()
        spread = torch.where(rows, 0.01, 0.3).double()[:, None]
        x = centres + spread * torch.randn(n, 3, generator=rng, dtype=torch.float64)
        return x / x.norm(dim=1, keepdim=True)

    def test_widths_that_adapt_do_better(self) -> None:
        train, validation, test = (self.draws(n, seed) for seed, n in enumerate((200, 100, 400)))
        fixed, ours = (fit(train, validation, 1e5) for fit in (SphereKernels.fit, SphereKernels.fit_adaptive))
        assert ours.log_prob(test).mean() > fixed.log_prob(test).mean() + 0.02

    def test_widths_follow_the_distance_to_near_points(self) -> None:
        kappas = adaptive(self.draws(200, 0), 1e5)[14:]
        near, far = kappas[:, ::2].log().mean(), kappas[:, 1::2].log().mean()
        assert float(near - far) == pytest.approx(2 * math.log(30), abs=1.0)

    def test_kernels_and_their_slopes_are_those_of_the_library(self) -> None:
        """At early and late times, near and far."""
        space, north = Sphere(2), torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)
        angle = torch.tensor([0.01, 0.3, 1.0, 2.0], dtype=torch.float64)
        x = torch.stack([angle.sin(), 0 * angle, angle.cos()], 1)
        for variance in (0.01, 0.19, 0.21, 2.0):
            start = Brownian(space, until_mixed(space, 1e-5))
            weights = torch.tensor([1.0, 1e-9], dtype=torch.float64)
            kappa = torch.tensor([[1 / variance]], dtype=torch.float64)
            ours = KernelScore(start, SphereKernels(north, kappa, weights))
            heat = space.heat(north, torch.tensor(variance, dtype=torch.float64))
            close = heat.log_prob(x) > -12
            torch.testing.assert_close(ours.log_prob(x)[close], heat.log_prob(x)[close], atol=2e-3, rtol=0)
            score = ours(x, torch.zeros((), dtype=torch.float64))
            torch.testing.assert_close(score[close], heat.score(x)[close], atol=2e-3, rtol=2e-3)

    def test_the_flow_of_the_score_has_the_density_of_the_kernels(self) -> None:
        kernels = SphereKernels.fit_adaptive(self.draws(40, 0), self.draws(40, 1), 1e5)
        ours = KernelScore(Brownian(Sphere(2), until_mixed(Sphere(2), 1e-5)), kernels)
        x = self.draws(4, 3)
        by_flow = ProbabilityFlow(tolerance=1e-4)(ours, x, torch.Generator()).log_prob
        torch.testing.assert_close(by_flow, ours.log_prob(x), atol=0.03, rtol=0)
