"""Implicit score matching, which needs a generator and nothing else, on any space."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, function, whole
from unnoise.denoisers import Denoiser, conditions
from unnoise.denoisers.base import check_denoiser
from unnoise.objectives.base import ALL, Loss, Objective, check_batch
from unnoise.objectives.noising import noised
from unnoise.objectives.times import low_discrepancy
from unnoise.objectives.weightings import BoundWeighting, Weighting, factor_at
from unnoise.processes import Process
from unnoise.spaces.base import still


@dataclass(frozen=True)
class Implicit(Objective):
    r"""$E[w(t)\,(\hat L^*\beta_t/\beta_t + \hat L\log\beta_t)(x_t)/p(t)]$, as `Space.implicit` of the learnt reverse.

    With `BoundWeighting` its mean is the bound on $-\log p(x_0)$ without $-E[\log p_1(X_1)]$; it differs from
    `Denoising` by a constant (Benton et al. 2024, arXiv 2211.03595, section 3).

    The exact loss takes a backward pass per dimension, or an evaluation per neighbour; `probes` of them are unbiased
    (sliced score matching, Song et al. 2019, arXiv 1905.07088).

    Args:
        steps: moves of a simulated path, where the process has no kernel.
        probes: per row; None for the exact loss.
        weighting: any callable (process, t) -> factor, (n,).

    >>> from unnoise import denoisers, processes, spaces
    >>> x_0 = torch.tensor([[-1.0], [1.0]])
    >>> exact = denoisers.Exact(processes.edm(spaces.Euclidean(1)), x_0)
    >>> Implicit()(exact, x_0, None, torch.Generator().manual_seed(0)).value.shape
    torch.Size([2])
    """

    steps: int = 100
    probes: int | None = None
    weighting: Weighting = field(default_factory=BoundWeighting)

    def __post_init__(self) -> None:
        check_effort(self.steps, self.probes)
        function(weighting=self.weighting)

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The weighted loss rates of `rows`, over the density of their times."""
        check_denoiser(denoiser=denoiser)
        process, like = denoiser.process, _tree.first(x_0)
        check_batch(process, x_0, cond)
        u = low_discrepancy(_tree.length(x_0), rng)
        seen = noised(process, x_0, u.to(like if like.is_floating_point() else like.device), self.steps, rng)
        probes = None if self.probes is None else process.space.probes(seen.x_t, self.probes, rng)
        probes = None if probes is None else _tree.map(lambda leaf: leaf[:, rows], probes)
        x_t, t, density, cond = (conditions.at(part, rows) for part in (seen.x_t, seen.t, seen.density, cond))
        return Loss(loss_rate(denoiser, x_t, t, cond, probes) * factor_at(self.weighting, process, t) / density)


def loss_rate(denoiser: Denoiser, x_t: Any, t: Tensor, cond: Any = None, probes: Any = None) -> Tensor:
    """What undoing the noise costs at x_t, (n,), in nats per unit time; it may be negative."""
    process: Process[Any] = denoiser.process
    asked = denoiser.asked(cond)
    axes = _tree.first(x_t).ndim - 1  # of an event

    def batch_of(x: Any) -> torch.Size:
        leaf = _tree.first(x)
        return leaf.shape[: leaf.ndim - axes]

    def only(batch: torch.Size, local: Any) -> Any:
        return still(None if asked is None else _tree.map(lambda leaf: _repeated(leaf, batch), asked), local)

    def forward(x: Any) -> Any:
        batch = batch_of(x)
        return only(batch, process.forward(x, _repeated(t, batch)))

    def reverse(x: Any) -> Any:
        batch = batch_of(x)
        rows = torch.Size([batch.numel()])
        flat = _tree.map(lambda leaf: leaf.flatten(0, len(batch) - 1), x)
        given = None if cond is None else _tree.map(lambda leaf: _repeated(leaf, rows), cond)
        stat = denoiser(flat, _repeated(t, rows), given)
        stat = _tree.map(lambda leaf: leaf.unflatten(0, batch), stat)
        return only(batch, process.reverse(x, stat, _repeated(t, batch)))

    return process.space.implicit(forward, reverse, x_t, probes)


def _repeated(values: Tensor, batch: torch.Size) -> Tensor:
    """One value per row, (n, ...), for a batch (k, n) or (k * n,)."""
    if values.ndim == 0:
        return values
    copies = batch.numel() // len(values)
    return values.repeat(copies, *[1] * (values.ndim - 1)).reshape(*batch, *values.shape[1:])


def check_effort(steps: int, probes: int | None) -> None:
    """Raise InputError unless there is a step and, if any, a probe."""
    whole(least=1, most=MOST_STEPS, steps=steps)
    whole(least=1, most=MOST_STEPS, or_none=True, probes=probes)
