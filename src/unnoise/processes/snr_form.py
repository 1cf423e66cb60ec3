r"""The SNR form of a Gaussian process: a clock and a path, stated apart.

The clock is the strictly decreasing log signal-to-noise ratio $\lambda(t)$ of a schedule. The path is $\alpha$ as a
function of $\lambda$; then $\sigma = \alpha e^{-\lambda/2}$. What the data lose between two times depends on the values
of $\lambda$ alone: another clock changes only where one looks, and another path only rescales the states.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from unnoise.processes import Gaussian, variance_preserving
from unnoise.schedules import LinearLogSNR, Schedule, derivative
from unnoise.spaces import Euclidean


def preserving(log_snr: Tensor) -> Tensor:
    r"""$\log\alpha$ where $\alpha^2 + \sigma^2 = 1$: data of unit variance keep it."""
    return 0.5 * logsigmoid(log_snr)


def exploding(log_snr: Tensor) -> Tensor:
    r"""$\log\alpha$ where $\alpha = 1$: the noise grows and the data stay."""
    return torch.zeros_like(log_snr)


def straight(log_snr: Tensor) -> Tensor:
    r"""$\log\alpha$ where $\alpha + \sigma = 1$: every state lies between its data and its noise."""
    return logsigmoid(0.5 * log_snr)


@dataclass(frozen=True)
class SNRForm(Gaussian):
    r"""$x_t = \alpha x_0 + \alpha e^{-\lambda/2}\epsilon$ for any schedule $\lambda(t)$ and any $\alpha(\lambda)$.

    Kingma et al. 2021 (arXiv 2107.00630), section 3 and appendix G.

    Args:
        space: where the data live.
        schedule: any schedule; `schedules.LogSNR` takes a function for $\lambda(t)$. Endpoints are those of the
            variance-preserving process of this schedule, up to the common factor $\alpha$.
        log_alpha: $\lambda \mapsto \log\alpha$; `preserving`, `exploding`, `straight`, or a function of your own.

    >>> from unnoise.schedules import LogSNR
    >>> process = SNRForm(Euclidean(2), LogSNR(lambda t: 6 - 12 * t**2), straight)
    >>> alpha, sigma = process.alpha_sigma(torch.tensor([0.2, 0.9]))
    >>> alpha + sigma, 2 * torch.log(alpha / sigma)
    (tensor([1., 1.]), tensor([ 5.5200, -3.7200]))
    """

    space: Euclidean
    schedule: Schedule = LinearLogSNR()
    log_alpha: Callable[[Tensor], Tensor] = preserving

    def logs(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\log\alpha$ and $\log\alpha - \lambda/2$."""
        log_snr = self.log_snr(t)
        log_alpha = self.log_alpha(log_snr)
        return log_alpha, log_alpha - 0.5 * log_snr

    def rates(self, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$f = \lambda'\,d\log\alpha/d\lambda$, by automatic differentiation, and $h = f - \lambda'/2$."""
        rate = self.log_snr_rate(t)
        f = rate * derivative(self.log_alpha, self.log_snr(t))
        return f, f - 0.5 * rate

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\lambda(t)$ of the schedule."""
        return self._clock.log_snr(t)

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\lambda/dt$ of the schedule."""
        return self._clock.log_snr_rate(t)

    def time_at(self, log_snr: Tensor) -> Tensor:
        """The schedule's own inverse."""
        return self._clock.time_at(log_snr)

    @property
    def _clock(self) -> Gaussian:
        """The process in whose terms schedules are stated."""
        return variance_preserving(self.space, self.schedule)
