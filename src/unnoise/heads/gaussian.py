r"""What the network's output stands for. Every head is an exact reparameterisation of $\hat x_0$.

With $x = \alpha x_0 + \sigma\epsilon$ and data of standard deviation $\sigma_d$, the network always sees
$x / \sqrt{\alpha^2\sigma_d^2 + \sigma^2}$, which has unit variance (the input half of the preconditioning of Karras
et al. 2022, arXiv 2206.00364). The heads are the other half: with output $F$,

| head | $\hat x_0$ |
|---|---|
| `X0` | $F$ |
| `Eps` | $(x - \sigma F)/\alpha$ |
| `V` | $(\alpha x - \sigma F)/(\alpha^2 + \sigma^2)$, $F \approx v = \alpha\epsilon - \sigma x_0$ |
| `Score` | $(x + \sigma F)/\alpha$, $F \approx \sigma\nabla\log q_t$ |
| `Preconditioned` | $c_{skip} x + c_{out} F$ |

with $c_{skip} = \alpha\sigma_d^2/(\alpha^2\sigma_d^2 + \sigma^2)$ and
$c_{out} = \sigma\sigma_d/\sqrt{\alpha^2\sigma_d^2 + \sigma^2}$. `Preconditioned` asks for a
target of unit variance at every noise level; in a variance-preserving process with $\sigma_d = 1$ it is `V` with the
sign of F changed.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._tree import expand
from unnoise.heads.base import Head


@dataclass(frozen=True)
class GaussianHead(Head[Tensor]):
    """How a network's output F becomes the estimate of x_0."""

    sigma_data: float = 1.0

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """That of the points; images without channels get one."""
        shape: tuple[int, ...] = process.space.event_shape
        return (1, *shape) if len(shape) == 2 else shape

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """That of the input."""
        return self.input_shape(process)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance."""
        alpha, sigma = (expand(part.to(x_t), x_t) for part in process.alpha_sigma(t))
        return (self.input_scale(alpha, sigma) * x_t).reshape(-1, *self.input_shape(process))

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The estimate of x_0, in the precision of x_t."""
        alpha, sigma = (expand(part.to(x_t), x_t) for part in process.alpha_sigma(t))
        return self.x_0(output.reshape(x_t.shape).to(x_t.dtype), x_t, alpha, sigma)

    def input_scale(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$1/\sqrt{\alpha^2\sigma_d^2 + \sigma^2}$."""
        return 1 / torch.hypot(alpha * self.sigma_data, sigma)

    @abstractmethod
    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The estimate of x_0; alpha and sigma broadcast against x_t."""


class X0(GaussianHead):
    """The network gives the data itself."""

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """F."""
        return output


class Eps(GaussianHead):
    """The network gives the noise (Ho et al. 2020, arXiv 2006.11239)."""

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$(x - \sigma F)/\alpha$."""
        return (x_t - sigma * output) / alpha


class V(GaussianHead):
    """The network gives the velocity (Salimans and Ho 2022, arXiv 2202.00512)."""

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$(\alpha x - \sigma F)/(\alpha^2 + \sigma^2)$."""
        return (alpha * x_t - sigma * output) / (alpha**2 + sigma**2)


class Score(GaussianHead):
    r"""The network gives $\sigma\nabla\log q_t$ (Song and Ermon 2019, arXiv 1907.05600)."""

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$(x + \sigma F)/\alpha$."""
        return (x_t + sigma * output) / alpha


class Preconditioned(GaussianHead):
    """The network gives what is left at unit variance (Karras et al. 2022, arXiv 2206.00364)."""

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$c_{skip} x + c_{out} F$."""
        scale = self.input_scale(alpha, sigma)
        skip = alpha * (self.sigma_data * scale) ** 2
        return (skip * x_t).addcmul_(sigma * self.sigma_data * scale, output)
