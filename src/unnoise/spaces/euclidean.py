"""Arrays of real numbers with the usual metric; densities with respect to Lebesgue measure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.laws import Normal
from unnoise.laws.base import standard_normal
from unnoise.spaces.base import Diffusion, Manifold


@dataclass(frozen=True)
class Euclidean(Manifold):
    r"""$R^d$, or arrays of any shape.

    Args:
        event_shape: the shape of one point; an int d means (d,).

    >>> Euclidean(3).event_shape
    (3,)
    >>> Euclidean(3).check(torch.zeros(5, 2))
    Traceback (most recent call last):
    unnoise._errors.InputError: got points of shape (2,); Euclidean expects (3,) ...
    """

    event_shape: tuple[int, ...]

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        shape = (event_shape,) if isinstance(event_shape, int) else tuple(event_shape)
        if any(size < 1 for size in shape):
            raise InputError(f"got the shape {shape}; every axis of a Euclidean point must be at least 1 long")
        object.__setattr__(self, "event_shape", shape)

    @property
    def dimension(self) -> int:
        """How many numbers make a point."""
        return math.prod(self.event_shape)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x is a finite floating tensor of shape (*batch, *event_shape)."""
        ndim = len(self.event_shape)
        if tuple(x.shape[x.ndim - ndim :]) != self.event_shape:
            raise InputError(
                f"got points of shape {tuple(x.shape[1:])}; Euclidean expects {self.event_shape} "
                "(the first axis counts the points)"
            )
        if not x.is_floating_point():
            raise InputError(f"got {x.dtype}; Euclidean expects floating point numbers: convert with x.float()")
        if not torch.isfinite(x).all():
            rows = (~self._flat(torch.isfinite(x)).all(-1)).nonzero()[:3].tolist()
            raise InputError(f"got NaN or infinite values, first at batch index {rows}; remove or impute them")

    def features(self, x: Tensor) -> Tensor:
        """The numbers themselves."""
        return x

    def move(self, x: Tensor, local: Diffusion, dt: Tensor) -> Normal:
        r"""$N(x + \text{drift}\,dt,\ \text{scale}^2 dt)$: the Euler-Maruyama step."""
        return Normal(x + local.drift * dt, local.scale * dt**0.5, len(self.event_shape))

    def apply(self, local: Diffusion, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$b\cdot\nabla f + \frac12 s^2 \Delta f$ by automatic differentiation."""
        gradient, laplacian = self.divergence(lambda y: _gradient(f, y), x)
        scale = local.scale.expand_as(x)
        return self.dot(local.drift, gradient) + 0.5 * self._flat(scale)[..., 0] ** 2 * laplacian

    def phi(self, local: Diffusion, log_f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\frac12 s^2 \lVert\nabla\log f\rVert^2$."""
        gradient = local.scale * _gradient(log_f, x)
        return 0.5 * self.dot(gradient, gradient)

    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """A straight line: x + v."""
        return x + v

    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """A straight line: y - x."""
        return y - x

    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """The Euclidean distance."""
        return self.dot(x - y, x - y).sqrt()

    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """Standard normal numbers in the shape of x."""
        return standard_normal(tuple(x.shape), x, rng)

    def dot(self, u: Tensor, v: Tensor) -> Tensor:
        """The inner product over the event axes."""
        return self._flat(u * v).sum(-1)

    def divergence(
        self, field: Callable[[Tensor], Tensor], x: Tensor, probes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        r"""The field at x, (n, *event), and its divergence, (n,).

        Without `probes` the trace is exact, one backward pass per dimension, batched: memory grows with n x d x width.
        With probes $v$, (k, n, *event), of mean zero and unit covariance, it is Hutchinson's unbiased estimate
        $\frac1k\sum v^T J v$ (Hutchinson 1990; Grathwohl et al. 2019, arXiv 1810.01367), and of shape (k, n).
        """
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            value = field(x)
            if probes is None:
                return value.detach(), self._trace(value, x)
            return value.detach(), self.dot(_products(value, x, probes), probes)

    def _trace(self, value: Tensor, x: Tensor) -> Tensor:
        basis = torch.eye(self.dimension, dtype=x.dtype, device=x.device).reshape(-1, 1, *self.event_shape)
        return self.dot(_products(value, x, basis.expand(-1, *x.shape)), basis).sum(0)

    def _flat(self, x: Tensor) -> Tensor:
        """The event axes as one, (*batch, d)."""
        return x.reshape(*x.shape[: x.ndim - len(self.event_shape)], self.dimension)


def _products(value: Tensor, x: Tensor, vectors: Tensor) -> Tensor:
    r"""$v^T J$ for a batch of v; a field that does not depend on x, the gradient of a linear f, has J = 0."""
    if not value.requires_grad:
        return torch.zeros_like(vectors)
    (rows,) = torch.autograd.grad(value, x, vectors, is_grads_batched=True, materialize_grads=True)
    return rows


def _gradient(f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(f(x).sum(), x, create_graph=True)
    return gradient
