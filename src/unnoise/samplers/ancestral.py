"""Samplers that jump along the bridge q(x_s | x_0, x_t), with what is learnt in the place of x_0."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser
from unnoise.processes import Bridged, Gaussian
from unnoise.samplers.base import Sampler, require
from unnoise.samplers.grids import Grid


class Ancestral(Sampler):
    r"""$x_s \sim q(x_s | \hat x_0(x_t), x_t)$: algorithm 2 of DDPM (Ho et al. 2020, arXiv 2006.11239).

    On finite spaces the bridges are averaged over the learnt $p(x_0 | x_t)$: D3PM (Austin et al. 2021,
    arXiv 2107.03006).

    Args:
        denoiser: of a process with a known bridge.
        steps: network evaluations.
        grid: where the times lie; uniform in t is DDPM's.
    """

    process: Bridged[Any]

    def __init__(self, denoiser: Denoiser, steps: int = 250, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser, Bridged, "Ancestral", "whose bridge q(x_s | x_0, x_t) is known")

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """A draw from the bridge."""
        return self.process.ancestral(self.denoiser(state, t, cond), state, t, s).sample(rng)


class DDIM(Sampler):
    r"""$x_s = \alpha_s\hat x_0 + \sqrt{\sigma_s^2 - v}\,\hat\epsilon + \sqrt v\, z$, $v = \eta^2\sigma_s^2(1 -
    \mathrm{SNR}_t/\mathrm{SNR}_s)$ (Song, Meng, Ermon 2021, arXiv 2010.02502).

    With $\eta = 0$ deterministic (Euler's method in $\sigma/\alpha$), with $\eta = 1$ the same as `Ancestral`.

    Args:
        denoiser: of a Gaussian process.
        steps: network evaluations.
        eta: share of the posterior noise that is drawn anew.
        grid: where the times lie.
    """  # noqa: D205

    process: Gaussian

    def __init__(self, denoiser: Denoiser, steps: int = 50, eta: float = 0.0, grid: Grid | None = None) -> None:
        super().__init__(denoiser, steps, grid)
        require(denoiser, Gaussian, "DDIM", "with x_t = alpha x_0 + sigma noise")
        self.eta = eta

    def step(self, state: Tensor, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Tensor:
        """The (partly) deterministic bridge."""
        law = self.process.ancestral(self.denoiser(state, t, cond), state, t, s, churn=self.eta)
        return law.sample(rng) if self.eta else law.mean
