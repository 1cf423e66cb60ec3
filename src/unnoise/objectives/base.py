"""What an objective is: the price of a denoiser on a batch of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser


@dataclass(frozen=True)
class Loss:
    """One price per example, in nats unless a weighting changed the unit; the training loss is its mean."""

    value: Tensor
    metrics: dict[str, Tensor] = field(default_factory=dict)


class Objective(ABC):
    """A stochastic estimate of how far a denoiser is from the exact one."""

    @abstractmethod
    def __call__(
        self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = slice(None)
    ) -> Loss:
        """The loss of `rows` of the batch.

        Randomness is drawn for the whole batch, so that the parts of one batch on several devices see the noise
        that they would have seen on one.
        """
