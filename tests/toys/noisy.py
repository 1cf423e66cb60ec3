"""Closed forms at all noise levels, for tests of chains."""

from __future__ import annotations

from collections.abc import Callable

import torch

from unnoise.chains import AtNoise
from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import edm
from unnoise.spaces import Euclidean


def of_mixture(law: GaussianMixture) -> AtNoise:
    """A mixture, known from the level 0.002 to 80."""
    return AtNoise(ExactMixture(edm(Euclidean(law.means.shape[1])), law))


def of_atoms(atoms: torch.Tensor, weights: torch.Tensor | None = None) -> AtNoise:
    """Finitely many points, known from the level 0.002 to 80."""
    return AtNoise(Exact(edm(Euclidean(tuple(atoms.shape[1:]))), atoms, weights))


class Given(Denoiser):
    """A function of noisy points, and of the level, as the denoiser."""

    def __init__(self, function: Callable[[torch.Tensor, float], torch.Tensor], event_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.process, self.function = edm(Euclidean(event_shape)), function

    def forward(self, x_t: torch.Tensor, t: torch.Tensor, cond: torch.Tensor | None = None) -> torch.Tensor:
        """What the function says."""
        return self.function(x_t, float(self.process.alpha_sigma(t)[1]))


def of_function(function: Callable[[torch.Tensor, float], torch.Tensor], *event_shape: int) -> AtNoise:
    """Any function of (y, sigma), known from the level 0.002 to 80."""
    return AtNoise(Given(function, event_shape))
