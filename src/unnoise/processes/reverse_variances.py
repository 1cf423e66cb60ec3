r"""How much noise a reverse step of a Gaussian chain draws, given that its mean may be wrong.

The step from t to s < t of the reverse is $N(\tilde\mu(\hat x_0), v)$. The posterior given $x_0$ itself has the
variance $\tilde\beta = \sigma_s^2\sigma_{t|s}^2/\sigma_t^2$, and what the reverse does not know of $x_0$ adds to it.
Every rule here states $\log(v/\tilde\beta)$, shaped to broadcast against $x_t$. `Small` and `Large` are the entropy
bounds of the true reverse step (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 24).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from unnoise._errors import InputError
from unnoise._tree import expand

if TYPE_CHECKING:
    from unnoise.processes.gaussian_chain import GaussianChain


class ReverseVariance(ABC):
    """A rule for the variance of reverse steps."""

    @abstractmethod
    def log_ratio(self, chain: GaussianChain, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        r"""$\log(v/\tilde\beta)$ of the step from t to s; broadcasts against x_t."""


@dataclass(frozen=True)
class Small(ReverseVariance):
    r"""$v = \tilde\beta$: right where $x_0$ is known (Ho et al. 2020, arXiv 2006.11239)."""

    def log_ratio(self, chain: GaussianChain, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """0."""
        return torch.zeros((), dtype=x_t.dtype, device=x_t.device)


@dataclass(frozen=True)
class Large(ReverseVariance):
    r"""$v = \sigma_{t|s}^2$, which is $\beta_t$ where s = t - 1: right for data of the null (Ho et al. 2020)."""

    def log_ratio(self, chain: GaussianChain, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        r"""$\log(\sigma_t^2/\sigma_s^2)$."""
        return expand(2 * (chain.logs(t)[1] - chain.logs(s)[1]), x_t)


@dataclass(frozen=True)
class Analytic(ReverseVariance):
    r"""The best one number per step: $v = \tilde\beta + c^2 m_t$, $m_t = E\lVert x_0 - \hat x_0(X_t)\rVert^2/d$.

    $c$ is the weight of $x_0$ in the mean, so that $v/\tilde\beta = 1 + (\mathrm{SNR}_s - \mathrm{SNR}_t) m_t$. For an
    exact mean $m_t$ is $E[\mathrm{tr}\,\mathrm{cov}(x_0 | X_t)]/d$, and v that of Bao et al. 2022 (arXiv 2201.06503);
    for an imperfect one it still is the best (Bao et al. 2022, arXiv 2206.07309).

    Args:
        errors: $m_1, \dots, m_T$.
    """

    errors: tuple[float, ...]

    @classmethod
    @torch.no_grad()
    def estimate(
        cls, chain: GaussianChain, denoiser: Callable[[Tensor, Tensor], Tensor], x_0: Tensor, rng: torch.Generator
    ) -> Analytic:
        """From data: the mean squared errors of a denoiser at every step, each from noise of its own."""
        errors = []
        for t in range(1, chain.steps + 1):
            step = torch.tensor(t)
            x_t = chain.marginal(x_0, step).sample(rng)
            errors.append(float((denoiser(x_t, chain.time(step)) - x_0).square().double().mean()))
        return cls(tuple(errors))

    def log_ratio(self, chain: GaussianChain, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """See the class.

        Raises:
            InputError: made for a chain of other length.
        """
        if len(self.errors) != chain.steps:
            raise InputError(f"got the errors of {len(self.errors)} steps for a chain of {chain.steps}; give one each")
        errors = torch.tensor(self.errors, dtype=torch.float64, device=t.device)
        return expand(torch.log1p(chain.snr_gain(t, s) * errors[t - 1]), x_t)


class Learnt(ReverseVariance):
    r"""$\log v$ between that of `Small` and `Large`, by coordinate: share $(1 + F)/2$ for a network's output F.

    Nichol and Dhariwal 2021 (arXiv 2102.09672). Shares outside of [0, 1] are allowed, as the mean may be imperfect.

    Args:
        network: (x_t, continuous time t) -> F, shaped like x_t; any module, trained with the bound of the chain.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def log_ratio(self, chain: GaussianChain, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """See the class."""
        share = 0.5 * (1 + self.network(x_t, chain.time(t)))
        log_ratio: Tensor = share * Large().log_ratio(chain, x_t, t, s).to(x_t)
        return log_ratio
