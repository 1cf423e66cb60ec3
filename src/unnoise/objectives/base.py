"""What an objective is: the loss of a denoiser on a batch of data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, conditions
from unnoise.processes import Process

ALL = slice(None)


@dataclass(frozen=True)
class Loss:
    """One loss per example, (n,), in nats unless weighted, and what else to show, by name.

    Training takes the mean.
    """

    value: Tensor
    metrics: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        instance(Tensor, value=self.value)
        instance(dict, metrics=self.metrics)
        if self.value.ndim != 1:
            raise InputError(f"got losses of shape {tuple(self.value.shape)}; expected one number per example, (n,)")


class Objective(ABC):
    """A stochastic estimate of how far a denoiser is from the exact one."""

    @abstractmethod
    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The loss of `rows`; noise is drawn for the whole batch, so that devices that share it see the same."""


def check_batch(process: Process[Any], x_0: Any, cond: Any) -> None:
    """Raise InputError unless x_0 is a batch of data, (n, *event), and cond None or n rows."""
    process.check(x_0)
    conditions.check_each(cond, _tree.length(x_0))
