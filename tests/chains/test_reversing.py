"""Proposals by the steps backwards of a denoiser keep the target, whatever the denoiser."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.chains import ByPaths, ReversePaths, run
from unnoise.chains.reversing import Paths, PathsBeside, PathsOfHalves
from unnoise.denoisers import ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.laws.students import Students
from unnoise.processes import CTMC, rates, variance_preserving
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_law, assert_mean

TARGET = GaussianMixture(
    torch.tensor([0.3, 0.7], dtype=torch.float64),
    torch.tensor([[-2.0, 0.0], [2.0, 1.0]], dtype=torch.float64),
    torch.stack([torch.tensor([[1.0, 0.6], [0.6, 1.0]]), 0.5 * torch.eye(2)]).double(),
)
WRONG = GaussianMixture(torch.ones(1).double(), torch.tensor([[0.3, -0.2]]).double(), 1.5 * torch.eye(2)[None].double())


def reversed_of(law: GaussianMixture, steps: int = 8) -> ReversePaths:
    """Few steps of a denoiser of a law, in other units than those of the target."""
    rng = torch.Generator().manual_seed(1)
    denoiser = ExactMixture(variance_preserving(Euclidean(2)), law)
    factor = torch.tensor([[1.5, 0.0], [0.4, 0.8]], dtype=torch.float64)
    centre = torch.tensor([0.5, 0.2], dtype=torch.float64)
    return ReversePaths.fitted(denoiser, law.sample(rng, (1024,)), rng, steps=steps, centre=centre, factor=factor)


def student() -> Students:
    one = torch.ones(1, dtype=torch.float64)
    return Students(one, torch.zeros(1, 2, dtype=torch.float64), 3 * torch.eye(2).double()[None], 5 * one)


@dataclass(frozen=True)
class Tilted(Paths):
    """Weights that are wrong by a factor that depends on the point."""

    paths: Paths

    def drawn(self, n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        x, ratio = self.paths.drawn(n, rng)
        return x, ratio + 0.4 * x[:, 0]

    def traced(self, x: Tensor, rng: torch.Generator) -> Tensor:
        return self.paths.traced(x, rng) + 0.4 * x[:, 0]


def moved(paths: Paths) -> tuple[Tensor, float]:
    """The first numbers after moves from draws of the target, and how many proposals were taken."""
    rng = torch.Generator().manual_seed(0)
    trace = run(ByPaths(TARGET, paths), TARGET.sample(rng, (2000,)), 4, rng)
    return trace.x[:, 0], trace.acceptance


def cumulative(x: Tensor) -> Tensor:
    mean, scale = torch.tensor([-2.0, 2.0]).double(), torch.tensor([1.0, math.sqrt(0.5)]).double()
    return torch.special.ndtr((x[..., None] - mean) / scale) @ TARGET.weights


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("law", [TARGET, WRONG])
def test_moves_keep_the_target_and_moves_with_wrong_weights_do_not(law: GaussianMixture, beside: bool) -> None:
    paths: Paths = reversed_of(law)
    paths = PathsBeside(paths, student(), 0.3) if beside else paths
    found, accepted = moved(PathsOfHalves(paths, reversed_of(WRONG), 1500))
    assert_law(found, cumulative)
    assert 0.05 < accepted < 0.9
    with pytest.raises(ImprobableError):
        assert_law(moved(Tilted(paths))[0], cumulative)


def test_weights_integrate_the_density() -> None:
    rng = torch.Generator().manual_seed(0)
    for paths in (reversed_of(WRONG), PathsBeside(reversed_of(WRONG), student(), 0.3)):
        x, ratio = paths.drawn(4000, rng)
        assert_mean((TARGET.log_prob(x) - ratio).exp(), 1.0)
        other = student().sample(rng, (4000,))
        inverse = (paths.traced(other, rng) - student().log_prob(other)).exp()  # whose mean is the integral of g
        assert_mean(inverse, 1.0)


def test_more_steps_lose_less() -> None:
    rng = torch.Generator().manual_seed(0)
    lost = []
    for steps in (6, 12, 48):
        x = TARGET.sample(rng, (1000,))
        plain = ReversePaths.fitted(
            ExactMixture(variance_preserving(Euclidean(2)), TARGET), TARGET.sample(rng, (1024,)), rng, steps=steps
        )
        lost.append(float((TARGET.log_prob(x) - plain.traced(x, rng)).mean()))  # a KL divergence of paths
    assert lost[0] > 1.5 * lost[1] > 3 * lost[2] > 0


def test_other_processes_and_shapes_are_refused() -> None:
    paths = reversed_of(WRONG)
    with pytest.raises(InputError, match="expected \\(K,\\), \\(K, 2\\) and \\(2, 2\\)"):
        ReversePaths(paths.denoiser, paths.times, paths.errors[:, :1], paths.centre, paths.factor)
    letters = torch.nn.Module.__new__(type(paths.denoiser))
    torch.nn.Module.__init__(letters)
    letters.process = CTMC(Finite(2, 3), rates.Absorbing(3))  # type: ignore[assignment]
    with pytest.raises(InputError, match="needs a denoiser of a Gaussian process"):
        ReversePaths(letters, paths.times, paths.errors, paths.centre, paths.factor)
