"""Kernels of several widths."""

from __future__ import annotations

import math

import torch

from experiments.mixed_kernels import TorusKernels
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
