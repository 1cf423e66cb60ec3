"""Denoising score matching, on any space whose kernel is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function, instance, whole
from unnoise.denoisers import Denoiser, conditions
from unnoise.denoisers.base import check_denoiser, check_statistic
from unnoise.objectives.base import ALL, Loss, Objective, check_batch
from unnoise.objectives.times import ImportanceTimes, Times, low_discrepancy, times_at
from unnoise.objectives.weightings import BoundWeighting, Weighting, factor_at
from unnoise.processes import HasKernel, require

MOST_COPIES = 2**16


@dataclass(frozen=True)
class Prediction:
    """Data x_0, noised to x_t at t, (n,), of a density in dt, (n,); and the statistic that a denoiser gives."""

    denoiser: Denoiser
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
        check_statistic(self.denoiser, self.stat, target, len(self.t))
        return self.process.kl_rate(self.stat, target, self.x_t, self.t)


def predict(
    denoiser: Denoiser,
    x_0: Any,
    cond: Any,
    rng: torch.Generator,
    rows: slice,
    times: Times,
    asker: str = "Denoising",
    copies: int = 1,
) -> Prediction:
    """Noise each row of a batch `copies` times, and ask the denoiser about its `rows`; `asker` is for errors."""
    check_denoiser(denoiser=denoiser)
    process, like = require(denoiser.process, HasKernel, asker, "objectives.Implicit"), _tree.first(x_0)
    check_batch(process, x_0, cond)
    n = _tree.length(x_0)
    even = low_discrepancy(n * copies, rng).reshape(copies, n).T.flatten()  # the copies of a row lie far apart
    t, density = times_at(times, process, even.to(like.device))
    cond = conditions.at(cond, rows)
    if copies > 1:
        denoiser, cond = denoiser.read(cond)
        x_0, cond = (conditions.repeated(part, copies) for part in (x_0, cond))
        rows = slice(*(copies * bound for bound in rows.indices(n)[:2]))
    x_t = process.marginal(x_0, t).sample(rng)
    x_0, x_t, t, density = (conditions.at(part, rows) for part in (x_0, x_t, t, density))
    return Prediction(denoiser, process, x_0, x_t, t, density, denoiser(x_t, t, cond))


@dataclass(frozen=True)
class Denoising(Objective):
    r"""$E\big[w(t)\,\Phi(q_{t|0}/\beta_t)(x_t) / p(t)\big]$ with $t \sim p$, $x_t \sim q_{t|0}(\cdot | x_0)$.

    With the weighting `BoundWeighting` its mean is the diffusion part of the bound on $-\log p(x_0)$, in nats (Benton
    et al. 2024, arXiv 2211.03595, eq. 9).

    Args:
        weighting: any callable (process, t) -> factor, (n,).
        times: their law.
        copies: how often each example is noised; its conditions are read once. More copies are worth their cost where
            reading costs more than the rest of the network, as of pictures.

    >>> from unnoise import denoisers, processes, spaces
    >>> x_0 = torch.tensor([[-1.0], [1.0]])
    >>> exact = denoisers.Exact(processes.edm(spaces.Euclidean(1)), x_0)
    >>> Denoising()(exact, x_0, None, torch.Generator().manual_seed(0)).value.shape
    torch.Size([2])
    """

    weighting: Weighting = field(default_factory=BoundWeighting)
    times: Times = field(default_factory=ImportanceTimes)
    copies: int = 1

    def __post_init__(self) -> None:
        function(weighting=self.weighting)
        instance(Times, times=self.times)
        whole(least=1, most=MOST_COPIES, copies=self.copies)

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The weighted KL rates of `rows`, over the density of their times; the mean over their copies."""
        made = predict(denoiser, x_0, cond, rng, rows, self.times, copies=self.copies)
        losses = made.kl_rate * factor_at(self.weighting, made.process, made.t) / made.density
        return Loss(losses if self.copies == 1 else losses.reshape(-1, self.copies).mean(1))
