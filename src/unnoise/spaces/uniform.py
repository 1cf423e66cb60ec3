"""The uniform law of a compact manifold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import real, whole
from unnoise.laws import Law

Draw = Callable[[tuple[int, ...], torch.Generator], Tensor]


@dataclass(frozen=True)
class UniformLaw(Law[Tensor]):
    """The uniform law, as a batch of n, in float64; density with respect to the Riemannian volume.

    Args:
        draw: uniform points (*shape, *event), from a shape and a generator.
        log_volume: of the manifold.
        event_ndim: trailing axes of one point.

    >>> from unnoise.spaces import Sphere
    >>> Sphere(2).uniform(5).sample(torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3])
    """

    draw: Draw
    log_volume: float
    event_ndim: int
    n: int

    def __post_init__(self) -> None:
        real(log_volume=self.log_volume)
        whole(n=self.n)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, n, *event)."""
        return self.draw((*shape, self.n), rng)

    def log_prob(self, x: Tensor) -> Tensor:
        """Minus the log volume."""
        return x.new_full(x.shape[: x.ndim - self.event_ndim], -self.log_volume)
