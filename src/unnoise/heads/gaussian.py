r"""What a network's output stands for where noise is Gaussian: exact reparameterisations of $\hat x_0$.

With $x = \alpha x_0 + \sigma\epsilon$ and data of standard deviation $\sigma_d$, the network sees
$x / \sqrt{\alpha^2\sigma_d^2 + \sigma^2}$, of unit variance (Karras et al. 2022, arXiv 2206.00364), and gives $F$:

| head | $\hat x_0$ |
|---|---|
| `X0` | $F$ |
| `Eps` | $(x - \sigma F)/\alpha$ |
| `V` | $(\alpha x - \sigma F)/(\alpha^2 + \sigma^2)$, $F \approx v = \alpha\epsilon - \sigma x_0$ |
| `Velocity` | $(x - \sigma F)/(\alpha + \sigma)$, $F \approx \epsilon - x_0$ |
| `Score` | $(x + \sigma F)/\alpha$, $F \approx \sigma\nabla\log q_t$ |
| `Preconditioned` | $c_{skip} x + c_{out} F$ |

with $c_{skip} = \alpha\sigma_d^2/(\alpha^2\sigma_d^2 + \sigma^2)$ and
$c_{out} = \sigma\sigma_d/\sqrt{\alpha^2\sigma_d^2 + \sigma^2}$, a target of unit variance; in a variance-preserving
process with $\sigma_d = 1$ it is `V` with -F.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise._checks import real
from unnoise._tree import expand
from unnoise.heads.base import HeadAt, ProcessHead
from unnoise.spaces import Euclidean


@runtime_checkable
class _SignalNoise(Protocol):
    @property
    def space(self) -> Euclidean: ...
    def alpha_sigma(self, t: Tensor) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class SignalNoiseHead(ProcessHead):
    r"""A head that reads $\alpha(t)$ and $\sigma(t)$."""

    needs, on = _SignalNoise, Euclidean
    trait = "with x_t = alpha x_0 + sigma noise"
    process: _SignalNoise

    @property
    def input_shape(self) -> tuple[int, ...]:
        """That of the points; images without channels get one."""
        shape = self.process.space.event_shape
        return (1, *shape) if len(shape) == 2 else shape

    def alpha_sigma(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\alpha$ and $\sigma$ in the precision of x, broadcasting against it."""
        alpha, sigma = self.process.alpha_sigma(t)
        return expand(alpha.to(x), x), expand(sigma.to(x), x)


@dataclass(frozen=True)
class GaussianHead(SignalNoiseHead):
    """How a network's output F becomes the estimate of x_0, for data of standard deviation `sigma_data`.

    >>> from unnoise.processes import edm
    >>> head = Eps(edm(Euclidean(2)), sigma_data=0.5)
    >>> head.input_shape, head.estimate(torch.zeros(1, 2), torch.ones(1, 2), torch.tensor(0.5))
    ((2,), tensor([[1., 1.]]))
    """

    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(above=0, sigma_data=self.sigma_data)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance."""
        return (self.input_scale(*self.alpha_sigma(x_t, t)) * x_t).reshape(-1, *self.input_shape)

    def faded(self, x_t: Tensor, t: Tensor) -> Tensor:
        r"""Times $\alpha\sigma_d/\sqrt{\alpha^2\sigma_d^2 + \sigma^2}$: the mean of Gaussian data given the point."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        return (self.faded_scale(alpha, sigma) * x_t).reshape(-1, *self.input_shape)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The estimate of x_0, in the precision of x_t."""
        return self.x_0(output.reshape(x_t.shape).to(x_t.dtype), x_t, *self.alpha_sigma(x_t, t))

    def at(self, x_t: Tensor, t: Tensor) -> HeadAt[Tensor]:
        r"""With $\alpha$ and $\sigma$ computed once."""
        if self._reads_in_its_own_way:
            return super().at(x_t, t)
        alpha, sigma = self.alpha_sigma(x_t, t)
        return GaussianAt(self, t, self.input_scale(alpha, sigma), self.terms(alpha, sigma), self._whole(x_t))

    def at_each(self, times: Tensor, like: Tensor) -> Sequence[HeadAt[Tensor]]:
        """With all that the times fix computed at once."""
        if self._reads_in_its_own_way:
            return super().at_each(times, like)
        alpha, sigma = (part.to(like) for part in self.process.alpha_sigma(times))
        terms = zip(*(part.unbind() for part in self.terms(alpha, sigma)), strict=True)
        scales = self.input_scale(alpha, sigma).unbind()
        whole = self._whole(like)
        return [GaussianAt(self, *parts, whole) for parts in zip(times.unbind(), scales, terms, strict=True)]

    @property
    def _reads_in_its_own_way(self) -> bool:
        return (type(self).inputs, type(self).estimate) != (GaussianHead.inputs, GaussianHead.estimate)

    def _whole(self, x_t: Tensor) -> bool:
        """Whether the network sees points in their own shape."""
        return self.input_shape == tuple(x_t.shape[1:])

    def terms(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
        """What `from_terms` needs of the time; here alpha and sigma."""
        return alpha, sigma

    def from_terms(self, output: Tensor, x_t: Tensor, *terms: Tensor) -> Tensor:
        """The estimate of x_0 given `terms`."""
        return self.x_0(output, x_t, *terms)

    def input_scale(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$1/\sqrt{\alpha^2\sigma_d^2 + \sigma^2}$."""
        return 1 / torch.hypot(alpha * self.sigma_data, sigma)

    def faded_scale(self, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$\alpha\sigma_d/(\alpha^2\sigma_d^2 + \sigma^2)$."""
        return alpha * self.sigma_data * self.input_scale(alpha, sigma) ** 2

    @abstractmethod
    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The estimate of x_0; alpha and sigma broadcast against x_t."""


@dataclass(frozen=True)
class GaussianAt(HeadAt[Tensor]):
    """A head whose numbers of time are at hand."""

    head: GaussianHead
    scale: Tensor
    terms: tuple[Tensor, ...]
    whole: bool  # whether the network sees points in their own shape

    def inputs(self, x_t: Tensor) -> Tensor:
        """As of the head."""
        scaled = self.scale * x_t
        return scaled if self.whole else scaled.reshape(-1, *self.head.input_shape)

    def estimate(self, output: Tensor, x_t: Tensor) -> Tensor:
        """As of the head."""
        if output.dtype != x_t.dtype or output.shape != x_t.shape:
            output = output.reshape(x_t.shape).to(x_t.dtype)
        return self.head.from_terms(output, x_t, *self.terms)


class X0(GaussianHead):
    r"""The network gives the data themselves: $\hat x_0 = F$, in the data's units.

    >>> from unnoise.processes import edm
    >>> X0(edm(Euclidean(1))).estimate(torch.tensor([[0.7]]), torch.tensor([[2.0]]), torch.tensor(0.5))
    tensor([[0.7000]])
    """

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """The output itself."""
        return output


class Eps(GaussianHead):
    r"""The network gives the noise: $\hat x_0 = (x - \sigma F)/\alpha$ (Ho et al. 2020, arXiv 2006.11239).

    Where $\alpha$ is small an error of F is an error of $\sigma/\alpha$ times its size in $\hat x_0$.

    >>> from unnoise.processes import variance_preserving
    >>> process, t = variance_preserving(Euclidean(1)), torch.tensor(0.3)
    >>> (alpha, sigma), x_0, noise = process.alpha_sigma(t), torch.tensor([[2.0]]), torch.tensor([[0.5]])
    >>> Eps(process).estimate(noise, alpha * x_0 + sigma * noise, t)
    tensor([[2.0000]])
    """

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$(x - \sigma F)/\alpha$."""
        return (x_t - sigma * output) / alpha


class V(GaussianHead):
    r"""The network gives $v = \alpha\epsilon - \sigma x_0$: $\hat x_0 = (\alpha x - \sigma F)/(\alpha^2 + \sigma^2)$.

    Salimans and Ho 2022 (arXiv 2202.00512).

    >>> from unnoise.processes import variance_preserving
    >>> process, t = variance_preserving(Euclidean(1)), torch.tensor(0.3)
    >>> (alpha, sigma), x_0, noise = process.alpha_sigma(t), torch.tensor([[2.0]]), torch.tensor([[0.5]])
    >>> V(process).estimate(alpha * noise - sigma * x_0, alpha * x_0 + sigma * noise, t)
    tensor([[2.0000]])
    """

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """By the table of the module."""
        return (alpha * x_t - sigma * output) / (alpha**2 + sigma**2)


class Velocity(GaussianHead):
    r"""The network gives $\epsilon - x_0$: $\hat x_0 = (x - \sigma F)/(\alpha + \sigma)$.

    On rectified flow it is the velocity $dx/d\tau$ (Lipman et al. 2023, arXiv 2210.02747).

    >>> from unnoise.processes import rectified_flow
    >>> process, t = rectified_flow(Euclidean(1)), torch.tensor(0.3)
    >>> (alpha, sigma), x_0, noise = process.alpha_sigma(t), torch.tensor([[2.0]]), torch.tensor([[0.5]])
    >>> Velocity(process).estimate(noise - x_0, alpha * x_0 + sigma * noise, t)
    tensor([[2.0000]])
    """

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """By the table of the module."""
        return (x_t - sigma * output) / (alpha + sigma)


class Score(GaussianHead):
    r"""The network gives $\sigma\nabla\log q_t$: $\hat x_0 = (x + \sigma F)/\alpha$.

    Song and Ermon 2019 (arXiv 1907.05600). Density with respect to Lebesgue measure; F is minus the noise of `Eps`.

    >>> from unnoise.processes import variance_preserving
    >>> process, t = variance_preserving(Euclidean(1)), torch.tensor(0.3)
    >>> x_0, x_t = torch.tensor([[2.0]]), torch.tensor([[0.5]])
    >>> Score(process).estimate(process.alpha_sigma(t)[1] * process.score(x_t, x_0, t), x_t, t)
    tensor([[2.0000]])
    """

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$(x + \sigma F)/\alpha$."""
        return (x_t + sigma * output) / alpha


class Preconditioned(GaussianHead):
    r"""The network gives what is left at unit variance: $\hat x_0 = c_{skip} x + c_{out} F$; the default.

    $c_{skip} = \alpha\sigma_d^2/(\alpha^2\sigma_d^2 + \sigma^2)$, so F = 0 is the best linear estimate of data with
    deviation $\sigma_d$, and $c_{out} = \sigma\sigma_d/\sqrt{\alpha^2\sigma_d^2 + \sigma^2}$ (Karras et al. 2022, arXiv
    2206.00364, table 1).

    >>> from unnoise.processes import variance_preserving
    >>> process, t = variance_preserving(Euclidean(1)), torch.tensor(0.3)
    >>> nothing, x_t = torch.zeros(1, 1), torch.ones(1, 1)
    >>> Preconditioned(process).estimate(nothing, x_t, t), process.alpha_sigma(t)[0]  # alpha x_t
    (tensor([[0.6295]]), tensor(0.6295))
    """

    def x_0(self, output: Tensor, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        r"""$c_{skip} x + c_{out} F$."""
        return self.from_terms(output, x_t, *self.terms(alpha, sigma))

    def terms(self, alpha: Tensor, sigma: Tensor) -> tuple[Tensor, ...]:
        r"""$c_{skip}$ and $c_{out}$."""
        scale = self.input_scale(alpha, sigma)
        return alpha * (self.sigma_data * scale) ** 2, sigma * self.sigma_data * scale

    def from_terms(self, output: Tensor, x_t: Tensor, *terms: Tensor) -> Tensor:
        r"""$c_{skip} x + c_{out} F$."""
        skip, out = terms
        return (skip * x_t).addcmul_(out, output)
