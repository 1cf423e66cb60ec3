r"""Test functions on any space: waves $\cos(w \cdot \phi(x) + b)$ in the space's own real features.

Two laws whose features differ have different means under almost every wave (Rahimi and Recht 2007). Frequencies follow
the spread of an example batch: differences much finer than that are not seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise.laws.base import standard_normal

Features = Callable[[Any], Tensor]


@dataclass(frozen=True)
class Waves:
    """A few test functions at once.

    Attributes:
        features: real features of points.
        ndim: how many trailing axes the features of one point have.
        centre: (m,), the mean of the features.
        frequencies: (m, count).
        phases: (count,).
    """

    features: Features
    ndim: int
    centre: Tensor
    frequencies: Tensor
    phases: Tensor

    def __call__(self, x: Any) -> Tensor:
        """All waves at x, (*batch, count)."""
        return torch.cos(self._angle(x, self.frequencies) + self.phases)

    def __getitem__(self, index: int) -> Callable[[Any], Tensor]:
        """One wave, which maps x to (*batch,)."""
        frequency, phase = self.frequencies[:, index], self.phases[index]
        return lambda x: torch.cos(self._angle(x, frequency) + phase)

    def __iter__(self) -> Iterator[Callable[[Any], Tensor]]:
        return (self[index] for index in range(len(self)))

    def __len__(self) -> int:
        return len(self.phases)

    def _angle(self, x: Any, frequencies: Tensor) -> Tensor:
        return (flat_features(self.features, x, self.ndim) - self.centre) @ frequencies


def waves(features: Features, example: Any, count: int, rng: torch.Generator) -> Waves:
    """Waves at the scale of an example with one batch axis.

    Directions are uniform, wavelengths between 2 and 12 standard deviations of the features.
    """
    ndim = features(example).ndim - 1
    values = flat_features(features, example, ndim).detach()
    spread = values.std(0)
    spread = torch.where(spread > 1e-9 * values.abs().amax(0), spread, 1.0)  # constant features stay
    directions = standard_normal((values.shape[1], count), values, rng)
    directions = directions / directions.norm(dim=0)
    lengths = torch.rand(count, generator=rng, dtype=values.dtype) * 2.5 + 0.5
    phases = torch.rand(count, generator=rng, dtype=values.dtype) * 2 * math.pi
    return Waves(features, ndim, values.mean(0), directions / spread[:, None] * lengths, phases)


def flat_features(features: Features, x: Any, ndim: int) -> Tensor:
    """Features as float64 vectors, (*batch, m)."""
    values = features(x).to(torch.float64)
    return values[..., None] if ndim == 0 else values.flatten(values.ndim - ndim)
