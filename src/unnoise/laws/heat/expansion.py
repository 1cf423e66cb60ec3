r"""The heat kernel of any sphere at small times, by the expansion of its logarithm.

With $\nu = (d-1)/2$ and $u = \theta^2$ (Minakshisundaram and Pleijel 1949),

$$\log p_t = -\tfrac d2\log 2\pi t - \frac u{2t} + \nu\log\frac\theta{\sin\theta} + \sum_{n\ge1} t^n b_n(u).$$

The heat equation gives each $b_n$ from the ones before it, power by power of u:

$$b_1 + \theta b_1' = \tfrac{\nu^2}2 - \tfrac{\nu(\nu-1)}2\big(\tfrac1{\sin^2\theta} - \tfrac1{\theta^2}\big),\qquad
n b_n + \theta b_n' = \tfrac12\Big(b_{n-1}'' + \tfrac{2\nu}\theta b_{n-1}' + \sum_{i+j=n-1} b_i' b_j'\Big).$$

Powers of u converge below $\pi$; from `REACH` on the $b_n$ are held constant.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor

from unnoise.laws.heat.even import Even, derivatives, horner, log_inverse_sinc, zeta_over_pi

ORDERS = 6  # of time
POWERS = 60  # of u
REACH = 0.85 * math.pi


@functools.cache
def coefficients(dimension: int) -> tuple[tuple[float, ...], ...]:
    """The powers of u in b_1, b_2, ..., `ORDERS` of them."""
    nu = (dimension - 1) / 2
    potential = [nu * (nu - 1) * (2 * k - 1) * zeta_over_pi(k) for k in range(1, POWERS + 1)]
    potential[0] -= nu**2 / 2
    found = [[-value / (2 * k + 1) for k, value in enumerate(potential)]]
    for n in range(2, ORDERS + 1):
        source = _laplacian(found[-1], nu)
        for i in range(n - 2):
            source = [a + b for a, b in zip(source, _slopes(found[i], found[n - 3 - i]), strict=True)]
        found.append([0.5 * value / (n + 2 * k) for k, value in enumerate(source)])
    return tuple(tuple(row) for row in found)


def _laplacian(f: list[float], nu: float) -> list[float]:
    r"""$f'' + \frac{2\nu}\theta f' = 2 f_u + 4 u f_{uu} + 4\nu f_u$."""
    return [2 * k * (2 * k - 1 + 2 * nu) * f[k] for k in range(1, len(f))] + [0.0]


def _slopes(f: list[float], g: list[float]) -> list[float]:
    r"""$f' g' = 4 u f_u g_u$."""
    result = [0.0] * len(f)
    for i in range(1, len(f)):
        for j in range(1, len(f) - i + 1):
            if i + j - 1 < len(f):
                result[i + j - 1] += 4 * i * j * f[i] * g[j]
    return result


def log_density(dimension: int, angle: Tensor, time: Tensor) -> Even:
    """The log density and its derivatives in u, for angles below pi."""
    nu, u = (dimension - 1) / 2, angle**2
    shape = log_inverse_sinc(angle)
    held, inside = u.clamp(max=REACH**2), angle < REACH
    value = nu * shape.value - 0.5 * u / time - 0.5 * dimension * torch.log(2 * math.pi * time)
    first, second = nu * shape.first - 0.5 / time, nu * shape.second
    for n, row in enumerate(coefficients(dimension), 1):
        slopes, curvatures = derivatives(row)
        value = value + time**n * horner(held, row)
        first = first + torch.where(inside, time**n * horner(held, slopes), 0.0)
        second = second + torch.where(inside, time**n * horner(held, curvatures), 0.0)
    return Even(value, first, second)
