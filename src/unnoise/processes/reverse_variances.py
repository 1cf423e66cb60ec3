r"""How much noise a reverse step of a Gaussian process draws, given that its mean may be wrong.

The reverse step from t to s < t is $N(\tilde\mu(\hat x_0), v)$. Given $x_0$ itself the variance is
$\tilde\beta = \sigma_s^2\sigma_{t|s}^2/\sigma_t^2$; a rule widens it by $\log(v/\tilde\beta)$. `SmallVariance` and
`LargeVariance` bound the entropy of the true step (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 24).

>>> from unnoise.processes import chain_of_betas
>>> from unnoise.spaces import Euclidean
>>> chain = chain_of_betas(Euclidean(1), (0.1, 0.2), LargeVariance())
>>> chain.posterior(torch.zeros(1, 1), torch.zeros(1, 1), torch.tensor(2)).scale ** 2  # the last beta
tensor(0.2000)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from unnoise._checks import instance, reals, refuse
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Normal
from unnoise.processes.base import HasKernel
from unnoise.processes.gaussian import Gaussian

Estimate = Callable[[Tensor, Tensor], Tensor]  # of x_0, for x_t and t


class ReverseVariance(ABC):
    r"""A rule for the variance v of reverse steps of a Gaussian process; one of your own states `log_ratio`.

    $\log(v/\tilde\beta)$ is 0 where $x_0$ is known and $\log(\sigma_t^2/\sigma_s^2)$ at most, for data of the reference
    law.

    >>> class Middle(ReverseVariance):  # the geometric mean of the two
    ...     def log_ratio(self, process, x_t, t, s):
    ...         return 0.5 * LargeVariance().log_ratio(process, x_t, t, s)
    >>> from unnoise.processes import chain_of_betas
    >>> from unnoise.spaces import Euclidean
    >>> zero = torch.zeros(1, 1)
    >>> rules = SmallVariance(), Middle(), LargeVariance()
    >>> chains = [chain_of_betas(Euclidean(1), (0.1, 0.2), rule) for rule in rules]
    >>> [round(float(chain.posterior(zero, zero, torch.tensor(2)).scale ** 2), 4) for chain in chains]
    [0.0714, 0.1195, 0.2]
    """

    @abstractmethod
    def log_ratio(self, process: Gaussian, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        r"""$\log(v/\tilde\beta)$ of the step from t to s; broadcasts against x_t."""

    def widened(self, law: Normal, process: Gaussian, x_t: Tensor, t: Tensor, s: Tensor) -> Normal:
        r"""A posterior of variance $\tilde\beta$ with the variance v instead."""
        log_ratio = self.log_ratio(process, x_t, t, s).to(law.scale)
        return replace(law, scale=law.scale * torch.exp(0.5 * log_ratio))


@dataclass(frozen=True)
class SmallVariance(ReverseVariance):
    r"""$v = \tilde\beta = \sigma_s^2\sigma_{t|s}^2/\sigma_t^2$: right where $x_0$ is known.

    The lower bound on the entropy of the true reverse step (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 24; Ho
    et al. 2020, arXiv 2006.11239).
    """

    def log_ratio(self, process: Gaussian, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """Zero at every step."""
        return torch.zeros((), device=x_t.device)


@dataclass(frozen=True)
class LargeVariance(ReverseVariance):
    r"""$v = \sigma_{t|s}^2$, $\beta_t$ in a chain: right for data of the reference law.

    The upper bound on the entropy of the true reverse step (Sohl-Dickstein et al. 2015, arXiv 1503.03585, eq. 24; Ho
    et al. 2020, arXiv 2006.11239).
    """

    def log_ratio(self, process: Gaussian, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        r"""$\log(\sigma_t^2/\sigma_s^2)$."""
        return expand(2 * (process.logs(t)[1] - process.logs(s)[1]), x_t)


@dataclass(frozen=True)
class AnalyticVariance(ReverseVariance):
    r"""The best one number per step: $v = \tilde\beta + c^2 m_t$, $m_t = E\lVert x_0 - \hat x_0(X_t)\rVert^2/d$.

    $c$ weighs $x_0$ in the mean: $v/\tilde\beta = 1 + (\mathrm{SNR}_s - \mathrm{SNR}_t) m_t$. Bao et al. 2022 (arXiv
    2201.06503; 2206.07309 for an imperfect mean).

    Args:
        times: of the steps of a chain.
        errors: $m_t$, one for each.
    """

    times: tuple[float, ...]
    errors: tuple[float, ...]

    def __post_init__(self) -> None:
        reals("times", self.times, least=0, most=1)
        reals("errors", self.errors, least=0)
        if len(self.times) != len(self.errors):
            refuse("errors", self.errors, f"one number for each of {len(self.times)} times")

    @classmethod
    @torch.no_grad()
    def estimate(
        cls, process: HasKernel[Tensor], times: Sequence[float], denoiser: Estimate, x_0: Tensor, rng: torch.Generator
    ) -> AnalyticVariance:
        """From the mean squared errors of a denoiser, with noise of its own at every time."""
        errors = []
        for time in times:
            t = torch.tensor(time, dtype=torch.float64, device=x_0.device)
            error = denoiser(process.marginal(x_0, t).sample(rng), t) - x_0
            errors.append(float(error.square().double().mean()))
        return cls(tuple(times), tuple(errors))

    def log_ratio(self, process: Gaussian, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """At a known time only."""
        known, errors = (t.new_tensor(part) for part in (self.times, self.errors))
        distance, place = (known - t[..., None]).abs().min(-1)
        if (distance > 1e-6).any():
            raise InputError(f"got the errors of {len(self.errors)} times, and a step at another; estimate them there")
        gained = process.log_snr(s).exp() - process.log_snr(t).exp()
        return expand(torch.log1p(gained * errors[place]), x_t)


class LearntVariance(ReverseVariance):
    r"""$\log v$ between those of `SmallVariance` and `LargeVariance`, by coordinate, at the share $(1 + F)/2$.

    Nichol and Dhariwal 2021 (arXiv 2102.09672). Shares outside of [0, 1] are allowed, as the mean may be imperfect.

    Args:
        network: (x_t, continuous time t) -> F, shaped like x_t; trained with the bound of the chain.
    """

    def __init__(self, network: nn.Module) -> None:
        instance(nn.Module, network=network)
        self.network = network

    def log_ratio(self, process: Gaussian, x_t: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """The share of the largest."""
        share: Tensor = 0.5 * (1 + self.network(x_t, t))
        return share * LargeVariance().log_ratio(process, x_t, t, s).to(x_t)
