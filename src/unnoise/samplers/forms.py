r"""Ways to write the reverse of a Gaussian process as an integral of what the network knows.

With $\lambda = \log(\alpha/\sigma)$ and $\tilde\sigma = e^{-\lambda}$ the flow of $\tilde x = x/\alpha$ is
$d\tilde x/d\tilde\sigma = (\tilde x - \hat x_0)/\tilde\sigma$. For a `Form`, $y = \tilde x/\text{scale}$ obeys

$$dy = N\,d\,\text{variable}, \qquad N = a\,\hat x_0 + b\,\tilde x ,$$

so a solver integrates N; families of solvers differ in N (Zhang and Chen 2023, arXiv 2204.13902; Lu et al. 2022, arXiv
2211.01095). All functions are of $\lambda$, in float64.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import real


class Form(ABC):
    r"""How the reverse is written: $y = \tilde x/\text{scale}$ obeys $dy = N\,d\,\text{variable}$.

    $N = a\,\hat x_0 + b\,\tilde x$ with $\tilde x = x/\alpha$. All functions take $\lambda = \log(\alpha/\sigma)$ in
    float64 and give one number for each.

    >>> form, lam = DataForm(), torch.tensor(1.0)  # N is the estimate of the data
    >>> form.of_data(lam), form.of_state(lam), form.scale(lam) * form.variable(lam)
    (tensor(1.), tensor(0.), tensor(1.))
    """

    @abstractmethod
    def scale(self, lam: Tensor) -> Tensor:
        r"""$\tilde x / y$."""

    @abstractmethod
    def variable(self, lam: Tensor) -> Tensor:
        """What N is integrated over."""

    @abstractmethod
    def rate(self, lam: Tensor) -> Tensor:
        r"""$d\,\text{variable}/d\lambda$."""

    @abstractmethod
    def of_data(self, lam: Tensor) -> Tensor:
        r"""a, the share of $\hat x_0$ in N."""

    @abstractmethod
    def of_state(self, lam: Tensor) -> Tensor:
        r"""b, the share of $\tilde x$ in N."""

    def argument(self, lam: Tensor) -> Tensor:
        r"""What N is taken to be a polynomial in, between the places where it is known: here $\lambda$."""
        return lam

    @property
    def noisy(self) -> bool:
        """Whether steps add noise."""
        return False

    def fresh(self, start: Tensor, end: Tensor) -> Tensor:
        r"""The standard deviation of the noise that a step in $\lambda$ adds to $\tilde x$."""
        return torch.zeros_like(end)


@dataclass(frozen=True)
class NoiseForm(Form):
    r"""$N = \hat\epsilon = (\tilde x - \hat x_0)/\tilde\sigma$: $d\tilde x = \hat\epsilon\,d\tilde\sigma$.

    DDIM (Song et al. 2021, arXiv 2010.02502), DEIS (Zhang and Chen 2023, arXiv 2204.13902), linear multistep.

    >>> form, lam = NoiseForm(), torch.tensor(0.0)  # at noise level 1
    >>> form.of_state(lam) * 3.0 + form.of_data(lam) * 2.0  # the noise in 3, if the data are 2
    tensor(1.)
    """

    def scale(self, lam: Tensor) -> Tensor:
        """The constant 1."""
        return torch.ones_like(lam)

    def variable(self, lam: Tensor) -> Tensor:
        r"""$\tilde\sigma$."""
        return torch.exp(-lam)

    def rate(self, lam: Tensor) -> Tensor:
        r"""$-\tilde\sigma$."""
        return -torch.exp(-lam)

    def of_data(self, lam: Tensor) -> Tensor:
        r"""$-1/\tilde\sigma$."""
        return -torch.exp(lam)

    def of_state(self, lam: Tensor) -> Tensor:
        r"""$1/\tilde\sigma$."""
        return torch.exp(lam)


@dataclass(frozen=True)
class DataForm(Form):
    r"""$N = \hat x_0$: $d(\tilde x e^{k\lambda}) = \hat x_0\,de^{k\lambda}$ plus noise, $k = 1 + c^2$ for churn c.

    Churn 0 is the probability flow (DPM-Solver++), 1 the time reversal (SDE-DPM-Solver++; arXiv 2211.01095), any other
    the SA-Solver (Xue et al. 2023, arXiv 2309.05019). A step from $\lambda$ to $\lambda'$ adds noise of variance
    $\tilde\sigma'^2(1 - e^{-2c^2(\lambda' - \lambda)})$.
    """

    churn: float = 0.0

    def __post_init__(self) -> None:
        real(least=0, churn=self.churn)

    def scale(self, lam: Tensor) -> Tensor:
        r"""$e^{-k\lambda}$."""
        return torch.exp(-self._k * lam)

    def variable(self, lam: Tensor) -> Tensor:
        r"""$e^{k\lambda}$."""
        return torch.exp(self._k * lam)

    def rate(self, lam: Tensor) -> Tensor:
        r"""$ke^{k\lambda}$."""
        return self._k * torch.exp(self._k * lam)

    def of_data(self, lam: Tensor) -> Tensor:
        """The constant 1."""
        return torch.ones_like(lam)

    def of_state(self, lam: Tensor) -> Tensor:
        """The constant 0."""
        return torch.zeros_like(lam)

    @property
    def noisy(self) -> bool:
        """With churn."""
        return self.churn != 0

    def fresh(self, start: Tensor, end: Tensor) -> Tensor:
        """The noise of the churn."""
        return torch.exp(-end) * torch.sqrt(-torch.expm1(-2 * self.churn**2 * (end - start)))

    @property
    def _k(self) -> float:
        return 1 + self.churn**2


@dataclass(frozen=True)
class VelocityForm(Form):
    r"""The integrand is the output of the preconditioned network, 0 for data $N(0, \sigma_d^2)$.

    $y = \tilde x/\sqrt{\tilde\sigma^2 + \sigma_d^2}$ moves by $N = (\hat x_0 - c_{skip}\tilde x)/c_{out}$ over
    $-\arctan(\tilde\sigma/\sigma_d)$: minus the velocity of Salimans and Ho 2022 (arXiv 2202.00512), and EDM's F (arXiv
    2206.00364).

    Args:
        sigma_data: the width.
        power: N is taken to be a polynomial in this power of the noise level; in its logarithm where it is 0.
    """

    sigma_data: float = 1.0
    power: float = 0.0

    def __post_init__(self) -> None:
        real(above=0, sigma_data=self.sigma_data)
        real(least=0, power=self.power)

    def scale(self, lam: Tensor) -> Tensor:
        r"""$\sqrt{\tilde\sigma^2 + \sigma_d^2}$."""
        return torch.hypot(torch.exp(-lam), torch.full_like(lam, self.sigma_data))

    def variable(self, lam: Tensor) -> Tensor:
        r"""$-\arctan(\tilde\sigma/\sigma_d)$."""
        return -torch.atan(torch.exp(-lam) / self.sigma_data)

    def rate(self, lam: Tensor) -> Tensor:
        r"""$\tilde\sigma\sigma_d/(\tilde\sigma^2 + \sigma_d^2)$."""
        return 0.5 / torch.cosh(lam + math.log(self.sigma_data))

    def of_data(self, lam: Tensor) -> Tensor:
        r"""$1/c_{out}$."""
        return self.scale(lam) * torch.exp(lam) / self.sigma_data

    def of_state(self, lam: Tensor) -> Tensor:
        r"""$-c_{skip}/c_{out}$."""
        return -self.sigma_data * torch.exp(lam) / self.scale(lam)

    def argument(self, lam: Tensor) -> Tensor:
        r"""$\tilde\sigma^{\text{power}}$, in which long steps swing less; $\lambda$ where that is 0."""
        return torch.exp(-self.power * lam) if self.power else lam

    def at(self, variable: Tensor) -> Tensor:
        r"""The inverse of `variable`.

        >>> velocity = VelocityForm(0.5)
        >>> velocity.at(velocity.variable(torch.tensor(2.0)))
        tensor(2.0000)
        """
        return -torch.log(self.sigma_data * torch.tan(-variable))
