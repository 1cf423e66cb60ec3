"""Data whose probability flow is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from unnoise.denoisers import ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import Gaussian


@pytest.fixture(scope="session")
def gaussian_data() -> Callable[[Gaussian, float], tuple[ExactMixture, float]]:
    """The exact denoiser of N(0, variance) on the line, and the point to which the flow takes x_1 = 1."""

    def build(process: Gaussian, variance: float) -> tuple[ExactMixture, float]:
        one = torch.ones(1, dtype=torch.float64)
        denoiser = ExactMixture(process, GaussianMixture(one, 0 * one[None], variance * one[None, None]))
        alpha, sigma = process.alpha_sigma(torch.tensor([0.0, 1.0], dtype=torch.float64))
        start, end = (alpha**2 * variance + sigma**2).tolist()
        return denoiser, (start / end) ** 0.5 * float(alpha[0]) * variance / start

    return build
