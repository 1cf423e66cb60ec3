"""Reverse kernels that a given function bends a little: products of distributions to first order."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser
from unnoise.denoisers.likelihoods import LogR, log_twist
from unnoise.processes import Gaussian
from unnoise.samplers.base import Sampler, require
from unnoise.samplers.grids import Grid


class Perturbed(Sampler):
    r"""$x_s \sim N(f_\mu + f_\Sigma\nabla\log r_s(f_\mu),\ f_\Sigma)$: the perturbed kernels of Sohl-Dickstein et al.

    $f_\mu$ and $f_\Sigma$ are mean and variance of the ancestral step, and $r_s = r$, or $r^{1-s}$ where it warms up.
    A `likelihoods.Likelihood` is averaged over the noise of the step first, which makes the mean that of the product of
    kernel and r exactly, however sharp r is; of other functions it is right to first order, where r varies slowly on
    the scale of a step. There is no correction for the steps before: see `TwistedSMC`. Sohl-Dickstein, Weiss,
    Maheswaranathan, Ganguli 2015 (arXiv 1503.03585), section 2.5 and table App. 1.

    Args:
        denoiser: of a Gaussian process.
        log_r: log r of points, (n, *event) to (n,), differentiable.
        steps: network evaluations.
        warm: let r begin as 1 and become itself at the end.
        grid: where the times lie.
    """

    process: Gaussian

    def __init__(
        self, denoiser: Denoiser, log_r: LogR, steps: int = 250, warm: bool = False, grid: Grid | None = None
    ) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser, Gaussian, "Perturbed", "with x_t = alpha x_0 + sigma noise")
        self.log_r, self.warm = log_r, warm

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """The ancestral step, shifted."""
        law = self.process.ancestral(self.denoiser(state, t, cond), state, t, s)
        variance = (law.scale**2).flatten()[0].to(state)
        slope = self.process.space.gradient(lambda x: log_twist(self.log_r, x, variance), law.mean).detach()
        power = float(1 - s) if self.warm else 1.0
        return law.sample(rng).add_(power * law.scale**2 * slope)
