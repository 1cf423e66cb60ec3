"""Flows on which solvers are compared, with an accurate reference, and the distance of a solver's ends from it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from experiments.snr_invariance import Digits
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP
from unnoise.processes import Gaussian, variance_exploding
from unnoise.samplers import Heun, Multistep, Sampler
from unnoise.spaces import Euclidean
from unnoise.training import learn
from unnoise.training.learning import Tell

LOWEST, HIGHEST = 0.002, 20.0  # noise levels
MODES, DIMENSION = 20, 64  # of the mixture


@dataclass(frozen=True)
class Errors:
    """Distances to the ends of the reference.

    Attributes:
        rmse: root of the mean of their squares.
        median: of them.
        elsewhere: share of points that end in another mode than they should.
    """

    rmse: float
    median: float
    elsewhere: float


@dataclass(frozen=True)
class Race:
    """Common starts, and where the flow takes them.

    Attributes:
        denoiser: in float64.
        starts: (n, d), at the highest noise level.
        ends: (n, d), of the reference.
        mode: the number of the mode that points belong to, (n, d) to (n,).
        elsewhere: what it means to end in another mode.
    """

    denoiser: Denoiser
    starts: Tensor
    ends: Tensor
    mode: Callable[[Tensor], Tensor]
    elsewhere: str

    def run(self, sampler: Sampler) -> Errors:
        """From the common starts; coarse steps are what is measured."""
        sampler.judged = True
        return self.errors(sampler.run(self.starts, generator(0)))

    def errors(self, found: Tensor) -> Errors:
        """Of ends (n, d)."""
        distances = (found - self.ends).norm(dim=1)
        moved = (self.mode(found) != self.mode(self.ends)).double().mean()
        return Errors(float(distances.square().mean().sqrt()), float(distances.median()), float(moved))


def ring(n: int, seed: int = 0, fine: Callable[[Denoiser], Sampler] = partial(Heun, steps=2000)) -> Race:
    """8 Gaussians of deviation 0.15 on a circle of radius 2; the reference is Heun's method in 2000 steps."""
    angles = torch.arange(8, dtype=torch.float64) * (2 * math.pi / 8)
    means = 2 * torch.stack([angles.cos(), angles.sin()], -1)
    covariances = 0.15**2 * torch.eye(2, dtype=torch.float64).expand(8, 2, 2)
    law = GaussianMixture(torch.full((8,), 1 / 8, dtype=torch.float64), means, covariances)
    denoiser = ExactMixture(_process(2), law)
    return _of_modes(denoiser, law, n, seed, fine(denoiser))


def mixture(n: int, seed: int = 0, steps: int = 500) -> Race:
    """20 Gaussians in 64 dimensions, each with axes of its own and deviations of 0.04 to 0.4 along them.

    The reference is of order 4 and corrected; twice its step moves no end by more than 1e-5.
    """
    rng = generator(1)
    means = torch.randn(MODES, DIMENSION, generator=rng, dtype=torch.float64)
    axes = torch.linalg.qr(torch.randn(MODES, DIMENSION, DIMENSION, generator=rng, dtype=torch.float64))[0]
    variances = (0.4 * torch.logspace(-1, 0, DIMENSION, dtype=torch.float64)) ** 2
    covariances = torch.einsum("kde,e,kfe->kdf", axes, variances, axes)
    weights = torch.softmax(0.5 * torch.randn(MODES, generator=rng, dtype=torch.float64), 0)
    law = GaussianMixture(weights, means, covariances)
    denoiser = ExactMixture(_process(DIMENSION), law)
    return _of_modes(denoiser, law, n, seed, Multistep(denoiser, steps, 4))


def digits(n: int, seed: int = 0, steps: int = 500, training: int = 3000, tell: Tell = lambda *_: None) -> Race:
    """A small network that is trained on scikit-learn's 8 x 8 digits; their modes are the training images."""
    images = Digits.read()
    rows = images.dequantised(images.train, generator(seed))
    network = partial(MLP, width=256, depth=3)
    learnt = learn(_process(64), network, rows, tell=tell, steps=training, batch_size=256, seed=seed)
    denoiser = learnt.double()
    starts, fine = _starts(n, 64, seed), Multistep(denoiser, steps, 4)
    nearest = lambda x: torch.cdist(x, rows.double()).argmin(1)  # noqa: E731
    return Race(denoiser, starts, fine.run(starts, generator(0)), nearest, "another training image is nearest")


def _process(dimension: int) -> Gaussian:
    return variance_exploding(Euclidean(dimension), LOWEST, HIGHEST)


def _starts(n: int, dimension: int, seed: int) -> Tensor:
    return HIGHEST * torch.randn(n, dimension, generator=generator(seed), dtype=torch.float64)


def _of_modes(denoiser: Denoiser, law: GaussianMixture, n: int, seed: int, fine: Sampler) -> Race:
    starts = _starts(n, law.means.shape[1], seed)
    ends = fine.run(starts, generator(0))
    return Race(denoiser, starts, ends, _likeliest(law), "another component is likeliest")


def _likeliest(law: GaussianMixture) -> Callable[[Tensor], Tensor]:
    """The component of the highest density times weight."""
    variances, axes = torch.linalg.eigh(law.covariances)

    def component(x: Tensor) -> Tensor:
        along = torch.einsum("nkd,kde->nke", x[:, None] - law.means, axes)
        log_density = -0.5 * (along**2 / variances + variances.log()).sum(-1)
        return torch.argmax(log_density + law.weights.log(), 1)

    return component
