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
    """One loss per example, and what else to show.

    Training takes the mean of `value`.

    Attributes:
        value: (n,), in nats unless an objective is weighted; another shape is an InputError.
        metrics: numbers by name, such as the parts of a sum; they change nothing.

    >>> Loss(torch.tensor([0.2, 0.4]), {"accuracy": torch.tensor(0.9)}).value.mean()
    tensor(0.3000)
    """

    value: Tensor
    metrics: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        instance(Tensor, value=self.value)
        instance(dict, metrics=self.metrics)
        if self.value.ndim != 1:
            raise InputError(f"got losses of shape {tuple(self.value.shape)}; expected one number per example, (n,)")


class Objective(ABC):
    r"""A stochastic estimate of how far a denoiser is from the exact one: (denoiser, x_0, cond, rng) -> `Loss`.

    Its mean over the noise is least where the denoiser gives $E[Y_t(X_0, x_t) | X_t = x_t, \text{cond}]$; the least
    value is above zero. One of your own states `__call__`, and `check_batch` refuses what is no batch:

    >>> class AtOneTime(Objective):
    ...     def __call__(self, denoiser, x_0, cond, rng, rows=ALL):
    ...         t = torch.full((len(x_0),), 0.5)
    ...         x_t = denoiser.process.marginal(x_0, t).sample(rng)
    ...         return Loss((denoiser(x_t, t, cond) - x_0).square().sum(1)[rows])
    >>> from unnoise import denoisers, processes, spaces
    >>> exact = denoisers.Exact(processes.edm(spaces.Euclidean(1)), torch.zeros(1, 1))
    >>> AtOneTime()(exact, torch.zeros(3, 1), None, torch.Generator().manual_seed(0)).value
    tensor([0., 0., 0.])
    """

    @abstractmethod
    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The loss of `rows`; noise is drawn for the whole batch, so that devices that share it see the same."""


def check_batch(process: Process[Any], x_0: Any, cond: Any) -> None:
    """Raise InputError unless x_0 is a batch of data, (n, *event), and cond None or n rows."""
    process.check(x_0)
    conditions.check_each(cond, _tree.length(x_0))
