"""Posteriors whose denoiser is exact: x is a normal z with noise, and the parameter is z, or a place in a box."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import DenoisingMarkovModel
from unnoise.denoisers import Denoiser
from unnoise.inference import AmortisedPosterior, posterior
from unnoise.networks import MLP

TINY = partial(MLP, width=8, depth=1, embedding=8)
NOISE = 0.5
UNTRAINED = DenoisingMarkovModel(steps=1, batch_size=8, network=TINY)


def normal_prior(d: int = 2, mean: float = 0.0, scale: float = 1.0) -> Any:
    return torch.distributions.Normal(torch.full((d,), mean), torch.full((d,), scale))


def cube(d: int = 2) -> Any:
    """The uniform law of [-1, 1]^d, which the chart takes to N(0, I)."""
    return torch.distributions.Uniform(-torch.ones(d), torch.ones(d))


def noisy(theta: Tensor) -> Tensor:
    """Of a batch of real parameters."""
    return theta + NOISE * torch.randn(theta.shape)


def in_cube(theta: Tensor) -> Tensor:
    """Of a batch in the cube, in the chart."""
    return noisy(torch.special.ndtri(0.5 + 0.5 * theta.double().clamp(-1 + 1e-9, 1 - 1e-9)))


class Known(Denoiser):
    """The exact denoiser of z ~ N(0, I) given the mean of m values of N(z, NOISE^2), in the states of a model."""

    def __init__(self, model: DenoisingMarkovModel, d: int, observations: int) -> None:
        super().__init__()
        self.process, self.observations = model.denoiser_.process, observations
        ends = np.stack([np.zeros(d), np.ones(d)])
        told = np.repeat(ends[:, None], observations, axis=1) if observations > 1 else ends
        y = {"x": told, "moments": np.zeros((2, 2 * d + 1))} if observations > 1 else {"x": told}
        encoded = model.schema_.encode(ends, y)
        self.z = self._line(encoded.x)
        self.beside = 2 * d + 1 if observations > 1 else 0  # numbers of moments, which stand before the set
        values = encoded.cond[:, self.beside : -1].double()
        self.x = self._line(values[:, 1 : 1 + d] if observations > 1 else values)
        self.register_buffer("unused", torch.zeros(()))

    def _line(self, ends: Tensor) -> tuple[Tensor, Tensor]:
        return ends[0].double(), ends[1].double() - ends[0].double()

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        d, cond = x_t.shape[1], cond.double()
        told = (1 - cond[:, -1:]).expand(len(x_t), 1)
        if self.observations > 1:
            sets = cond[:, self.beside : -1].reshape(len(cond), -1, 1 + d)
            count = sets[..., :1].sum(1)
            seen = sets[..., 1:].sum(1) / count.clamp(min=1)
        else:
            count, seen = torch.ones(len(cond), 1), cond[:, :-1]
        precision = 1 + told * count / NOISE**2
        mean = told * count / NOISE**2 * ((seen - self.x[0]) / self.x[1]) / precision
        mean, variance = self.z[0] + self.z[1] * mean, self.z[1] ** 2 / precision
        alpha, sigma = (part.double().reshape(-1, 1) for part in self.process.alpha_sigma(t))
        gain = alpha * variance / (alpha**2 * variance + sigma**2)
        return (mean + gain * (x_t.double() - alpha * mean)).to(x_t)


def known(
    prior: Any = None, simulator: Any = noisy, d: int = 2, observations: int = 1, simulations: int = 1000
) -> AmortisedPosterior:
    """A posterior that knows, by default of N(0, I) with noise."""
    options: Any = {"model": UNTRAINED, "simulations": simulations, "observations": observations}
    found = posterior(normal_prior(d) if prior is None else prior, simulator, **options)
    found.model.denoiser_ = Known(found.model, d, observations)
    return found


@cache
def of_reals() -> AmortisedPosterior:
    """N(0, I) in two dimensions, given one observation."""
    return known()


@cache
def of_cube() -> AmortisedPosterior:
    """The uniform law of a square, given one observation."""
    return known(cube(), in_cube)


@cache
def of_sets() -> AmortisedPosterior:
    """N(0, I) in two dimensions, given up to five observations."""
    return known(observations=5, simulations=400)


def truth(x: Any) -> tuple[Tensor, float]:
    """The mean and the deviation of z given observations, (m, d)."""
    seen = torch.as_tensor(x, dtype=torch.float64).reshape(-1, 2)
    precision = 1 + len(seen) / NOISE**2
    return seen.sum(0) / NOISE**2 / precision, precision**-0.5
