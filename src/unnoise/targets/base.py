"""What a target is: a log density up to a constant, and all that is known of it exactly."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from unnoise.spaces import Space


class Target(ABC):
    r"""A density $e^{\text{log\_prob}} / Z$ with respect to the reference measure of its space."""

    @property
    @abstractmethod
    def space(self) -> Space[Tensor, Any]:
        """Where its points live."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """The log density at x, (*batch, *event), in nats, up to `log_normaliser`: (*batch,)."""

    @property
    def log_normaliser(self) -> float | None:
        r"""$\log Z = \log\int e^{\text{log\_prob}}$, in nats; None where it is not known."""
        return None


class Samplable(Target):
    """A target that can be drawn from exactly."""

    @abstractmethod
    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Independent exact draws, (*shape, *event)."""
