"""Denoising score matching, on any space whose kernel is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.denoisers.base import Denoiser
from unnoise.objectives.base import Loss, Objective, check_batch
from unnoise.objectives.times import ImportanceTimes, Times, low_discrepancy, times_at
from unnoise.objectives.weightings import BoundWeighting, Weighting, factor_at
from unnoise.processes import HasKernel, require


@dataclass(frozen=True)
class Prediction:
    """What a denoiser says of noised data.

    Attributes:
        process: how they were noised.
        x_0: the data, (n, *event).
        x_t: the states.
        t: (n,), the times.
        density: (n,), of the times with respect to dt.
        stat: what the denoiser says.
    """

    process: HasKernel[Any]
    x_0: Any
    x_t: Any
    t: Tensor
    density: Tensor
    stat: Any

    @property
    def kl_rate(self) -> Tensor:
        r"""$\Phi(q_{t|0}/\beta_t)(x_t)$ in nats per unit time, (n,)."""
        target = self.process.target(self.x_0, self.x_t, self.t)
        return self.process.kl_rate(self.stat, target, self.x_t, self.t)


def predict(
    denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice, times: Times, asker: str = "Denoising"
) -> Prediction:
    """Noise a batch at these times, spread evenly, and ask the denoiser about the `rows` of it.

    Raises:
        InputError: x_0 is no batch of data of the process, conditions of another number of rows, or no kernel.
    """
    process, like = require(denoiser.process, HasKernel, asker, "objectives.Implicit"), _tree.first(x_0)
    check_batch(process, x_0, cond)
    t, density = times_at(times, process, low_discrepancy(_tree.length(x_0), rng).to(like.device))
    x_t = process.marginal(x_0, t).sample(rng)
    x_0, x_t, t, density = (_tree.map(lambda leaf: leaf[rows], part) for part in (x_0, x_t, t, density))
    stat = denoiser(x_t, t, None if cond is None else _tree.map(lambda leaf: leaf[rows], cond))
    return Prediction(process, x_0, x_t, t, density, stat)


@dataclass(frozen=True)
class Denoising(Objective):
    r"""$E\big[w(t)\,\Phi(q_{t|0}/\beta_t)(x_t) / p(t)\big]$ with $t \sim p$, $x_t \sim q_{t|0}(\cdot | x_0)$.

    With the weighting `BoundWeighting` its mean is the diffusion part of the bound on $-\log p(x_0)$, in nats (Benton
    et al. 2024, arXiv 2211.03595, eq. 9), whatever the law of times.

    Args:
        weighting: any callable (process, t) -> factor, (n,).
        times: at which times to look.

    Raises:
        InputError: when called, for data that are not those of the process, or a factor of another shape.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import EDM
    >>> from unnoise.spaces import Euclidean
    >>> x_0 = torch.tensor([[-1.0], [1.0]])
    >>> Denoising()(Exact(EDM(Euclidean(1)), x_0), x_0, None, torch.Generator().manual_seed(0)).value.shape
    torch.Size([2])
    """

    weighting: Weighting = field(default_factory=BoundWeighting)
    times: Times = field(default_factory=ImportanceTimes)

    def __call__(
        self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = slice(None)
    ) -> Loss:
        """The weighted KL rates of `rows`, over the density of their times."""
        made = predict(denoiser, x_0, cond, rng, rows, self.times)
        return Loss(made.kl_rate * factor_at(self.weighting, made.process, made.t) / made.density)
