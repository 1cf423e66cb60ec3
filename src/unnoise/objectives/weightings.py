r"""What an error costs at each time, relative to the bound on the log-likelihood.

A weighting is any callable (process, t) -> factor, (*batch,), on the price $\Phi$ of the bound. Factors compose with
any law of times: the times only change the variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.processes import AffineGaussian

Weighting = Callable[[Any, Tensor], Tensor]


def factor_at(weighting: Weighting, process: Any, t: Tensor) -> Tensor:
    """The factor at times t, (n,).

    Raises:
        InputError: a factor that is not one number for all times, or one for each.

    >>> factor_at(lambda process, t: t[:, None], None, torch.zeros(3))
    Traceback (most recent call last):
    unnoise._errors.InputError: the weighting gave factors of shape (3, 1) for times of shape (3,); ...
    """
    factor = weighting(process, t)
    if isinstance(factor, Tensor) and factor.shape not in (t.shape, ()):
        raise InputError(
            f"the weighting gave factors of shape {tuple(factor.shape)} for times of shape {tuple(t.shape)}; "
            "return one factor for each time"
        )
    return factor


@dataclass(frozen=True)
class BoundWeighting:
    """1: the loss is the bound on the negative log-likelihood, in nats, on every space."""

    def __call__(self, process: Any, t: Tensor) -> Tensor:
        """1."""
        return torch.ones_like(t)


@dataclass(frozen=True)
class SimpleWeighting:
    r"""$\lVert\epsilon - \hat\epsilon\rVert^2$ uniformly in t: DDPM's loss (Ho et al. 2020, arXiv 2006.11239).

    The factor is $2\sigma^2/g^2 = 1/(h - f)$.
    """

    def __call__(self, process: AffineGaussian, t: Tensor) -> Tensor:
        r"""$-2/\lambda'(t)$."""
        return -2 / process.log_snr_rate(t)


@dataclass(frozen=True)
class StepWeighting:
    r"""$\frac T2(\mathrm{SNR}(s) - \mathrm{SNR}(t))\lVert x_0 - \hat x_0\rVert^2$, $s = t - 1/T$: T discrete steps.

    With `times.StepTimes(T)` its mean is the sum over the steps: the diffusion part of the bound of a chain of T steps
    whose reverse steps have the variance of the posterior. As T grows it falls to that of `BoundWeighting`. Kingma et
    al. 2021 (arXiv 2107.00630), eq. 13.

    Args:
        steps: T.
    """

    steps: int

    def __call__(self, process: AffineGaussian, t: Tensor) -> Tensor:
        r"""$T\,(\mathrm{SNR}(s)/\mathrm{SNR}(t) - 1)/(-\lambda'(t))$."""
        s = (t - 1 / self.steps).clamp(min=0)
        return -self.steps * torch.expm1(process.log_snr(s) - process.log_snr(t)) / process.log_snr_rate(t)


@dataclass(frozen=True)
class EDMWeighting:
    r"""EDM's loss (Karras et al. 2022, arXiv 2206.00364), for noise levels $\tilde\sigma = \sigma/\alpha$.

    It is $\lambda(\tilde\sigma)\lVert x_0 - \hat x_0\rVert^2$ averaged over log-normal $\tilde\sigma$, with
    $\lambda = (\tilde\sigma^2 + \sigma_d^2)/(\tilde\sigma\sigma_d)^2$. As a factor on the bound that is
    $\tilde\sigma^2\lambda(\tilde\sigma) N(\log\tilde\sigma)$, whatever the law of times; `times.LogNormalTimes` with
    the same mean and deviation is the published one.
    """

    mean: float = -1.2 + math.log(2)
    deviation: float = 1.2
    sigma_data: float = 1.0

    def __call__(self, process: AffineGaussian, t: Tensor) -> Tensor:
        r"""The factor, with $\tilde\sigma = e^{-\lambda/2}$."""
        log_level = -0.5 * process.log_snr(t)
        z = (log_level - self.mean) / self.deviation
        density = torch.exp(-0.5 * z**2) / (self.deviation * math.sqrt(2 * math.pi))
        return density * (torch.exp(2 * log_level) / self.sigma_data**2 + 1)
