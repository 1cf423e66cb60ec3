r"""What an error costs at each time, relative to the bound on the log-likelihood.

A weighting is any callable (process, t) -> factor, (*batch,), of the KL rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, real, shown, whole
from unnoise._errors import InputError
from unnoise.processes import Gaussian

Weighting = Callable[[Any, Tensor], Tensor]


def factor_at(weighting: Weighting, process: Any, t: Tensor) -> Tensor:
    """The factor at times t, (n,); InputError for another shape.

    >>> factor_at(lambda process, t: t[:, None], None, torch.zeros(3))
    Traceback (most recent call last):
    unnoise._errors.InputError: the weighting gave factors of shape (3, 1) for times of shape (3,); ...
    """
    factor = weighting(process, t)
    if isinstance(factor, Real):
        return factor * torch.ones_like(t)
    if not isinstance(factor, Tensor) or factor.shape not in (t.shape, ()):
        got = f"factors of shape {tuple(factor.shape)}" if isinstance(factor, Tensor) else shown(factor)
        raise InputError(
            f"the weighting gave {got} for times of shape {tuple(t.shape)}; return one factor for each time"
        )
    return factor


@dataclass(frozen=True)
class BoundWeighting:
    r"""The bound on $-\log p(x_0)$ in nats: the KL rate as it is, factor 1.

    >>> BoundWeighting()(None, torch.tensor([0.1, 0.9]))
    tensor([1., 1.])
    """

    def __call__(self, process: Any, t: Tensor) -> Tensor:
        """One at all times."""
        return torch.ones_like(t)


@dataclass(frozen=True)
class SimpleWeighting:
    r"""$\lVert\epsilon - \hat\epsilon\rVert^2$ uniformly in t: DDPM's loss (Ho et al. 2020, arXiv 2006.11239, eq. 14).

    The factor of the KL rate is $2\sigma^2/g^2 = 1/(h - f) = -2/\lambda'(t)$. The loss is no bound, and has no unit.

    >>> from unnoise import processes, spaces
    >>> process, t = processes.variance_preserving(spaces.Euclidean(1)), torch.tensor([0.4])
    >>> x, estimate = torch.tensor([[1.0]]), torch.tensor([[0.7]])  # the noise is then off by .3 alpha / sigma
    >>> rate, (alpha, sigma) = process.kl_rate(estimate, x, x, t), process.alpha_sigma(t)
    >>> SimpleWeighting()(process, t) * rate, (0.3 * alpha / sigma) ** 2
    (tensor([0.0219]), tensor([0.0219]))
    """

    def __call__(self, process: Gaussian, t: Tensor) -> Tensor:
        r"""$-2/\lambda'(t)$."""
        return -2 / process.log_snr_rate(t)


@dataclass(frozen=True)
class StepWeighting:
    r"""$\frac T2(\mathrm{SNR}(s) - \mathrm{SNR}(t))\lVert x_0 - \hat x_0\rVert^2$, $s = t - 1/T$: T discrete steps.

    With `times.StepTimes(T)` its mean is the diffusion part of the bound of a chain of `steps` T with the posterior's
    variance. It falls to that of `BoundWeighting` (Kingma et al. 2021, arXiv 2107.00630, eq. 13).
    """

    steps: int

    def __post_init__(self) -> None:
        whole(least=1, most=MOST_STEPS, steps=self.steps)

    def __call__(self, process: Gaussian, t: Tensor) -> Tensor:
        r"""$T\,(\mathrm{SNR}(s)/\mathrm{SNR}(t) - 1)/(-\lambda'(t))$."""
        s = (t - 1 / self.steps).clamp(min=0)
        return -self.steps * torch.expm1(process.log_snr(s) - process.log_snr(t)) / process.log_snr_rate(t)


@dataclass(frozen=True)
class EDMWeighting:
    r"""EDM's loss (Karras et al. 2022, arXiv 2206.00364), for noise levels $\tilde\sigma = \sigma/\alpha$.

    Log-normal $\tilde\sigma$ and $w = (\tilde\sigma^2 + \sigma_d^2)/(\tilde\sigma\sigma_d)^2$ times the squared error:
    a factor $\tilde\sigma^2 w\,N(\log\tilde\sigma)$ of the bound. The published times are `times.LogNormalTimes`, with
    the same mean and deviation.
    """

    mean: float = -1.2 + math.log(2)
    deviation: float = 1.2
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        real(mean=self.mean)
        real(above=0, deviation=self.deviation, sigma_data=self.sigma_data)

    def __call__(self, process: Gaussian, t: Tensor) -> Tensor:
        r"""The factor, with $\tilde\sigma = e^{-\lambda/2}$."""
        log_level = -0.5 * process.log_snr(t)
        z = (log_level - self.mean) / self.deviation
        density = torch.exp(-0.5 * z**2) / (self.deviation * math.sqrt(2 * math.pi))
        return density * (torch.exp(2 * log_level) / self.sigma_data**2 + 1)
