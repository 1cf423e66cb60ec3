"""The few statistics behind all p-values: is the mean of independent rows zero?"""

from __future__ import annotations

import torch
from torch import Tensor

from unnoise._errors import InputError

TOLERATED = 1e-3  # of the size of the terms, where a law holds up to rounding and finite differences


def mean_is_zero(rows: Tensor, tolerated: float = TOLERATED) -> float:
    r"""The p-value of "the mean of the independent rows, (n, k), is zero", by Hotelling's test with a tolerance.

    $T^2 = \bar x^T (S/n + \tau^2 I)^{-1}\bar x$ and $\frac{n - \nu}{\nu(n - 1)} T^2 \sim F(\nu, n - \nu)$ with
    $\nu = \mathrm{tr}\,S(S + n\tau^2 I)^{-1}$ degrees of freedom. At $\tau = 0$ it is the test of Hotelling (1931), and
    $\nu = k$: exact for normal rows and, by the central limit theorem, nearly so for others of light tails with n much
    above k. The tolerance $\tau$, in the units of the rows, forgives rounding and the bias of finite differences, also
    in directions in which the rows hardly vary, and makes p-values larger if anything. Not-a-numbers give 0.

    >>> rows = torch.randn(1000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    >>> mean_is_zero(rows) > 0.01, mean_is_zero(rows + 0.3) < 1e-20
    (True, True)
    """
    from scipy.special import fdtrc

    if not torch.isfinite(rows).all():
        return 0.0
    n, mean = len(rows), rows.mean(0)
    centred = rows - mean
    values, axes = torch.linalg.eigh(centred.T @ centred / (n - 1) / n)
    values = values.clamp(min=0)
    freedom = max(1.0, float((values / (values + tolerated**2)).sum()))
    if n < 10 * freedom:
        raise InputError(f"got {n} draws for a test of {freedom:.0f} numbers; give at least {10 * freedom:.0f} draws")
    squared = float(((mean @ axes) ** 2 / (values + tolerated**2)).sum())
    return float(fdtrc(freedom, n - freedom, squared * (n - freedom) / (freedom * (n - 1))))


def standard_errors(rows: Tensor) -> Tensor:
    """The mean of each column in units of its standard error, (k,)."""
    error = rows.std(0) / len(rows) ** 0.5
    return torch.where(error > 0, rows.mean(0) / error.clamp(min=torch.finfo(rows.dtype).tiny), 0.0)
