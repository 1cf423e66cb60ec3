"""Maximum likelihood, for denoisers that know their density given the condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, HasDensity, HeatMixture, conditions
from unnoise.objectives.base import ALL, Loss, Objective, check_batch


@dataclass(frozen=True)
class MaximumLikelihood(Objective):
    r"""$-\log q_0(x_0 | c)$ of a denoiser that knows it: `denoisers.HeatMixture`, `denoisers.NormalMixture`.

    What denoising bounds, without its noise.

    Args:
        nearest: count only kernels of so many anchors of a HeatMixture, those nearest to the data; None for all.

    >>> from unnoise import denoisers, networks, processes, spaces
    >>> north = torch.tensor([[0.0, 0.0, 1.0]])
    >>> process = processes.Brownian(spaces.Sphere(2))
    >>> denoiser = denoisers.HeatMixture(process, networks.MLP((1,), 1, (1, 4)), north)
    >>> MaximumLikelihood()(denoiser, north, torch.zeros(1, 1), torch.Generator()).value.shape
    torch.Size([1])
    """

    nearest: int | None = None

    def __post_init__(self) -> None:
        whole(least=1, or_none=True, nearest=self.nearest)

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """Minus the log density of `rows`, in nats."""
        if not isinstance(denoiser, HasDensity):
            got = f"got a denoiser of type {type(denoiser).__name__}"
            raise InputError(f"{got}; expected one that knows its density, HeatMixture: train others by Denoising")
        if self.nearest is not None and not isinstance(denoiser, HeatMixture):
            raise InputError(f"got nearest = {self.nearest} for a {type(denoiser).__name__}, which has no anchors")
        check_batch(denoiser.process, x_0, cond)
        x_0, cond = conditions.at(x_0, rows), conditions.at(cond, rows)
        options = {} if self.nearest is None else {"nearest": self.nearest}
        return Loss(-denoiser.log_prob(x_0, None, cond, **options))
