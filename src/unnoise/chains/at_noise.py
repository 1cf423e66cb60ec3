r"""The density of $Y = X + \sigma N$ at any noise level $\sigma$, known through its denoiser.

By Tweedie's formula $\nabla\log q_\sigma(y) = (E[X | Y = y] - y)/\sigma^2$ (Robbins 1956; Miyasawa 1961). The denoiser
is trained, exact (`denoisers.Exact`) or estimated (`estimates`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import real, refuse, whole
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser
from unnoise.denoisers.base import check_denoiser
from unnoise.denoisers.exact import ClosedForm
from unnoise.laws import LogDensity, Scored
from unnoise.processes import Gaussian, require

SLACK = 1e-6  # relative: how far rounding may move a level past the ends of a process


@dataclass(frozen=True)
class Level(Scored[Tensor]):
    r"""The law $q_\sigma$ of Y at one noise level: a target for chains.

    Attributes:
        denoiser: of a Gaussian process.
        cond: conditions, one row per chain or one for all.
        sigma: the level.
        t: the time at which $\sigma_t/\alpha_t = \sigma$, in float64.
        alpha: $\alpha_t$.
    """

    denoiser: Denoiser
    cond: Tensor | None
    sigma: float
    t: Tensor
    alpha: float

    def denoise(self, y: Tensor) -> Tensor:
        r"""$E[X | Y = y]$ for y, (n, *event)."""
        found: Tensor = self.denoiser(self._state(y), self.t.to(y.device), self.cond)
        return found

    def score(self, y: Tensor) -> Tensor:
        r"""$\nabla\log q_\sigma(y)$, by Tweedie's formula."""
        return (self.denoise(y) - y).div_(self.sigma**2)

    def _state(self, y: Tensor) -> Tensor:
        return y if self.alpha == 1 else self.alpha * y


@dataclass(frozen=True)
class KnownLevel(Level, LogDensity[Tensor]):
    """A level whose density is known too."""

    denoiser: ClosedForm

    def log_prob(self, y: Tensor) -> Tensor:
        r"""$\log q_\sigma(y)$ in nats."""
        return self.denoiser.log_prob(self._state(y), self.t.to(y.device)) + y[0].numel() * math.log(self.alpha)

    def score(self, y: Tensor) -> Tensor:
        r"""$\nabla\log q_\sigma(y)$."""
        score = self.denoiser.score(self._state(y), self.t.to(y.device))
        return score if self.alpha == 1 else self.alpha * score


class AtNoise:
    r"""A denoiser of a Gaussian process, asked at noise levels instead of times.

    $Y = x_t/\alpha_t$ at the time at which $\sigma_t/\alpha_t = \sigma$, a level of the process.

    Args:
        denoiser: of a Gaussian process.
        cond: conditions, one row per chain or one for all.

    >>> from unnoise.denoisers import Exact
    >>> from unnoise.processes import edm
    >>> from unnoise.spaces import Euclidean
    >>> noisy = AtNoise(Exact(edm(Euclidean(1)), torch.tensor([[-1.0], [1.0]])))
    >>> noisy.denoise(torch.tensor([[0.0], [2.0]]), 0.5)
    tensor([[0.],
            [1.]])
    """

    def __init__(self, denoiser: Denoiser, cond: Tensor | None = None) -> None:
        check_denoiser(denoiser=denoiser)
        if cond is not None and not (isinstance(cond, Tensor) and cond.ndim):
            refuse("cond", cond, "a tensor of one row per chain, or of one for all")
        self.process = require(denoiser.process, Gaussian, "a noise level", "a sampler, which asks by time")
        self.denoiser, self.cond = denoiser, cond
        self.lowest, self.highest = torch.exp(-0.5 * self.process.log_snr(torch.tensor([0.0, 1.0]).double())).tolist()

    @torch.no_grad()
    def at(self, sigma: float) -> Level:
        """The target at one noise level; with a log density where the denoiser knows it."""
        real(above=0, sigma=sigma)
        if not self.lowest * (1 - SLACK) <= sigma <= self.highest * (1 + SLACK):
            raise InputError(
                f"got sigma = {sigma:.6g}; this denoiser knows the levels from {self.lowest:.6g} to {self.highest:.6g}"
            )
        t = self.process.time_at(torch.tensor(-2 * math.log(sigma), dtype=torch.float64)).clamp(0, 1)
        alpha = float(self.process.alpha_sigma(t)[0])
        if isinstance(self.denoiser, ClosedForm):
            return KnownLevel(self.denoiser, self.cond, sigma, t, alpha)
        return Level(self.denoiser, self.cond, sigma, t, alpha)

    def denoise(self, y: Tensor, sigma: float) -> Tensor:
        r"""$E[X | X + \sigma N = y]$ for y, (n, *event)."""
        return self.at(sigma).denoise(y)

    def score(self, y: Tensor, sigma: float) -> Tensor:
        r"""$\nabla\log q_\sigma(y)$."""
        return self.at(sigma).score(y)

    def guess(self, start: Tensor | int) -> Tensor:
        """Points as they are; a number of chains as zeros, the mean of standardised data."""
        if isinstance(start, Tensor):
            return start
        whole(least=1, start=start)
        like = next(self.denoiser.parameters(), next(self.denoiser.buffers(), torch.empty(0)))
        return like.new_zeros(start, *self.process.space.event_shape)


def level_of(process: Gaussian, t: Tensor) -> tuple[float, float]:
    r"""$\alpha_t$ and $\sigma_t/\alpha_t$, for denoisers asked at one level at once; InputError if times differ."""
    if t.ndim and bool((t != t[0]).any()):
        raise InputError("this denoiser answers at one noise level at once: give one time for all rows")
    time = t.detach().flatten()[0].double()
    return float(process.alpha_sigma(time)[0]), math.exp(-0.5 * float(process.log_snr(time)))
