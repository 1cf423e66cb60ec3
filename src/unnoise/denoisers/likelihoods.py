r"""What is known of x_0 beside what was learnt: positive functions r, given by $\log r$, (n, *event) -> (n,).

Any function will do; those here also know what r is on average around a point.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, mapping, real
from unnoise._errors import InputError
from unnoise._tree import expand

LogR = Callable[[Any], Tensor]


class Observation(ABC):
    r"""A positive function r of $x_0$ with a closed Gaussian average, $\log E[r(x + \sqrt v z)]$ in nats, (n,).

    Called with points it is $\log r$ itself. One of your own states `blurred`:

    >>> class Slope(Observation):  # r = exp(x_1)
    ...     def blurred(self, x, variance):
    ...         return x[:, 0] + 0.5 * torch.as_tensor(variance)
    >>> Slope()(torch.tensor([[1.0, 2.0]])), Slope().blurred(torch.tensor([[1.0, 2.0]]), 4.0)
    (tensor([1.]), tensor([3.]))
    """

    def __call__(self, x: Any) -> Tensor:
        """Log r at points x, (n, *event), in nats: (n,)."""
        return self.blurred(x, _tree.map(lambda leaf: leaf.new_zeros(()), x))

    @abstractmethod
    def blurred(self, x: Any, variance: Any) -> Tensor:
        r"""$\log E[r(x + \sqrt v z)]$, z standard normal, for a variance () or (n,)."""


@dataclass(frozen=True)
class LinearGaussian(Observation):
    r"""$r(x) = N(y; A x, s^2 I)$: y is measured.

    Averaged over noise of variance v its covariance is $s^2 I + v A A^T$: pseudo-inverse guidance (Song, Vahdat,
    Mardani, Kautz 2023, ICLR).

    Args:
        matrix: A, (k, d), of events laid out as (d,).
        values: y, (k,).
        scale: s, positive.
    """

    matrix: Tensor
    values: Tensor
    scale: float

    def __post_init__(self) -> None:
        instance(Tensor, matrix=self.matrix, values=self.values)
        if self.matrix.ndim != 2 or self.values.shape != self.matrix.shape[:1]:
            got = f"a matrix of shape {tuple(self.matrix.shape)} and values {tuple(self.values.shape)}"
            raise InputError(f"got {got}; expected (k, d) and (k,)")
        _check(self.matrix, "the matrix", self.scale)
        _check(self.values, "the values", self.scale)

    def blurred(self, x: Tensor, variance: Tensor) -> Tensor:
        r"""By the eigenvectors of $A A^T$."""
        if x[0].numel() != self.matrix.shape[1]:
            got = f"points of {x[0].numel()} numbers, and the matrix measures {self.matrix.shape[1]}"
            raise InputError(f"got {got}: give it one column per number")
        powers, axes = self._spectrum
        residual = (self.values.to(x) - x.flatten(1) @ self.matrix.to(x).T) @ axes.to(x)
        return _normal(residual, self.scale**2 + expand(variance, residual) * powers.to(x))

    @functools.cached_property
    def _spectrum(self) -> tuple[Tensor, Tensor]:
        powers, axes = torch.linalg.eigh(self.matrix @ self.matrix.T)
        return powers.clamp(min=0), axes


@dataclass(frozen=True)
class Masked(Observation):
    r"""$r(x) = \prod_{i \in M} N(y_i; x_i, s^2)$: some of the numbers were measured, with noise s.

    Inpainting, or denoising where all were measured (`noisy`). With s = 0 r has values on average only: for
    `denoisers.Guided` and `samplers.Perturbed`, not `samplers.TwistedSMC`.

    Args:
        mask: boolean, of the shape of one event.
        values: y, of that shape; any outside the mask.
        scale: s, positive or 0.

    >>> r = Masked(torch.tensor([True, False]), torch.tensor([1.0, 0.0]), scale=1.0)
    >>> r(torch.tensor([[1.0, 7.0]]))
    tensor([-0.9189])
    """

    mask: Tensor
    values: Tensor
    scale: float

    def __post_init__(self) -> None:
        instance(Tensor, mask=self.mask, values=self.values)
        if self.mask.dtype != torch.bool or self.mask.shape != self.values.shape or not self.mask.any():
            got = f"a mask of {self.mask.dtype} and shape {tuple(self.mask.shape)}, {int(self.mask.sum())} of it true"
            expected = "expected a boolean mask of the same shape, true somewhere"
            raise InputError(f"got {got}, for values {tuple(self.values.shape)}; {expected}")
        _check(self.values[self.mask], "the values", self.scale, least=0)

    def blurred(self, x: Tensor, variance: Tensor) -> Tensor:
        """Noise of variance $s^2 + v$."""
        if x.shape[1:] != self.mask.shape:
            raise InputError(f"got points of shape {tuple(x.shape[1:])} for a mask of shape {tuple(self.mask.shape)}")
        if self.scale == 0 and not (variance > 0).all():
            instead = "give a scale above 0, or use denoisers.Guided or samplers.Perturbed, which average over noise"
            raise InputError(f"numbers that are known without noise (scale 0) have no density at a point: {instead}")
        mask = self.mask.to(x.device)
        residual = x[:, mask] - self.values.to(x)[mask]
        return _normal(residual, (self.scale**2 + expand(variance, residual)).expand_as(residual))


@dataclass(frozen=True)
class OfFactors(Observation):
    r"""$r(x) = \prod_n r_n(x_n)$: some factors of a product were observed, by name.

    >>> r = OfFactors({"a": noisy(torch.tensor([1.0]), scale=1.0)})
    >>> r({"a": torch.tensor([[1.0]]), "b": torch.tensor([[5.0]])})
    tensor([-0.9189])
    """

    parts: Mapping[str, Observation]

    def __post_init__(self) -> None:
        mapping(Observation, parts=self.parts)

    def blurred(self, x: Any, variance: Any) -> Tensor:
        """The sum of the factors' own."""
        return torch.stack([part.blurred(x[name], variance[name]) for name, part in self.parts.items()]).sum(0)


def noisy(values: Tensor, scale: float) -> Masked:
    r"""The likelihood $N(v; x_0, s^2 I)$ of one event that was seen whole.

    Args:
        values: v, (*event,), as they were seen.
        scale: s, of the noise of the observation, in the units of the data.

    >>> noisy(torch.tensor([1.0, 0.0]), 0.5)(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))
    tensor([-0.4516, -2.4516])
    """
    instance(Tensor, values=values)
    return Masked(torch.ones_like(values, dtype=torch.bool), values, scale)


def log_values(log_r: LogR, x: Any) -> Tensor:
    r"""$\log r$ at points, (n,), in nats; $-\infty$ where r is 0.

    Raises:
        InputError: another shape than (n,), a NaN, or an infinite r.

    >>> log_values(lambda x: -x.square().sum(1), torch.tensor([[1.0, 2.0]]))
    tensor([-5.])
    """
    return _checked(log_r(x), _tree.length(x))


def log_twist(log_r: LogR, x_0: Any, variance: Any) -> Tensor:
    """Log r, averaged over noise of this variance for an `Observation`.

    Args:
        log_r: of points (n, *event), (n,); an `Observation` knows its average.
        x_0: points (n, *event).
        variance: of the noise on them, in their units squared; a number, or a tree of the factors of a product.
    """
    if isinstance(log_r, Observation):
        return _checked(log_r.blurred(x_0, variance), _tree.length(x_0))
    return log_values(log_r, x_0)


def _checked(values: Tensor, n: int) -> Tensor:
    if not isinstance(values, Tensor) or values.shape != (n,):
        got = f"the shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
        raise InputError(f"log r returned {got} for {n} points; expected ({n},), one number per point")
    if values.isnan().any():
        count = int(values.isnan().sum())
        raise InputError(f"log r is NaN at {count} of {n} points; return a number everywhere, -inf where r is 0")
    if torch.isposinf(values).any():
        count = int(torch.isposinf(values).sum())
        raise InputError(f"r is infinite at {count} of {n} points, so p r is no distribution; give a bounded r")
    return values


def _normal(residual: Tensor, variance: Tensor) -> Tensor:
    """The log density of independent centred normals, summed, (n, k) to (n,)."""
    return -0.5 * (residual.square() / variance + torch.log(2 * math.pi * variance)).sum(-1)


def _check(numbers: Tensor, what: str, scale: float, **bounds: Any) -> None:
    if not torch.isfinite(numbers).all():
        raise InputError(f"got NaN or infinite numbers in {what}; leave out what was not measured")
    real(**(bounds or {"above": 0}), scale=scale)
