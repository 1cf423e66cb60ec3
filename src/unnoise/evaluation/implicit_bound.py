r"""The bound of a process whose kernel is not known: a generator and a denoiser are enough.

$$-\log p(x_0) \le -E[\log p_1(X_1)] + \int_0^1 E[(\hat L^*\beta_t/\beta_t + \hat L\log\beta_t)(X_t)]\,dt$$

(Benton et al. 2024, arXiv 2211.03595, theorem 1), with equality, row by row, where $\beta_t = q_t$ and $p_1 = q_1$.
Densities are with respect to the reference measure of the process's space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.denoisers import Denoiser
from unnoise.evaluation.likelihood import Estimate, Stratified
from unnoise.objectives.implicit import check_effort, loss_rate
from unnoise.objectives.noising import noised
from unnoise.processes import HasKernel, Process


@dataclass(frozen=True)
class ImplicitBound(Stratified):
    """The bound by simulated paths, on every space and for every process.

    Each row sees `draws` paths and looks at one time of each, in strata of equal mass. Paths of a process without a
    kernel are simulated, so that the bound has an error of order 1 / steps of either sign. Where there is a kernel it
    is sampled; `Bound` then gives the same mean with less noise.

    The parts are `prior`, `path` and `reconstruction`, which is zero where noising starts at the data itself.

    Args:
        draws: network evaluations per row, an even number.
        steps: moves of a simulated path.
        probes: random directions or neighbours per evaluation, for an unbiased price; None for the exact one.
        batch_size: evaluations at once; by default as many as keep an exact divergence at a quarter million numbers.
    """

    draws: int = 128
    steps: int = 200
    probes: int | None = None
    batch_size: int | None = None
    name: str = "lower bound along simulated paths"

    def __post_init__(self) -> None:
        check_effort(self.steps, self.probes)
        super().__post_init__()

    def at_once(self, denoiser: Denoiser) -> int:
        """As many as keep an exact divergence at a quarter million numbers."""
        numbers = torch.Size(denoiser.process.space.event_shape).numel()
        return super().at_once(denoiser) // min(16, max(1, numbers))

    def group(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator) -> Estimate:
        """One simulated path per draw, seen at one time."""
        process, n, like = denoiser.process, _tree.length(x_0), _tree.first(x_0)
        x_0, cond = self.repeated(x_0), self.repeated(cond)
        u = self.strata(n, rng).to(like if like.is_floating_point() else like.device)
        seen = noised(process, x_0, u, self.steps, rng, to_the_end=True)
        probes = None if self.probes is None else process.space.probes(seen.x_t, self.probes, rng)
        parts = {
            "prior": -_log_prior(process, seen.x_1),
            "path": loss_rate(denoiser, seen.x_t, seen.t, cond, probes) / seen.density,
            "reconstruction": _residue(process, x_0, rng),
        }
        parts = {name: part.view(n, self.draws) for name, part in parts.items()}
        cost = torch.stack(list(parts.values())).sum(0)
        return Estimate(-cost.mean(1), self.error(cost), {name: -part.mean(1) for name, part in parts.items()})


def _log_prior(process: Process[Any], x_1: Any) -> Tensor:
    law = process.prior(_tree.length(x_1))
    return law.log_prob(_tree.map(lambda leaf: leaf.cpu(), x_1)).to(_tree.first(x_1).device)


def _residue(process: Process[Any], x_0: Any, rng: torch.Generator) -> Tensor:
    r"""What it costs to get from the state at t = 0, where a kernel leaves a residue of noise, to the data.

    The path pays for $-E[\log p(X_{t=0})]$; with $E[\log q_{0|0}]$ this is a divergence, and the rest is the
    reconstruction.
    """
    like = _tree.first(x_0)
    if not isinstance(process, HasKernel):
        dtype = like.dtype if like.is_floating_point() else torch.get_default_dtype()
        return torch.zeros(len(like), dtype=dtype, device=like.device)
    start = process.marginal(x_0, torch.zeros((), device=like.device))
    return start.log_prob(start.sample(rng)) + process.reconstruction(x_0)
