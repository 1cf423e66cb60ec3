"""The square lattice of Ising without a magnet, solved by Kaufman in 1949."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise._checks import whole
from unnoise._errors import InputError


def log_sum(rows: int, columns: int, coupling: Tensor) -> Tensor:
    r"""$\log\sum_s \exp(J\sum_{x \sim x'} s_x s_{x'})$ on a torus of n x m sites, in nats; its slope in J is an energy.

    With $\cosh\gamma_r = \cosh 2J\coth 2J - \cos(\pi r/n)$ and $\gamma_0 = 2J + \log\tanh J$, the sum is
    $\frac12(2\sinh 2J)^{nm/2}$ times the sum of four products, $\prod_r 2\cosh\frac{m\gamma_r}2$ and
    $\prod_r 2\sinh\frac{m\gamma_r}2$ over odd and over even r below 2 n (Kaufman 1949, Physical Review 76, 1232).

    Args:
        rows: n.
        columns: m.
        coupling: J, positive, a number in float64.

    Raises:
        InputError: a coupling that is not positive.

    >>> import itertools
    >>> J = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    >>> found = log_sum(3, 4, J)
    >>> s = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=12)), dtype=torch.float64).reshape(-1, 3, 4)
    >>> links = (s * s.roll(1, 1) + s * s.roll(1, 2)).sum((1, 2))
    >>> torch.allclose(found, torch.logsumexp(J * links, 0))
    True
    >>> torch.allclose(torch.autograd.grad(found, J)[0], torch.softmax(J * links, 0) @ links)
    True
    """
    whole(least=1, rows=rows, columns=columns)
    if not float(coupling.detach()) > 0:
        raise InputError(f"got the coupling {float(coupling.detach()):g}; expected a positive one")
    r = torch.arange(1, 2 * rows, dtype=torch.float64)
    rest = torch.acosh(torch.cosh(2 * coupling) / torch.tanh(2 * coupling) - torch.cos(math.pi * r / rows))
    halves = 0.5 * columns * torch.cat([(2 * coupling + torch.log(torch.tanh(coupling)))[None], rest])
    odd, even, least = halves[1::2], halves[0::2], halves[0]  # the least is zero at the critical point, so no logarithm
    last = torch.exp(least - least.abs()) - torch.exp(-least - least.abs())
    sinh = _log_sinh(even[1:]).sum() + least.abs()
    size = torch.stack([_log_cosh(odd).sum(), _log_sinh(odd).sum(), _log_cosh(even).sum(), sinh])
    part = torch.cat([torch.ones(3, dtype=torch.float64), last[None]])
    top = size.max().detach()
    total = top + torch.log((part * torch.exp(size - top)).sum())
    return 0.5 * rows * columns * torch.log(2 * torch.sinh(2 * coupling)) - math.log(2) + total


def _log_cosh(x: Tensor) -> Tensor:
    r"""$\log(2\cosh x)$."""
    return x.abs() + torch.log1p(torch.exp(-2 * x.abs()))


def _log_sinh(x: Tensor) -> Tensor:
    r"""$\log|2\sinh x|$."""
    return x.abs() + torch.log1p(-torch.exp(-2 * x.abs()))
