r"""Even functions of an angle x as functions of $x^2$, with two derivatives, and no 0/0 at x = 0.

Heat kernels are smooth in $\cos\theta$, so even in the distance to either pole. Quotients such as $(\sinh z)/z$ are
taken from series where they lose digits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

SMALL = 0.3  # the series are used below it, where twelve terms leave 1e-17
TERMS = 12
HYPERBOLIC_TERMS = 18


def zeta_over_pi(k: int) -> float:
    r"""$\zeta(2k)/\pi^{2k}$ for k >= 1, of which all these series are made."""
    from scipy.special import zeta

    return float(zeta(2 * k)) / math.pi ** (2 * k)


class Even(NamedTuple):
    """A function of u = x^2: its value, and its first and second derivatives in u."""

    value: Tensor
    first: Tensor
    second: Tensor


def log_inverse_sinc(x: Tensor) -> Even:
    r"""$\log(x/\sin x)$ for $0 \le x < \pi$."""

    def closed(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sine = y.sin()
        return (y / sine).log(), 1 / y - y.cos() / sine, 1 / sine**2 - 1 / y**2

    return _even(x, closed, (0.0, *(zeta / k for k, zeta in enumerate(_zetas(), 1))))


def inverse_sinc(x: Tensor) -> Even:
    r"""$x/\sin x$ for $0 \le x < \pi$."""

    def closed(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sine, cosine = y.sin(), y.cos()
        first = (sine - y * cosine) / sine**2
        return y / sine, first, (y - 2 * cosine * first) / sine

    return _even(x, closed, (1.0, *(2 * (1 - 2 ** (1 - 2 * k)) * zeta for k, zeta in enumerate(_zetas(), 1))))


def log_sec(x: Tensor) -> Even:
    r"""$-\log\cos x$ for $0 \le x < \pi/2$."""

    def closed(y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return -y.cos().log(), y.tan(), 1 / y.cos() ** 2

    return _even(x, closed, (0.0, *((4**k - 1) / k * zeta for k, zeta in enumerate(_zetas(), 1))))


def halved(f: Even) -> Even:
    """The function $f(x / 2)$ of u = x^2, for f taken at x / 2."""
    return Even(f.value, f.first / 4, f.second / 16)


def hyperbolic(z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""$e^{-z}$ times $\cosh z$ and $\big(\frac1z\frac{d}{dz}\big)^j\frac{\sinh z}z$, j = 0, 1, 2, for $z \ge 0$."""
    large, half_square, scale = z.clamp(min=2.0), 0.5 * z.clamp(max=2.0) ** 2, torch.exp(-z)
    zeroth = 0.5 * (1 - torch.exp(-2 * large)) / large
    first = (0.5 * (1 + torch.exp(-2 * large)) - zeroth) / large**2
    quotients = zeroth, first, (zeroth - 3 * first) / large**2
    series = (scale * horner(half_square, _hyperbolic_terms(order)) for order in range(3))
    zeroth, first, second = (torch.where(z < 2.0, *pair) for pair in zip(series, quotients, strict=True))
    return 0.5 * (1 + torch.exp(-2 * z)), zeroth, first, second


@functools.cache
def _zetas() -> tuple[float, ...]:
    return tuple(zeta_over_pi(k) for k in range(1, TERMS + 1))


@functools.cache
def _hyperbolic_terms(order: int) -> tuple[float, ...]:
    r"""Derivatives of $\sum_k (2w)^k/(2k+1)!$ in $w = z^2/2$."""
    orders = range(order, order + HYPERBOLIC_TERMS)
    return tuple(2.0**k * math.perm(k, order) / math.factorial(2 * k + 1) for k in orders)


def _even(x: Tensor, closed: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]], terms: tuple[float, ...]) -> Even:
    """Closed forms of a function and its derivatives in x; at small x the series in u."""
    y, small = x.clamp(min=SMALL), x < SMALL
    value, slope, curvature = closed(y)
    first = slope / (2 * y)
    found = Even(value, first, (curvature - 2 * first) / (4 * y**2))
    if small.any():
        u = x[small] ** 2
        for part, coefficients in zip(found, (terms, *derivatives(terms)), strict=True):
            part[small] = horner(u, coefficients)
    return found


def derivatives(terms: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The first two derivatives of a polynomial, given by its coefficients.

    >>> derivatives((5.0, 3.0, 2.0))
    ((3.0, 4.0), (4.0,))
    """
    first = tuple(k * term for k, term in enumerate(terms))[1:]
    return first, tuple(k * term for k, term in enumerate(first))[1:]


def horner(u: Tensor, coefficients: tuple[float, ...]) -> Tensor:
    """A polynomial in u by Horner's rule."""
    total = torch.full_like(u, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total.mul_(u).add_(coefficient)
    return total
