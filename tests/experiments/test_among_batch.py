"""The mean target over a batch of rotations: that of the library's kernels, and of the same mean as one target."""

from __future__ import annotations

import pytest
import torch

from experiments.among_batch import AmongBatch, mean_score
from unnoise.denoisers import Denoiser
from unnoise.objectives import Denoising
from unnoise.processes import Brownian
from unnoise.spaces import Rotations
from unnoise.testing import ImprobableError, assert_mean

SPACE = Rotations()
PROCESS = Brownian(SPACE)


class Still(Denoiser):
    """A wrong score, linear in the entries, times a factor."""

    process = PROCESS

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, cond: object = None) -> torch.Tensor:
        """Towards one matrix."""
        return self.factor * SPACE.tangent(x_t, torch.ones_like(x_t))


def near(count: int, rng: torch.Generator) -> torch.Tensor:
    """Rotations close to each other."""
    return SPACE.heat(torch.eye(3).expand(count, 3, 3), torch.tensor(0.05)).sample(rng)


def test_it_is_the_mean_score_of_kernels_weighted_by_their_densities(rng: torch.Generator) -> None:
    centres, variance = near(30, rng), torch.linspace(-7, 0.6, 30).exp()
    x = SPACE.heat(centres, variance).sample(rng)
    kernels = SPACE.heat(centres[None].double(), variance[:, None].double())
    share = torch.softmax(kernels.log_prob(x[:, None].double()), 1)
    expected = torch.einsum("nm,nmij->nij", share, kernels.score(x[:, None].double()))
    torch.testing.assert_close(mean_score(centres, x, variance).double(), expected, rtol=2e-3, atol=2e-3)


def test_what_is_learnt_stays_the_same_with_less_noise(rng: torch.Generator) -> None:
    """The slope of the loss in a factor of the denoiser has the same mean; the loss falls by the target's variance."""
    batches = [near(64, rng) for _ in range(60)]
    one, many = (_losses(objective, batches) for objective in (Denoising(), AmongBatch()))
    (up, down), (less_up, less_down) = one, many
    assert_mean((less_up - less_down) - (up - down))
    with pytest.raises(ImprobableError):
        assert_mean(0.5 * (less_up - less_down) - (up - down))
    assert float(less_up.mean()) < 0.8 * float(up.mean())


def _losses(objective: Denoising, batches: list[torch.Tensor]) -> torch.Tensor:
    """Mean losses of two factors of the denoiser, (2, batches), with the same noise."""
    found = [
        [float(objective(Still(factor), x_0, None, torch.Generator().manual_seed(i)).value.mean()) for factor in (1, 0)]
        for i, x_0 in enumerate(batches)
    ]
    return torch.tensor(found, dtype=torch.float64).T
