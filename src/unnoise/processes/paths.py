r"""Paths of Gaussian processes: how $\alpha$ follows from the log signal-to-noise ratio $\lambda$.

Then $\sigma = \alpha e^{-\lambda/2}$. Another path only rescales the states: what data lose depends on $\lambda$ alone
(Kingma et al. 2021, arXiv 2107.00630, appendix G).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from unnoise.schedules.base import derivative


class Path(ABC):
    r"""$\log\alpha$ as a function of $\lambda$, which is all that a path of your own states.

    >>> log_alpha, (slope, _) = Straight().log_alpha(torch.zeros(())), Straight().slopes(torch.zeros(()))
    >>> log_alpha.exp(), slope
    (tensor(0.5000), tensor(0.2500))
    """

    @abstractmethod
    def log_alpha(self, log_snr: Tensor) -> Tensor:
        r"""$\log\alpha(\lambda)$, of every number by itself."""

    def slopes(self, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        r"""$d\log\alpha/d\lambda$ and $-d\log\sigma/d\lambda$, of sum 1/2; differentiated."""
        slope = derivative(self.log_alpha, log_snr)
        return slope, 0.5 - slope


@dataclass(frozen=True)
class Preserving(Path):
    r"""$\alpha^2 + \sigma^2 = 1$: data of unit variance keep it (Ho et al. 2020; Song et al. 2021, arXiv 2011.13456).

    >>> log_alpha = Preserving().log_alpha(torch.tensor(2.0))  # at log SNR 2
    >>> log_alpha.exp() ** 2 + (log_alpha - 1).exp() ** 2
    tensor(1.0000)
    """

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        r"""$-\frac12\log(1 + e^{-\lambda})$."""
        return 0.5 * logsigmoid(log_snr)

    def slopes(self, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\frac12\sigma^2$ and $\frac12\alpha^2$."""
        return 0.5 * torch.sigmoid(-log_snr), 0.5 * torch.sigmoid(log_snr)


@dataclass(frozen=True)
class Exploding(Path):
    r"""$\alpha = 1$: the noise grows and the data stay (variance exploding; Song et al. 2021, arXiv 2011.13456).

    >>> Exploding().log_alpha(torch.tensor(2.0)).exp()
    tensor(1.)
    """

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        """Zero at every level."""
        return torch.zeros_like(log_snr)

    def slopes(self, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        """All of the change is in the noise."""
        return torch.zeros_like(log_snr), torch.full_like(log_snr, 0.5)


@dataclass(frozen=True)
class Straight(Path):
    r"""$\alpha + \sigma = 1$: every state lies between its data and its noise.

    Rectified flow (Liu et al. 2023, arXiv 2209.03003).

    >>> log_alpha = Straight().log_alpha(torch.tensor(2.0))
    >>> log_alpha.exp() + (log_alpha - 1).exp()
    tensor(1.0000)
    """

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        r"""$-\log(1 + e^{-\lambda/2})$."""
        return logsigmoid(0.5 * log_snr)

    def slopes(self, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\frac12\sigma$ and $\frac12\alpha$."""
        return 0.5 * torch.sigmoid(-0.5 * log_snr), 0.5 * torch.sigmoid(0.5 * log_snr)


@dataclass(frozen=True)
class SubPreserving(Path):
    r"""$\alpha^2 + \sigma = 1$: the noise is the square of what preserves variance.

    Sub-VP (Song et al. 2021, arXiv 2011.13456).

    >>> log_alpha = SubPreserving().log_alpha(torch.tensor(2.0))
    >>> log_alpha.exp() ** 2 + (log_alpha - 1).exp()
    tensor(1.0000)
    """

    def log_alpha(self, log_snr: Tensor) -> Tensor:
        r"""$-\mathrm{asinh}(\frac12 e^{-\lambda/2})$, as $\sigma/\alpha = 2\sinh(B/2)$."""
        return -torch.asinh(0.5 * torch.exp(-0.5 * log_snr))

    def slopes(self, log_snr: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\frac12\tanh(B/2)$ and $\frac12(1 - \tanh(B/2))$."""
        half = -self.log_alpha(log_snr)
        return 0.5 * torch.tanh(half), torch.sigmoid(-2 * half)
